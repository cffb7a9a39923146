/* delivery_private.h - the steps of a round and of its deliveries, and what the files that take
 * them share. Inside deliver/ only.
 *
 * A round is one round of work on a message; a delivery is the way of some of its recipients along
 * their route. Both are tasks: each takes one step after the other (steps.c has the table), and
 * waits where a step says so. Step functions call no other step: they give the next one. */
#ifndef DELIVER_DELIVERY_PRIVATE_H
#define DELIVER_DELIVERY_PRIVATE_H

#include "base/list.h"
#include "deliver/delivery.h"

enum step {
	STEP_WAITS, /* task_continue goes on with it, from the loop or from inside */
	STEP_OVER,  /* nothing goes on with it any more: its memory may be gone */
	STEP_ASK,   /* the step's hook is asked; its answer leads on */
	/* of a round */
	STEP_ROUTE,
	STEP_SORT,
	/* of each of its deliveries */
	STEP_CHECK_RELAY,
	STEP_ADMIT,
	STEP_PREPARE,
	STEP_SEAL,
	STEP_LOGIN,
	STEP_DELIVER,
	STEP_SEND,
	STEP_RESULT,
	STEP_NEXT_RELAY,
	STEP_FINISH,
	/* of the round again, when all of them are over */
	STEP_OUTCOMES,
	STEP_BOUNCE,
	STEP_REPORT,
	STEP_FAIL,
	STEP_RELEASE,
	STEP_REQUEUE,
	STEPS
};

struct task {
	struct list_link ready; /* of its worker's tasks that go on next */
	enum step at;
	bool answered; /* the hook of that step has its answer */
	struct gw_call call;
};

/* Goes on with a task that waits. Called from inside a step, its own or another's, it takes effect
 * when that step has returned. */
void task_continue(struct task *task, enum step next);

/* Gives `next` where no work of a module looks at the task's call; else the task waits for that. */
enum step task_when_free(struct task *task, enum step next);

/* --- the round --- */

/* What is known about a recipient in this round. */
struct rcpt_attempt {
	struct gw_rcpt *rcpt;
	struct route route;
	struct outcome outcome; /* status 0: none yet */
	bool bound;             /* an attempt ended unknown: to its relay and no other */
	bool sorted;            /* is in a delivery */
	bool local;             /* delivered by a module, not handed on */
	bool reported;          /* the next hop took over what the client asked to be told */
	bool quiet;             /* the bounce hook said: no DSN */
	bool warned;            /* this round's report says that it is late */
	/* what the attempt that runs gave for it is known to modules, log and message */
	bool noted;
};

/* One message in one round of work: from due to final, or back in the queue. In the message's
 * arena. */
struct delivery_round {
	struct task task;      /* first */
	struct list_link link; /* of its worker's rounds */
	struct gw_message *message;
	const struct round_effects *effects;
	struct rcpt_attempt *recipients;
	size_t count, at; /* at: about whom a hook is asked */
	/* deliveries that are not over; at the end: calls that a module's work still looks at */
	size_t open;
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
	uint64_t warning;       /* id of the one that tells of a delay; 0: there is none */
	bool warning_lost;      /* that one could not be kept: it is owed still */
	bool unrecorded;        /* as of a delivery, when all of them are over */
	bool refusal;           /* for a client that waits still: then no report goes out */
	/* the configuration changed, or an admin moved it: a new round at once */
	bool again;
	struct gw_result result;   /* what the bounce hook looks at */
	struct gw_outcome outcome; /* and its outcome */
};

struct gw_delivery {
	struct task task;         /* first */
	struct gw_delivery *next; /* of the round */
	struct delivery_round *round;
	struct gw_message *message;
	struct edits edits;
	/* private bytes of instances; made when first asked for, anew for each relay */
	char *data;
	struct attempt attempt;           /* rcpts and outcomes are its arrays */
	struct rcpt_attempt **recipients; /* parallel to attempt.rcpts */
	struct route route;
	size_t at;              /* which relay of the route; those before it were asked */
	struct route fallback;  /* what the fallback hook named */
	enum gw_cause cause;    /* why the relay before this one was left */
	enum gw_cause left_for; /* why this one is: `cause` when its leave hook was told */
	/* relays that were passed over without an attempt, in words; empty: none was */
	struct gw_str why;
	/* a relay that failed may take it another time, whatever the others lack */
	bool hopeful;
	bool admitted; /* the admit hook was asked at this relay: leave is due */
	bool stays;    /* its recipients are bound to this relay */
	/* recipients that the admit hook split off, a list: they begin when it is over */
	struct gw_delivery *rest;
	struct gw_login login; /* what login_set gave */
	bool login_given;
	/* a module that delivers said that the login was not taken; empty: it did not */
	struct gw_str login_refused;
	bool sending; /* the transport has the attempt */
	/* a recipient was delivered, or may have been, and no state says so yet */
	bool unrecorded;
};

/* What a round does to the world: a real one keeps, counts and writes the log (effects.c), one that
 * somebody only asks about tells what it would do (explain.c). The steps are the same. */
struct round_effects {
	/* a change of the configuration under way, or an admin's word, begins it anew */
	bool begins_anew;
	void (*listen)(struct gw_call *call); /* where the reasons that modules give go */
	/* The relay it is at is passed over. */
	void (*skipped)(const struct gw_delivery *delivery, enum gw_cause cause, struct gw_str why);
	/* No relay of the route takes it now. */
	void (*waits)(const struct gw_delivery *delivery);
	/* A module decided for all recipients, and nothing was tried: the attempt's outcomes. */
	void (*decided)(struct gw_delivery *delivery);
	/* The relay is the one. */
	enum step (*admitted)(const struct gw_delivery *delivery);
	/* Every recipient has its outcome. */
	enum step (*outcomes)(struct delivery_round *round);
	/* Nothing looks at the message any more: it leaves the round, whose memory is gone then. */
	void (*ended)(struct delivery_round *round);
};
extern const struct round_effects real_effects, explain_effects;

/* round_end.c: the real ones at the end. */
enum step round_outcomes(struct delivery_round *round);
void round_ended(struct delivery_round *round);

/* What is under way on a worker, so that a shutdown can let go of it. */
struct deliveries {
	struct list_link rounds;
	struct list_link relay_tests;
	struct list_link ready; /* tasks that go on next */
	bool running;           /* one of them takes its steps now */
};

static inline struct deliveries *deliveries_of(const struct worker *worker)
{
	return worker_get(worker, SLOT_DELIVERY);
}

static inline struct delivery_round *round_of(struct task *task)
{
	return (struct delivery_round *)task;
}

static inline struct gw_delivery *delivery_of(struct task *task)
{
	return (struct gw_delivery *)task;
}

/* answer.c: tells the client that waits for its next hop, if there is one, how the round ended.
 * True: nothing yet, since all is refused; it hears that when no module's work looks at the message
 * any more: answer_refuse. */
bool answer_round(const struct delivery_round *round);
/* True: the refusal is the client's, and the message ends. False: it is as accepted. */
bool answer_refuse(struct delivery_round *round);

/* Prepares a call about the message. */
void call_init(struct gw_call *call, struct gw_message *message);

/* The same for a message that somebody only asks about: its effects say that it ended. -1: no
 * memory, and nothing follows. */
int round_explain(struct gw_message *message);

/* Where it waits for others before it ends: what was delivered is recorded now. */
void round_record(struct delivery_round *round);

/* The message comes back no later than that (wall ms, 0: not known), or when the key wakes it. */
void round_wait_until(struct delivery_round *round, int64_t wall);
void round_wait_on(struct delivery_round *round, struct gw_str key);
/* Whoever opens the relay that is asked calls the message back too. */
void delivery_wait_open(const struct gw_delivery *delivery);

/* A report of ours to somebody's null sender: nobody is told when it is lost. */
static inline bool message_is_report(const struct gw_message *message)
{
	return message->own && !message->sender.len;
}

/* delivery.c: puts each recipient that has a route and no outcome into a delivery. */
void deliveries_create(struct delivery_round *round);

/* next_relay.c: the relay is passed over, or mail waits there: until when (wall ms, 0: not known),
 * and in words. */
void relay_skipped(struct gw_delivery *delivery, enum gw_cause cause, int64_t until,
		   struct gw_str why);
/* The relay is left for that cause. */
enum step relay_left(struct gw_delivery *delivery, enum gw_cause cause);
/* It is looked at anew, since nothing was tried there. */
enum step relay_again(struct gw_delivery *delivery);
/* No relay of the route can take it now. */
enum step route_exhausted(struct gw_delivery *delivery);
void tell_leave(struct gw_delivery *delivery);

/* The round's outcome of recipients that have none: put off, nothing was tried. */
void delivery_put_off(struct gw_delivery *delivery, const char *enhanced, struct gw_str why);

/* relay_hooks.c: a module decided it, or nobody can, before any attempt: the words are used where
 * the module gave none. */
enum step delivery_decided(struct gw_delivery *delivery, enum gw_status status,
			   const char *enhanced, const char *words);

/* Nobody needs it any more: its secret is wiped. */
void delivery_forget_login(struct gw_delivery *delivery);
/* send.c: asks the login hook for what the next hop wants; attempt_login follows. */
void delivery_ask_login(struct attempt *attempt, struct gw_str mechanisms);
/* The gateway stops: an attempt that runs ends as it is, and what it gave until then is kept. */
void delivery_abandon(struct gw_delivery *delivery);

/* relay_hooks.c: the gateway stops while a module delivers: who has it, or may have it, by what the
 * module said is kept. Its call is over. */
void delivery_keep_taken(struct gw_delivery *delivery);

/* result.c: what the attempt gave until now is known, and on its way to the disk. */
void result_keep(struct gw_delivery *delivery);
/* The same of who has it or may have it, which no module is told. */
void result_keep_taken(struct gw_delivery *delivery);

/* relay_test.c: each ends as it is. */
void relay_tests_stop(struct list_link *tests);

/* effects.c: a line about one recipient's outcome; `delivery` NULL: of no attempt. */
void outcome_record(const struct gw_message *message, const struct gw_rcpt *rcpt,
		    const struct outcome *outcome, const struct gw_delivery *delivery);

/* --- the steps, each in the file of its noun --- */
enum step step_route(struct task *task);
enum step step_route_answered(struct task *task);
enum step step_sort(struct task *task);
enum step step_check_relay(struct task *task);
enum step step_admit(struct task *task);
enum step step_admit_answered(struct task *task);
enum step step_prepare(struct task *task);
enum step step_prepare_answered(struct task *task);
enum step step_login(struct task *task);
enum step step_login_answered(struct task *task);
enum step step_seal(struct task *task);
enum step step_seal_answered(struct task *task);
enum step step_deliver(struct task *task);
enum step step_deliver_answered(struct task *task);
enum step step_send(struct task *task);
enum step step_result(struct task *task);
enum step step_next_relay(struct task *task);
enum step step_next_relay_answered(struct task *task);
enum step step_finish(struct task *task);
enum step step_outcomes(struct task *task);
enum step step_bounce(struct task *task);
enum step step_bounce_answered(struct task *task);
enum step step_report(struct task *task);
enum step step_fail(struct task *task);
enum step step_release(struct task *task);
enum step step_requeue(struct task *task);

#endif
