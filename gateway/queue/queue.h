/* queue.h - the messages of one worker between their 250 and their last recipient.
 *
 * Invariants, kept here and by spool/: a message answered 250 is on disk until every recipient is
 * final; a recipient is final only after a positive record of it.
 *
 * An entry is small and stays as long as the message does; the message itself is in memory only
 * while it is worked on. A message lives and dies on one worker. Times are of the queue's clock:
 * the wall clock at the start plus what the monotonic clock has advanced since, so that a wall
 * clock that jumps neither bounces a queue nor stalls it. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/list.h"
#include "mail/message.h"
#include "queue/entry_state.h"
#include "queue/heap.h"
#include "queue/runtime.h"

struct wait;

struct queue_entry {
	uint64_t id;          /* first: the key of the map */
	struct heap_node due; /* queue clock, ms */
	/* ACTIVE, just committed, or with a state on its way to the disk; else NULL */
	struct gw_message *message;
	struct list_link link;   /* among the incoming ones */
	struct wait *waits;      /* what wakes it: wait.h */
	struct ordered *ordered; /* to be done when the message is in memory: ordered.c */
	uint16_t attempts;
	uint16_t writes; /* states on their way to the disk */
	uint8_t state;   /* enum entry_state; entry_change alone sets it */
	uint8_t orders;  /* enum queue_order bits that wait to be carried out */
	bool in_heap;
	bool wants_bounce; /* an admin wants it given back */
	bool unread;       /* it could not be read when that was tried last */
	bool is_late;      /* the message has changed since the state that is on its way */
};

/* What works on a message that is due. It ends with queue_final, queue_later or queue_hold, from
 * the loop or from inside. */
typedef void queue_runner(struct gw_message *message);

/* Makes the worker's queue, whose messages that runner works on: before the worker runs. -1: no
 * memory. */
int queue_start(struct worker *worker, queue_runner *run);
void queue_stop(struct worker *worker); /* drops what is in memory; the spool has it */

/* A message that recovery found; before the worker runs. -1: no memory; an envelope or state that
 * cannot be read is logged, held. */
int queue_recovered(struct worker *worker, const struct spool_found *found);

/* A message that was just committed: the queue owns it now, and works on it soon. Never fails: what
 * does not fit in memory is read back from the spool. */
void queue_add(struct gw_message *message);

/* The same for one whose owner keeps it: the queue reads its own from the spool. */
void queue_add_stored(struct worker *worker, uint64_t id);

/* The message is done: records FINAL, forgets it, frees it. */
void queue_final(struct gw_message *message);

/* Not done: records the state, frees the message, comes back at message->next_at, or sooner when a
 * key of message->wait_on wakes it. */
void queue_later(struct gw_message *message);

/* A key of wait.h came up: up to `most` of what waits for it is due now, in turn from each client.
 * Gives how many. */
size_t queue_wake(struct worker *worker, struct gw_str key, size_t most);

/* All that waits for the relay now, or with an empty name for anything, is woken a little at a
 * time: recall.h does it on all workers. */
void queue_wake_all(struct worker *worker, struct gw_str relay);

/* The gateway itself holds it: records the state and keeps it until it is released; `why` is shown
 * to people. It comes back at message->next_at all the same, still held, for what its sender has to
 * be told. */
void queue_hold(struct gw_message *message, struct gw_str why);

/* Records the state of a message that is being worked on (a recipient became final), without
 * waiting. Of one message one state is on its way to the disk, and what is known when it is there
 * goes after it: a state has all recipients, and thousands may become final one by one. */
void queue_record(struct gw_message *message);

/* What waits for that goes at once: nothing will come back from the disk any more. */
void queue_record_now(struct gw_message *message);

/* The queue's clock, ms since 1970 as a wall clock that never jumped. [any thread] */
int64_t queue_now(void);

/* The time until the next attempt after `attempts` of them, from the settings, a tenth more or
 * less. */
int64_t queue_backoff(const struct settings *settings, unsigned attempts);

/* Puts a message that waits on hold, before the worker runs or on its thread; its state says so as
 * soon as it was read. False: none waits here under this id, or no memory. */
bool queue_hold_waiting(struct worker *worker, uint64_t id, struct gw_str why);

/* What an admin asks for. For an active message it is done when it comes back to the queue. */
enum queue_order {
	ORDER_RETRY = 1,
	ORDER_HOLD = 2,
	ORDER_RELEASE = 4,
	ORDER_BOUNCE = 8,
	ORDER_DELETE = 16, /* nobody is told; synced, so that no restart brings it back */
};
/* It is so at once; what has to stand in the message's state is written when the message was read,
 * on the pool: queue_orders_open. One that cannot be read now is tried again, one that is damaged
 * is held. False: no such message here, or no memory. */
bool queue_order(struct worker *worker, uint64_t id, enum queue_order order);
/* the runner asks before it tries */
bool queue_wants_bounce(const struct gw_message *message);

/* An admin moves a message: from now on it has that note. What runs is to end soon, by whoever
 * calls; what waits is due. It is read as for queue_order. False: no such message here, or no
 * memory. */
bool queue_set_note(struct worker *worker, uint64_t id, struct gw_str key, struct gw_str value);

/* How many messages are still to be read for an order, without those that cannot be read now. */
size_t queue_orders_open(struct worker *worker);

/* Those that wait for the relay to wake them. */
void queue_waiting_for(struct worker *worker, struct gw_str relay,
		       void (*each)(void *arg, const struct queue_entry *entry), void *arg);

struct queue_entry *queue_find(struct worker *worker, uint64_t id);
/* each in no order; *at begins at 0 */
struct queue_entry *queue_next(struct worker *worker, size_t *at);

/* What the nth key is that wakes the entry; empty: it has no more. */
struct gw_str queue_wait_key(const struct queue_entry *entry, size_t nth);

struct queue_counts {
	uint64_t waiting, active, held, in_memory;
};
void queue_count(struct worker *worker, struct queue_counts *counts);

#endif
