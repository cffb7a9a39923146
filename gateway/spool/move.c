#include "spool/move.h"

#include "base/list.h"

#include <stdlib.h>

static void move_done(struct post *post)
{
	struct move *move = list_of(post, struct move, append.post);
	struct move_batch *batch = move->batch;

	pthread_mutex_lock(&batch->lock);
	batch->failed = batch->failed || move->append.result != SPOOL_OK;
	if (--batch->waiting == 0)
		pthread_cond_signal(&batch->done);
	pthread_mutex_unlock(&batch->lock);
}

void move_wait(struct move_batch *batch)
{
	pthread_mutex_lock(&batch->lock);
	while (batch->waiting > 0)
		pthread_cond_wait(&batch->done, &batch->lock);
	pthread_mutex_unlock(&batch->lock);
}

void move_submit(struct spool *spool, struct move *move)
{
	struct spool_append *append = &move->append;

	append->post.run = move_done;
	append->durable = true;
	append_checksum(append);
	pthread_mutex_lock(&move->batch->lock);
	move->batch->waiting++;
	pthread_mutex_unlock(&move->batch->lock);
	append_queue(spool, append);
}

struct move *move_create(struct move_batch *batch, enum spool_type type, uint64_t id,
			 struct place from)
{
	struct move *move = calloc(1, sizeof(*move));

	if (!move)
		return NULL;
	arena_init(&move->arena, 0);
	move->batch = batch;
	move->append.type = type;
	move->append.id = id;
	move->append.from_segment = from.segment;
	move->append.from_offset = from.offset;
	return move;
}

/* The extents that were moved are unreferenced until here: the MESSAGE's copy, where it was
 * written, has accounted for them itself. */
void move_destroy(struct spool *spool, struct move *move)
{
	if (move->state)
		move_destroy(spool, move->state);
	if (move->moved_count)
		spool_abandon(spool, move->append.id, move->moved, move->moved_count);
	arena_finish(&move->arena);
	free(move);
}
