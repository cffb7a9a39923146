/* queue.h - the messages of one worker between their 250 and their last recipient.
 *
 * Invariants, kept here and by spool/: a message answered 250 is on disk until every recipient is final; a recipient is
 * final only after a positive record of it.
 *
 * An entry is small and stays as long as the message does; the message itself is in memory only while it is worked on. A
 * message lives and dies on one worker. Times are of the queue's clock: the wall clock at the start plus what the monotonic clock
 * has advanced since, so that a wall clock that jumps neither bounces a queue nor stalls it. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "base/list.h"
#include "mail/message.h"
#include "queue/runtime.h"

enum entry_place {
	ENTRY_WAITING, /* in the heap until it is due */
	ENTRY_ACTIVE,  /* being worked on: `message` is set */
	ENTRY_HELD,    /* until an admin releases it */
};

struct queue_entry {
	uint64_t id;                /* first: the key of the map */
	int64_t due;                /* queue clock, ms */
	struct gw_message *message; /* ACTIVE, or WAITING and still in memory; else NULL */
	struct list_link park;      /* in a line of park.h while it waits for a relay, or among the fresh ones */
	uint32_t heap_index;
	uint16_t attempts;
	uint8_t place;              /* enum entry_place */
	uint8_t orders;             /* enum queue_order bits that came while it was active */
};

/* What works on a message that is due: set once by deliver/ before the workers start. It ends with queue_final, queue_later or queue_hold,
 * from the loop or from inside. */
typedef void queue_runner(struct gw_message *message);
void queue_set_runner(queue_runner *runner);

int queue_start(struct worker *worker); /* before the worker runs; -1: no memory */
void queue_stop(struct worker *worker); /* drops what is in memory; the spool has it */

/* A message that recovery found; before the worker runs. -1: no memory; an envelope or state that cannot be read is logged, held. */
int queue_recovered(struct worker *worker, const struct spool_found *found);

/* A message that was just committed: the queue owns it now, and works on it soon. Never fails: what does not fit in memory is read
 * back from the spool. */
void queue_add(struct gw_message *message);

/* The message is done: records FINAL, forgets it, frees it. */
void queue_final(struct gw_message *message);

/* Not done: records the state, frees the message, comes back at message->next_at. */
void queue_later(struct gw_message *message);

/* Like queue_later, and comes back sooner when the relay has room again. */
void queue_park(struct gw_message *message, struct gw_str relay);

/* A relay has room: makes up to `most` of what is parked for it due now, in turn from each client. Gives how many. */
size_t queue_unpark(struct worker *worker, struct gw_str relay, size_t most);

/* Calls back all that waits for the relay now, a little at a time: recall.h does it on all workers. */
void queue_recall(struct worker *worker, struct gw_str relay);

/* Records the state and keeps it until it is released; `why` is shown to people. */
void queue_hold(struct gw_message *message, struct gw_str why);

/* Records the state of a message that is being worked on (a recipient became final), without waiting. */
void queue_record(struct gw_message *message);

/* The queue's clock, ms since 1970 as a wall clock that never jumped. [any thread] */
int64_t queue_now(void);

/* The time until the next attempt after `attempts` of them, from the settings, a tenth more or less. */
int64_t queue_backoff(const struct settings *settings, unsigned attempts);

/* Puts a message that waits on hold, before the worker runs or on its thread. False: none waits here under this id. */
bool queue_hold_waiting(struct worker *worker, uint64_t id, struct gw_str why);

/* What an admin asks for. For an active message it is done when it comes back to the queue. */
enum queue_order { ORDER_RETRY = 1, ORDER_HOLD = 2, ORDER_RELEASE = 4, ORDER_BOUNCE = 8 };
bool queue_order(struct worker *worker, uint64_t id, enum queue_order order); /* false: no such message here */
bool queue_wants_bounce(const struct gw_message *message);                   /* the runner asks before it tries */

/* Those that wait for the relay to call them back. */
void queue_parked(struct worker *worker, struct gw_str relay, void (*each)(void *arg, const struct queue_entry *entry), void *arg);

struct queue_entry *queue_find(struct worker *worker, uint64_t id);
struct queue_entry *queue_next(struct worker *worker, size_t *at); /* each in no order; *at begins at 0 */

struct queue_counts { uint64_t waiting, active, held, in_memory; };
void queue_count(struct worker *worker, struct queue_counts *counts);

#endif
