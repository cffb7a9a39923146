#include "queue/queue_private.h"

/* The disk may take so long before the client hears that it is not known. */
#define FINAL_MS 30000

static struct asker *asker_of(const struct queue *queue, uint64_t id)
{
	return queue->askers.count ? id_map_get(&queue->askers, id) : NULL;
}

static void asker_end(struct queue *queue, struct asker *asker, enum asker_end end,
		      const struct smtp_reply *reply)
{
	id_map_take(&queue->askers, asker->id);
	timer_clear(&asker->timer);
	asker->state = ASKER_DONE;
	asker->told(asker, end, reply);
}

static void asker_late(struct timer *timer)
{
	struct asker *asker = list_of(timer, struct asker, timer);
	if (asker->state == ASKER_WRITES)
		asker->told(asker, ASKER_LOST, NULL);
	else
		asker_end(queue_of(timer->worker), asker, ASKER_LATE, NULL);
}

int queue_ask(struct worker *worker, struct asker *asker, int64_t ms)
{
	struct queue *queue = queue_of(worker);
	if (id_map_put(&queue->askers, asker) != 0)
		return -1;
	if (timer_set(worker, &asker->timer, ms, asker_late) != 0) {
		id_map_take(&queue->askers, asker->id);
		return -1;
	}
	asker->state = ASKER_WAITS;
	return 0;
}

bool queue_unask(struct worker *worker, struct asker *asker)
{
	if (asker->state == ASKER_WAITS)
		id_map_take(&queue_of(worker)->askers, asker->id);
	timer_clear(&asker->timer);
	if (asker->state == ASKER_WRITES)
		return false;
	asker->state = ASKER_DONE;
	return true;
}

bool queue_is_asked(const struct worker *worker, uint64_t id)
{
	return asker_of(queue_of(worker), id) != NULL;
}

void asker_tell(struct queue *queue, uint64_t id, enum asker_end end,
		const struct smtp_reply *reply)
{
	struct asker *asker = asker_of(queue, id);
	if (asker)
		asker_end(queue, asker, end, reply);
}

void queue_tell(struct gw_message *message, enum asker_end end, const struct smtp_reply *reply)
{
	asker_tell(queue_of(message->worker), message->id, end, reply);
}

void queue_tell_all(struct worker *worker, enum asker_end end)
{
	struct queue *queue = queue_of(worker);
	size_t at = 0;
	for (struct asker *asker; (asker = id_map_next(&queue->askers, &at));)
		asker_end(queue, asker, end, NULL);
}

/* --- refused --- */

bool queue_refuse(struct gw_message *message, const struct smtp_reply *reply)
{
	struct queue *queue = queue_of(message->worker);
	struct asker *asker = asker_of(queue, message->id);
	if (!asker)
		return false;
	if (!asker->refuse(asker, reply)) {
		asker_end(queue, asker, ASKER_OPEN, NULL);
		return false;
	}
	asker->state = ASKER_CLAIMED;
	return true;
}

static void final_written(struct post *post)
{
	struct asker *asker = list_of(post, struct asker, final.post);
	timer_clear(&asker->timer);
	asker->state = ASKER_DONE;
	asker->told(asker, asker->final.result == SPOOL_OK ? ASKER_REFUSED : ASKER_LOST, NULL);
}

bool asker_record_final(struct queue *queue, uint64_t id)
{
	struct asker *asker = asker_of(queue, id);
	if (!asker || asker->state != ASKER_CLAIMED)
		return false;
	id_map_take(&queue->askers, id);
	asker->state = ASKER_WRITES;
	timer_set(queue->worker, &asker->timer, FINAL_MS, asker_late);
	asker->final = (struct spool_append){
		.post.run = final_written,
		.worker = queue->worker,
		.type = SPOOL_FINAL,
		.durable = true,
		.id = id,
	};
	spool_append(runtime.spool, &asker->final);
	return true;
}
