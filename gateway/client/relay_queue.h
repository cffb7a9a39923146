/* relay_queue.h - one worker's way to one relay, or to one MX group of a relay with host = "mx":
 * attempts that wait, connections in use and idle. Inside client/ only.
 *
 * Whatever happens in a relay queue happens between transport_enter and transport_leave. A relay
 * queue that changed is touched, an attempt that ended is put aside; transport_leave looks at the
 * first and tells the second, when no function of a client is on the stack any more. */
#ifndef CLIENT_RELAY_QUEUE_H
#define CLIENT_RELAY_QUEUE_H

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
/* of a list that is not empty */
struct attempt *attempts_shift(struct attempt_list *list);
/* false: it is not in there */
bool attempts_remove(struct attempt_list *list, struct attempt *attempt);

struct transport {
	struct worker *worker;
	struct relay_queue *queues;
	struct str_map sts;    /* struct sts_asking, by domain */
	struct str_map groups; /* of the relay queues those to MX groups, by name */
	struct timer sweep;    /* frees MX groups that nobody sends to any more */
	struct relay_queue *touched;
	struct attempt_list ended;
	struct client_list closed_clients; /* closed, to be freed */
	struct post turn;                  /* tells what ended outside the loop's events */
	bool turn_posted;
	bool stopping, finished;
	unsigned depth;
};

/* An address of an MX group that could not be used a moment ago: the others come first. */
struct mx_group_mark {
	union dns_address address;
	int64_t until; /* monotonic ms */
};
#define MX_GROUP_MARKS 32
#define MX_GROUP_MARKED 60000 /* ms */
#define MX_GROUP_KEPT 60000   /* ms: how long a relay queue is kept without use */

struct relay_queue {
	/* first, for the map; the relay's, or "relay/hosts of the MX group" */
	struct gw_str name;
	struct relay_queue *next, *next_touched;
	struct transport *transport;
	struct relay_shared *shared;
	struct slot_holder *holder;
	struct attempt_list waiting;
	size_t depth; /* how many wait */
	struct client_list busy, idle;
	unsigned established; /* connections that can carry mail */
	unsigned quitting;
	bool touched;
	/* A link that could not be made: for a moment no other is tried. */
	struct outcome failure;
	struct arena failure_words;
	unsigned failure_generation;
	int64_t failed_at; /* monotonic ms; 0: never */
	struct timer retry;
	/* A relay that takes nothing is asked by one probe at a time, less and less often. */
	int64_t down_for; /* ms; 0: it is not known to be down */
	int64_t probe_at; /* monotonic ms */
	struct timer probe;
	/* of an MX group */
	bool group;
	bool tls_not_required; /* neither DANE nor MTA-STS counts */
	int64_t used_at;
	struct mx_group_mark marks[MX_GROUP_MARKS];
	unsigned next_mark;
};

#define RELAY_QUEUE_FRESH 1000 /* ms: how long a failure speaks for the others */
/* Attempts that wait in a relay queue at most; the rest waits in the queue, which costs less. */
#define RELAY_QUEUE_DEEP 256
#define RELAY_QUEUE_LOW 128 /* fewer: some are called back */
/* Of those for each attempt that ended: more would come to a full relay queue, and go back for
 * nothing. */
#define RELAY_QUEUE_CALL 2
#define RELAY_QUEUE_PROBE_MOST (5 * 60 * 1000) /* ms between two probes at most */
#define RELAY_QUEUE_LOCAL_MOST 15000           /* the same where this machine is at fault */
/* How long a relay that has enough links is asked for no more: ms. */
#define RELAY_QUEUE_CROWDED 60000
/* Messages a connection carries while another worker has none at all. */
#define RELAY_QUEUE_TURN 20

void transport_enter(struct transport *transport);
void transport_leave(struct transport *transport, bool from_loop);

/* made when it is not there yet; NULL: no memory */
struct relay_queue *relay_queue_of(struct transport *transport, struct gw_relay *relay);
/* takes over a reference; NULL: no memory, not taken */
struct relay_queue *relay_queue_create(struct transport *transport, struct relay_shared *shared);
/* all but its own memory */
void relay_queue_destroy(struct relay_queue *queue);
/* serves who waits, as far as there is something to serve with */
void relay_queue_look(struct relay_queue *queue);
void relay_queue_touch(struct relay_queue *queue);
void relay_queue_append(struct relay_queue *queue, struct attempt *attempt);
/* false: it does not wait here */
bool relay_queue_remove(struct relay_queue *queue, struct attempt *attempt);
void relay_queue_requeue(struct relay_queue *queue, struct attempt *attempt); /* at the front */
void relay_queue_close_idle(struct relay_queue *queue);

/* back_off.c */
/* one more that can carry mail, or one less */
void relay_queue_link(struct relay_queue *queue, int by);
/* how many there may be now, over all workers */
int64_t relay_queue_connections(const struct relay_queue *queue, struct gw_relay *relay);
void relay_queue_fail(struct relay_queue *queue, const struct outcome *outcome,
		      unsigned generation);
/* for links that stand, of any worker, instead of failing */
bool relay_queue_can_wait(struct relay_queue *queue, const struct outcome *outcome);
/* nothing can be sent there until a probe has got through */
bool relay_queue_is_down(const struct relay_queue *queue);
/* it is down, and its next try is yet to come or under way */
bool relay_queue_waits_for_probe(const struct relay_queue *queue);
/* the relay is asked again, whatever is known of it */
void relay_queue_begin_anew(struct relay_queue *queue);
void relay_queue_up(struct relay_queue *queue);
/* what it says about the relay, and who may come next */
void relay_queue_ended(struct relay_queue *queue, const struct attempt *attempt);

/* anew.c */
/* what waits is to go by its route anew */
bool relay_queue_is_no_way(const struct relay_queue *queue, const struct attempt *attempt);
/* ends all of which that is so */
void relay_queue_send_back(struct relay_queue *queue);

/* mx_group.c */
/* for those that somebody looks on; NULL: no memory */
struct relay_queue *mx_group_aside(struct transport *transport, struct gw_relay *relay);
/* finds its relay queue, or ends it, from the loop */
void mx_group_ask(struct transport *transport, struct attempt *attempt);
/* NULL: there is none, or nobody knows */
struct relay_queue *mx_group_known(struct transport *transport, struct gw_relay *relay,
				   struct gw_str domain);
/* what was asked and answered for it */
void mx_group_forget(struct attempt *attempt);
/* those better than this gateway itself */
size_t mx_group_hosts(const struct dns_answer *mx, struct gw_str self);
void mx_group_mark(struct relay_queue *queue, const union dns_address *address);
bool mx_group_is_marked(const struct relay_queue *queue, const union dns_address *address);
void mx_group_sweep(struct transport *transport, int64_t now);

/* Every outcome is set: hands the attempt back at the end of the turn. */
void attempt_end(struct transport *transport, struct attempt *attempt);
/* What the relay's last failure was, in words. */
void attempt_last_error(struct relay_shared *shared, char *text, size_t size);
void attempt_set_last_error(struct relay_shared *shared, const char *text, int64_t when);
/* Sets the outcome of every recipient that has none. The words are copied. */
void attempt_finish(struct attempt *attempt, const struct outcome *outcome);
/* Ends one whose turn did not come. Recipients that an earlier transaction settled keep their
 * outcome, the others get none. */
void attempt_unserved(struct transport *transport, struct attempt *attempt);
/* Ends an attempt that met no next hop: deferred. */
void attempt_fail(struct transport *transport, struct attempt *attempt, const char *enhanced,
		  const char *why);

#endif
