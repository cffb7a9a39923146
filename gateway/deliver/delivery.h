/* delivery.h - a message on its way: routes, deliveries, attempts, outcomes, and what becomes of
 * them.
 *
 * round.c walks one message through [route] and sorts its recipients into deliveries; route.c takes
 * a delivery along its route, relay by relay, and asks [fallback] where one is left; delivery.c
 * does what is to be done at one relay: [admit], [prepare], [deliver] or the SMTP client, [result],
 * [leave]; settle.c writes down what came of it: done, DSN, later. All on the message's worker. */
#ifndef DELIVER_DELIVERY_H
#define DELIVER_DELIVERY_H

#include "base/list.h"
#include "client/transport.h"
#include "module/chain.h"
#include "queue/queue.h"

#define ROUTE_MAX 32

/* The ordered list of relays that may take a recipient. */
struct route {
	struct gw_relay *relays[ROUTE_MAX];
	size_t count;
};

/* What is known about a recipient in this round. */
struct rcpt_attempt {
	struct gw_rcpt *rcpt;
	struct route route;
	struct outcome outcome; /* status 0: none yet */
	bool bound;             /* an attempt ended unknown: to its relay and no other */
	bool placed;            /* is in a delivery */
	bool local;             /* delivered by a module, not handed on */
	bool reported;          /* the next hop took over what the client asked to be told */
	bool quiet;             /* the bounce hook said: no DSN */
	/* what the attempt that runs gave for it is known to modules, log and message */
	bool noted;
};

/* One message in one round of work: from due to settled. In the message's arena. */
struct delivery_round {
	struct list_link link; /* of its worker's rounds */
	struct gw_message *message;
	struct gw_call call;
	struct rcpt_attempt *recipients;
	size_t count, at; /* at: whose route is being asked for */
	size_t open;      /* deliveries that run */
	struct gw_delivery *deliveries;
	/* keys of queue/wait.h that wake it before its time, parted by '\n'; empty: none does */
	struct gw_str wait_on;
	/* queue clock: the earliest time at which a module or a closed relay takes it; 0: none */
	int64_t wait_until;
	/* a module keeps it, or a limit does: that alone does not let it expire */
	bool patient;
	struct gw_str hold_why; /* on hold after this round; empty: not */
	bool tried;             /* some relay was tried, so the retry schedule goes on */
	size_t reports;         /* DSNs on their way to the spool */
	bool report_lost;       /* one of them could not be kept */
	/* the configuration changed, or an admin moved it: a new round at once */
	bool again;
	struct gw_result result; /* what the bounce hook looks at */
	struct gw_outcome told;  /* and its outcome */
};

struct gw_delivery {
	struct gw_delivery *next; /* of the round */
	struct delivery_round *round;
	struct gw_message *message;
	struct gw_call call;
	struct edits edits;
	/* private bytes of instances; made when first asked for, anew for each relay */
	char *data;
	struct attempt attempt;           /* rcpts and outcomes are its arrays */
	struct rcpt_attempt **recipients; /* parallel to attempt.rcpts */
	struct route route;
	size_t at;             /* which relay of the route; those before it were asked */
	struct route fallback; /* what the fallback hook named */
	enum gw_cause cause;   /* why the relay is left */
	/* relays that were passed over without an attempt, in words; empty: none was */
	struct gw_str why;
	/* a relay that failed may take it another time, whatever the others lack */
	bool hopeful;
	bool admitted; /* the admit hook was asked at this relay: leave is due */
	bool stays;    /* its recipients are bound to this relay */
	/* recipients that split() took away: begins when the admit hook is over */
	struct gw_delivery *rest;
	struct gw_login login; /* what login_set gave */
	bool login_given;
	bool sending; /* the transport has the attempt */
	/* a recipient was delivered, or may have been, and no state says so yet */
	bool unrecorded;
};

/* What is under way on a worker, so that a shutdown can let go of it. */
struct deliveries {
	struct list_link rounds;
	struct list_link trials; /* relay_trial.c */
};

int delivery_start(struct worker *worker);
/* lets go of what runs, on the worker's thread: the queue keeps the messages */
void delivery_stop(struct worker *worker);
void delivery_finish(struct worker *worker); /* frees, after the worker has ended */

/* relay_trial.c: each ends as it is. */
void trials_stop(struct list_link *trials);

/* Each delivery that is under way on this worker. */
void delivery_each(struct worker *worker,
		   void (*each)(void *arg, const struct gw_delivery *delivery), void *arg);

/* An admin moved the message: what is in the air ends as it is, the rest of it begins a new round.
 */
void delivery_send_back(struct worker *worker, uint64_t id);

/* The runner of the queue. */
void round_begin(struct gw_message *message);

/* The same for a message that somebody only asks about: explain_end follows. */
void round_explain(struct gw_message *message);

/* Prepares a call about the message. */
void round_call(struct gw_call *call, struct gw_message *message);

/* route.c: runs a delivery through its route; round_delivery_done follows, from the loop or from
 * inside. */
void route_begin(struct gw_delivery *delivery);
/* looks at the relay anew: nothing was tried there */
void route_again(struct gw_delivery *delivery);
/* leaves the relay with the recipients it has now */
void route_next(struct gw_delivery *delivery, enum gw_cause cause);
/* every recipient has its outcome, or is put off */
void route_end(struct gw_delivery *delivery);
void round_delivery_done(struct gw_delivery *delivery);

/* A relay is passed over, or mail waits there: until when (wall ms, 0: not known), and in words. */
void route_skipped(struct gw_delivery *delivery, enum gw_cause cause, int64_t until,
		   struct gw_str why);
void round_wait_until(struct delivery_round *round, int64_t wall);

/* What would wake the message: a key of queue/wait.h. */
void round_wait_on(struct delivery_round *round, struct gw_str key);

/* delivery.c: what is to be done at the relay the walk came to; ends in one of the four above. */
void delivery_at_relay(struct gw_delivery *delivery, struct gw_relay *relay);

/* The gateway stops: an attempt that runs ends as it is, and what it gave until then is kept. */
void delivery_abandon(struct gw_delivery *delivery);

/* round.c: recipients from `count` on become a delivery of their own, at the same relay; NULL: no
 * memory. */
struct gw_delivery *delivery_split(struct gw_delivery *delivery, size_t count);

/* The round's outcome of recipients that have none: put off, nothing was tried. */
void delivery_put_off(struct gw_delivery *delivery, const char *enhanced, struct gw_str why);

/* settle.c: every outcome of the round is known. */
void round_settle(struct delivery_round *round);
/* nothing is left to do: it ends when no module's work looks at it */
void round_release(struct delivery_round *round);

/* report.c: the bounce hook and the DSNs of the round; settle_written follows when they are
 * durable. */
void report_begin(struct delivery_round *round);
void settle_written(struct delivery_round *round);

/* A report of ours to somebody's null sender: nobody is told when it is lost. */
static inline bool message_is_report(const struct gw_message *message)
{
	return message->own && !message->sender.len;
}

/* Tells the event hook. */
void tell_event(struct gw_message *message, const struct gw_rcpt *rcpt, const char *name,
		struct gw_str text);

/* A line about one recipient's outcome. */
void outcome_record(const struct gw_message *message, const struct gw_rcpt *rcpt,
		    const struct outcome *outcome, const struct gw_delivery *delivery);

#endif
