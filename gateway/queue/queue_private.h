/* queue_private.h - what the files of the queue share: queue.c (entries change state, come due,
 * leave), incoming.c (they come in), runner.c (they are given back), state.c (states to the disk
 * and messages back from it), orders.c (what an admin asks for), ordered.c (orders that need the
 * message), wake.c (what waits is woken), asker.c (clients that wait for the next hop's answer). */
#ifndef QUEUE_QUEUE_PRIVATE_H
#define QUEUE_QUEUE_PRIVATE_H

#include "queue/asker.h"
#include "queue/heap.h"
#include "queue/wait.h"

struct queue {
	struct worker *worker;
	queue_runner *run;
	struct id_map entries;
	/* WAITING, and HELD by the gateway itself until their sender has to be told */
	struct heap waiting;
	struct waits waits;
	struct id_map askers;      /* struct asker: WAITS, CLAIMED */
	struct list_link incoming; /* just committed, still in memory: worked on in the next turn */
	struct offload_line *line; /* of the pool, for what is read back; NULL before the first */
	struct timer timer;        /* of the heap */
	struct timer wake;         /* of what is woken a few at a time */
	/* ordered.c: what is to be read for an order, what could not be, and how many of them */
	struct list_link ordered, put_off;
	struct timer read_again;
	size_t to_read, ordered_reads;
	uint64_t in[ENTRY_STATES]; /* how many are in each state */
	uint64_t in_memory;
};

static inline struct queue *queue_of(const struct worker *worker)
{
	return worker_get(worker, SLOT_QUEUE);
}

/* queue.c */
void queue_arm(struct queue *queue);
/* Something left the active set: what waits for its place may come in. */
void queue_make_room(struct queue *queue);
bool queue_may_start(struct queue *queue); /* one more message may be worked on */
/* Goes on to the state that the table names: out of heap and waits, and counted anew. Where that is
 * WAITING it is due then; where it is HELD it is looked at then, 0: never. False: the table forbids
 * it, and nothing is changed; a build for tests aborts. */
bool entry_change(struct queue *queue, struct queue_entry *entry, enum entry_event event,
		  int64_t due);
/* its message is in memory: the runner has it */
void entry_begin(struct queue *queue, struct queue_entry *entry);
void entry_free_message(struct queue *queue, struct queue_entry *entry);
/* ENTRY_ON_FINAL or ENTRY_ON_DELETE: records FINAL, for DELETE synced, and forgets it. */
void entry_drop(struct queue *queue, struct queue_entry *entry, enum entry_event event);
void record_final(struct queue *queue, uint64_t id, bool durable);

/* runner.c: the keys of message->wait_on, one on each line, wake the entry from now on. */
void entry_wait_on(struct queue *queue, struct queue_entry *entry,
		   const struct gw_message *message);

/* state.c */

/* Gives the message's state to the spool. Until it is written the message stays in memory, where
 * whoever takes it up finds what is so. */
void state_write(struct queue *queue, struct queue_entry *entry);

/* Frees the message where the spool has all that is known. */
void entry_unload(struct queue *queue, struct queue_entry *entry);

/* Reads the message back on the pool; entry_begin follows, or it waits for another try, or is held
 * where it is damaged. */
void message_read(struct queue *queue, struct queue_entry *entry);

/* The same for what is ordered of a message that nobody works on: its state stays. -1: no memory.
 */
int message_read_for_order(struct queue *queue, struct queue_entry *entry);
/* Said once until it could be read, or is gone; trouble lines count those that it is true of. */
void entry_unread(struct queue_entry *entry, bool unread);
void entry_set_aside(struct queue *queue, struct queue_entry *entry);

/* orders.c: an admin's word, carried out where nobody works on it. */
void entry_delete(struct queue *queue, struct queue_entry *entry);

/* ordered.c: what has to stand in the message's state. At once where the message is in memory, else
 * on the pool; a later order takes the place of an earlier one. False: no memory, and nothing is
 * changed. */
struct hold_order {
	bool held, by_us;
	int64_t next_at;
	struct gw_str why;
};
bool ordered_hold(struct queue *queue, struct queue_entry *entry, const struct hold_order *order);
bool ordered_note(struct queue *queue, struct queue_entry *entry, struct gw_str key,
		  struct gw_str value);
/* Its message is in memory: what was ordered is so now, and on its way to the disk. */
void ordered_carry_out(struct queue *queue, struct queue_entry *entry);
void ordered_free(struct queue *queue, struct queue_entry *entry);
/* Begins to read as many as may be read at a time. */
void ordered_read(struct queue *queue);
/* One of them was read, or not; NULL: it is gone meanwhile. */
void ordered_read_done(struct queue *queue, struct queue_entry *entry);
/* It cannot be read now: once more later. */
void ordered_put_off(struct queue *queue, struct queue_entry *entry);
bool ordered_is_read(const struct queue_entry *entry);
void ordered_leave_line(struct queue *queue, struct queue_entry *entry);

/* asker.c */
void asker_tell(struct queue *queue, uint64_t id, enum asker_end end,
		const struct smtp_reply *reply);
/* False: nobody waits for the record of it. */
bool asker_record_final(struct queue *queue, uint64_t id);

/* wake.c: what waited before a restart is looked at, unless its reason holds: whoever would have
 * woken it may have done so meanwhile. */
void wake_after_start(struct queue *queue);

#endif
