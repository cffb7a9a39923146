/* slots.h - how many connections a relay has at once over all workers, who waits for one, and what
 * they know of its next hops.
 *
 * One struct relay_shared for each relay name, found in a global table, never freed: it outlives
 * reloads. A relay with host = "mx" has one for each MX group more: each set of mail hosts that
 * somebody sends to. Those are counted, and freed with their last relay queue. A connection takes a
 * slot before it is opened and gives it back when it is closed. A worker that finds none says that
 * it waits; whoever gives a slot back notifies the next one that does, round robin. To notify is to
 * make the other worker's relay queue look again; it is never wrong, only sometimes for nothing. */
#ifndef CLIENT_SLOTS_H
#define CLIENT_SLOTS_H

#include "client/hop.h"
#include "loop/worker.h"
#include "module/settings.h"

#include <stdatomic.h>

#define SLOT_WORKERS 128 /* as many as id.h has makers */

struct relay_queue;

/* One worker's place at a relay. */
struct slot_holder {
	/* the notify: who posts it takes a reference for it, who runs it gives it back */
	struct post post;
	struct relay_shared *shared;
	struct worker *worker;
	struct relay_queue *queue; /* that worker's own */
	_Atomic bool posted;       /* the notify is on its way */
	_Atomic bool waiting;      /* attempts wait there and no slot was free */
	_Atomic bool idling;       /* it holds connections that idle */
	/* it takes the relay to be down, and tries it then, wall ms; 0, also by whoever finds that
	 * it is not: up */
	_Atomic int64_t down;
	_Atomic int held; /* slots */
};

struct relay_shared {
	struct gw_str name;          /* first: the key in the table */
	struct relay_shared *relay;  /* of an MX group: whose; else NULL */
	_Atomic unsigned references; /* of an MX group: relay queues, and notifies on their way */
	/* slots taken; of them idle; attempts that wait */
	_Atomic int64_t connections, idle, queued;
	/* connections that can carry mail, of all workers */
	_Atomic int64_t established;
	/* it wants no more connections than these; monotonic ms */
	_Atomic int64_t crowd, crowded_until;
	/* attempts that delivered something; that did not */
	_Atomic int64_t sent, failed;
	_Atomic int waiters;                     /* holders that wait */
	_Atomic int64_t succeeded_at, failed_at; /* wall ms, of the relay's own; 0: never */
	char error[256];                         /* what failed then; under a lock of attempt.c */
	int64_t kept_success, kept_failure;      /* as relay_past.c has kept them */
	/* as the last one that took a slot had it configured */
	_Atomic int64_t limit;
	struct hop_list hops; /* where its connections end */
	size_t holder_count;
	struct slot_holder holders[]; /* by worker */
};

/* The relay's, made when it is not there yet; NULL: no memory. [any thread] */
struct relay_shared *relay_shared(struct gw_relay *relay);

/* The MX group's, made when it is not there yet, with a reference to give back; NULL: no memory.
 * `name` is the key among all MX groups. [any thread] */
struct relay_shared *mx_group_shared(struct gw_relay *relay, struct gw_str name);
void mx_group_release(struct relay_shared *shared); /* fine for a relay's own, which stays */

/* Prepares this worker's holder for its relay queue. `notified` runs on the worker when another one
 * notifies. */
struct slot_holder *slot_holder_init(struct relay_shared *shared, struct worker *worker,
				     struct relay_queue *queue,
				     void (*notified)(struct post *post));
void slot_holder_leave(struct slot_holder *holder);

bool slot_take(struct slot_holder *holder, int64_t limit);
void slot_give_back(struct slot_holder *holder);

/* Says that this worker waits, or no longer. Having said so it must try once more before it sleeps,
 * then notify who idles. */
void slot_holder_wait(struct slot_holder *holder, bool waiting);
void slot_holder_idle(struct slot_holder *holder, bool idling);
void slot_holder_down(struct slot_holder *holder, int64_t until);
bool slot_holder_is_down(const struct slot_holder *holder);

/* the next other worker that waits, if there is a slot for it */
void slot_notify_waiting(struct slot_holder *from);
/* all other workers that take the relay to be down: it is not */
void slot_notify_down(struct slot_holder *from);
void slot_notify_idling(
	struct slot_holder *from); /* one other worker that holds idle connections */
bool slot_others_wait(const struct slot_holder *holder);
bool slot_others_starve(const struct slot_holder *holder); /* one of them holds no slot at all */

/* When the first of the workers that take it to be down tries it, wall ms; 0: it is not known to
 * be down, or some worker has a link to it. */
int64_t relay_shared_next_try(struct relay_shared *shared);

/* What a relay and all its MX groups have now. */
struct relay_now {
	int64_t connections, idle, queued;
	/* wall ms, of the relay itself, no worker of which reaches it; 0: it is not known to be
	 * down */
	int64_t next_try;
	/* MX groups that somebody sends to; of them not reached by any worker, and the first try */
	int64_t groups, groups_down, groups_next_try;
};

/* Every relay that was ever used. [any thread] */
void relay_shared_each(void (*each)(void *arg, struct relay_shared *shared,
				    const struct relay_now *now),
		       void *arg);

#endif
