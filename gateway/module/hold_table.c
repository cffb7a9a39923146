#include "module/hold_table.h"

#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SHARDS 64
#define SHARD_BITS 6
#define INDEX_BITS 26
#define CHUNK 128

/* Holds of the workers whose number falls here. */
static struct shard {
	pthread_mutex_t lock;
	struct hold **chunks;
	size_t chunk_count;
	struct hold *free;
} shards[SHARDS] = { [0 ... SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };

static struct shard *shard_of(const struct worker *worker)
{
	return &shards[worker_number(worker) % SHARDS];
}

static bool add_chunk(struct shard *shard)
{
	if (shard->chunk_count * CHUNK >= (1u << INDEX_BITS))
		return false;
	struct hold **chunks = realloc(shard->chunks, (shard->chunk_count + 1) * sizeof(*chunks));
	if (!chunks)
		return false;
	shard->chunks = chunks;
	struct hold *chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return false;
	for (size_t i = CHUNK; i-- > 0;) {
		chunk[i].index = (uint32_t)(shard->chunk_count * CHUNK + i);
		chunk[i].generation = 1;
		chunk[i].next_free = shard->free;
		shard->free = &chunk[i];
	}
	chunks[shard->chunk_count++] = chunk;
	return true;
}

struct hold *hold_take(struct worker *worker)
{
	struct shard *shard = shard_of(worker);

	pthread_mutex_lock(&shard->lock);
	struct hold *hold = shard->free || add_chunk(shard) ? shard->free : NULL;
	if (hold) {
		shard->free = hold->next_free;
		*hold = (struct hold){ .worker = worker,
				       .index = hold->index,
				       .generation = hold->generation };
	}
	pthread_mutex_unlock(&shard->lock);
	return hold;
}

void hold_free(struct hold *hold)
{
	struct shard *shard = shard_of(hold->worker);

	timer_clear(&hold->timer);
	pthread_mutex_lock(&shard->lock);
	hold->state = HOLD_FREE;
	hold->generation = hold->generation == UINT32_MAX ? 1 : hold->generation + 1;
	hold->next_free = shard->free;
	shard->free = hold;
	pthread_mutex_unlock(&shard->lock);
}

static struct hold *slot_at(struct shard *shard, size_t index)
{
	return index / CHUNK < shard->chunk_count ? &shard->chunks[index / CHUNK][index % CHUNK]
						  : NULL;
}

gw_ticket hold_ticket(const struct hold *hold)
{
	return (uint64_t)hold->generation << 32 | (uint64_t)hold->index << SHARD_BITS |
	       worker_number(hold->worker) % SHARDS;
}

bool hold_change(struct hold *hold, enum hold_state from, enum hold_state to)
{
	struct shard *shard = shard_of(hold->worker);

	pthread_mutex_lock(&shard->lock);
	bool was = hold->state == from;
	if (was)
		hold->state = to;
	pthread_mutex_unlock(&shard->lock);
	return was;
}

/* The post leaves under the lock: after chain_drop_all took the lock, none is on its way to a
 * worker that ends. */
int call_wake(gw_ticket ticket)
{
	struct shard *shard = &shards[ticket % SHARDS];
	char name[64] = "";
	int result = -1;

	pthread_mutex_lock(&shard->lock);
	struct hold *hold = slot_at(shard, (ticket >> SHARD_BITS) & ((1u << INDEX_BITS) - 1));
	if (!hold || hold->generation != ticket >> 32 || hold->state != HOLD_WAITING) {
		/* late, woken before, or no ticket at all */
	} else if (hold->async.dropped && worker_current() != hold->worker) {
		snprintf(name, sizeof(name), "%s", hold->instance->name);
	} else {
		hold->state = HOLD_WOKEN;
		worker_post(hold->worker, &hold->offload.post);
		result = 0;
	}
	pthread_mutex_unlock(&shard->lock);
	if (name[0])
		log_say(EVENT_MODULE_BUG,
			"%s: wake() from another thread on a hold that has dropped()", name);
	return result;
}

struct hold *hold_next(struct worker *worker, size_t *index)
{
	struct shard *shard = shard_of(worker);
	struct hold *hold, *found = NULL;

	pthread_mutex_lock(&shard->lock);
	while (!found && (hold = slot_at(shard, (*index)++)))
		if (hold->worker == worker &&
		    (hold->state == HOLD_WAITING || hold->state == HOLD_OFFLOADED))
			found = hold;
	pthread_mutex_unlock(&shard->lock);
	return found;
}
