/* move.h - records that are appended again elsewhere: many at once, then all are waited for.
 * [janitor] */
#ifndef SPOOL_MOVE_H
#define SPOOL_MOVE_H

#include "base/arena.h"
#include "spool/append.h"
#include "spool/spool_private.h"

struct move_batch {
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t waiting;
	bool failed;
};

struct move {
	struct spool_append append;
	struct move_batch *batch;
	struct arena arena; /* what the append points to */
	struct spool_extent *moved;
	size_t moved_count;
	struct move *state; /* MESSAGE: the copy of its state that follows it */
	struct move *next;
};

/* Of the record at `from`; NULL: no memory. */
struct move *move_create(struct move_batch *batch, enum spool_type type, uint64_t id,
			 struct place from);
/* On its way with the batch; what it says is in its arena. */
void move_submit(struct spool *spool, struct move *move);
void move_wait(struct move_batch *batch); /* until all that was submitted is written, or failed */
void move_destroy(struct spool *spool, struct move *move);

#endif
