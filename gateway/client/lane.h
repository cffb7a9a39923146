/* lane.h - one worker's way to one relay, or to one site of a relay with host = "mx": attempts that wait, connections in use and idle. Inside client/ only.
 *
 * Whatever happens in a lane happens between transport_enter and transport_leave. A lane that changed is touched, an attempt that ended is
 * put aside; transport_leave looks at the first and tells the second, when no function of a client is on the stack any more. */
#ifndef CLIENT_LANE_H
#define CLIENT_LANE_H

#include "base/list.h"
#include "client/slots.h"
#include "client/transport.h"

#include <sys/queue.h>

struct client;
LIST_HEAD(client_list, client);

struct attempt_list {
	struct attempt *first, **last;
};
void attempts_init(struct attempt_list *list);
void attempts_append(struct attempt_list *list, struct attempt *attempt);
void attempts_prepend(struct attempt_list *list, struct attempt *attempt);
struct attempt *attempts_shift(struct attempt_list *list);                    /* of a list that is not empty */
bool attempts_remove(struct attempt_list *list, struct attempt *attempt);     /* false: it is not in there */

struct transport {
	struct worker *worker;
	struct lane *lanes;
	struct str_map sites;        /* of the lanes those to sites, by name */
	struct timer sweep;          /* frees sites that nobody sends to any more */
	struct lane *touched;
	struct attempt_list ended;
	struct client_list dead;     /* closed, to be freed */
	struct post turn;            /* tells what ended outside the loop's events */
	bool turn_posted;
	bool stopping, finished;
	unsigned depth;
};

/* An address of a site that could not be used a moment ago: the others come first. */
struct site_mark {
	union dns_address address;
	int64_t until;               /* monotonic ms */
};
#define SITE_MARKS 32
#define SITE_MARKED 60000            /* ms */
#define SITE_KEPT 60000              /* ms: how long a lane is kept without use */

struct lane {
	struct gw_str name;          /* first, for the map; the relay's, or "relay/hosts of the site" */
	struct lane *next, *next_touched;
	struct transport *transport;
	struct relay_shared *shared;
	struct seat *seat;
	struct attempt_list waiting;
	size_t depth;                /* how many wait */
	struct client_list busy, idle;
	unsigned established;        /* connections that can carry mail */
	unsigned quitting;
	bool touched;
	/* A link that could not be made: for a moment no other is tried. */
	struct outcome failure;
	struct arena failure_words;
	unsigned failure_generation;
	int64_t failed_at;           /* monotonic ms; 0: never */
	struct timer retry;
	/* A relay that takes nothing is asked by one probe at a time, less and less often. */
	int64_t down_for;            /* ms; 0: it is not known to be down */
	int64_t probe_at;            /* monotonic ms */
	struct timer probe;
	/* of a site */
	bool site;
	int64_t used_at;
	struct site_mark marks[SITE_MARKS];
	unsigned next_mark;
};

#define LANE_FRESH 1000  /* ms: how long a failure speaks for the others */
#define LANE_DEEP 256    /* attempts that wait in a lane at most; the rest waits in the queue, which costs less */
#define LANE_LOW 128     /* fewer: some are called back */
#define LANE_CALL 2      /* of those for each attempt that ended: more would come to a full lane, and go back for nothing */
#define LANE_PROBE_MOST (5 * 60 * 1000) /* ms between two probes at most */
#define LANE_LOCAL_MOST 15000 /* the same where this machine is at fault */
#define LANE_CROWDED 60000 /* ms: how long a relay that has enough links is asked for no more */
#define LANE_TURN 20     /* messages a connection carries while another worker has none at all */

void transport_enter(struct transport *transport);
void transport_leave(struct transport *transport, bool from_loop);

struct lane *lane_of(struct transport *transport, struct gw_relay *relay); /* made when it is not there yet; NULL: no memory */
struct lane *lane_create(struct transport *transport, struct relay_shared *shared); /* takes over a reference; NULL: no memory, not taken */
void lane_destroy(struct lane *lane);                           /* all but its own memory */
void lane_look(struct lane *lane);                              /* serves who waits, as far as there is something to serve with */
void lane_touch(struct lane *lane);
void lane_append(struct lane *lane, struct attempt *attempt);
bool lane_remove(struct lane *lane, struct attempt *attempt);   /* false: it does not wait here */
void lane_requeue(struct lane *lane, struct attempt *attempt);  /* at the front */
void lane_close_idle(struct lane *lane);

/* back_off.c */
void lane_link(struct lane *lane, int by);                      /* one more that can carry mail, or one less */
int64_t lane_connections(const struct lane *lane, struct gw_relay *relay); /* how many there may be now, over all workers */
void lane_fail(struct lane *lane, const struct outcome *outcome, unsigned generation);
bool lane_can_wait(struct lane *lane, const struct outcome *outcome); /* for links that stand, of any worker, instead of failing */
bool lane_is_down(const struct lane *lane);                     /* nothing can be sent there until a probe has got through */
bool lane_waits_for_probe(const struct lane *lane);             /* it is down, and its next try is yet to come or under way */
void lane_begin_anew(struct lane *lane);                        /* the relay is asked again, whatever is known of it */
void lane_up(struct lane *lane);
void lane_ended(struct lane *lane, const struct attempt *attempt); /* what it says about the relay, and who may come next */

/* anew.c */
bool lane_is_no_way(const struct lane *lane, const struct attempt *attempt); /* what waits is to go by its route anew */
void lane_send_back(struct lane *lane);                                    /* ends all of which that is so */

/* trial.c */

/* site.c */
struct lane *site_aside(struct transport *transport, struct gw_relay *relay); /* for those that somebody looks on; NULL: no memory */
void site_ask(struct transport *transport, struct attempt *attempt);       /* finds its lane, or ends it, from the loop */
struct lane *site_known(struct transport *transport, struct gw_relay *relay, struct gw_str domain); /* NULL: there is none, or nobody knows */
void site_forget(struct attempt *attempt);                                 /* what was asked and answered for it */
size_t site_hosts(const struct dns_answer *mx, struct gw_str self);        /* those better than this gateway itself */
void site_mark(struct lane *lane, const union dns_address *address);
bool site_is_marked(const struct lane *lane, const union dns_address *address);
void site_sweep(struct transport *transport, int64_t now);

/* Every outcome is set: hands the attempt back at the end of the turn. */
void attempt_end(struct transport *transport, struct attempt *attempt);
/* What the relay's last failure was, in words. */
void attempt_last_error(struct relay_shared *shared, char *text, size_t size);
/* Sets the outcome of every recipient that has none. The words are copied. */
void attempt_settle(struct attempt *attempt, const struct outcome *outcome);
/* Ends one whose turn did not come. Recipients that an earlier transaction settled keep their outcome, the others get none. */
void attempt_unserved(struct transport *transport, struct attempt *attempt);
/* Ends an attempt that met no next hop: deferred. */
void attempt_fail(struct transport *transport, struct attempt *attempt, const char *enhanced, const char *why);

#endif
