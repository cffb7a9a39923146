/* hold_table.h - every held call of the process, named by numbers.
 *
 * A hold belongs to its worker; the locks in here are there for wake(), which comes from any
 * thread: state and generation change under them. Slots stay for good, so that a stale ticket finds
 * a slot of another generation, and not freed memory. */
#ifndef MODULE_HOLD_TABLE_H
#define MODULE_HOLD_TABLE_H

#include "module/chain.h"

enum hold_state {
	HOLD_FREE,      /* also one that is being made */
	HOLD_WAITING,   /* for wake() */
	HOLD_WOKEN,     /* its post is on the way: resumed will run */
	HOLD_ANSWERED,  /* resumed ran before the post came */
	HOLD_OFFLOADED, /* its work is in the pool */
	HOLD_ABANDONED, /* the same, and nobody wants the answer */
};

struct hold {
	struct offload offload; /* its post is also the one of wake() */
	struct timer timer;
	struct worker *worker;
	struct gw_call *call;
	struct instance *instance;
	struct gw_async async;
	void (*work)(void *arg);
	void *arg;
	uint64_t id;
	enum gw_hook hook;
	enum hold_state state;
	uint32_t index, generation;
	struct hold *next_free;
};

/* A zeroed slot of this worker, to be filled and then changed from HOLD_FREE to what it is. NULL:
 * no memory. */
struct hold *hold_take(struct worker *worker);
void hold_free(struct hold *hold);
gw_ticket hold_ticket(const struct hold *hold);

/* Changes the state of a hold when it is `from`; tells whether it was. */
bool hold_change(struct hold *hold, enum hold_state from, enum hold_state to);

/* The next hold of this worker that waits, from *index on; NULL: none. */
struct hold *hold_next(struct worker *worker, size_t *index);

#endif
