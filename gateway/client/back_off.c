/* back_off.c - what a relay queue knows of its relay: whether it can be reached, when it is tried
 * again, how many links it wants. */
#include "client/client.h"
#include "module/relay_status.h"
#include "queue/queue.h"

/* --- links --- */

void relay_queue_link(struct relay_queue *queue, int by)
{
	queue->established += (unsigned)by;
	atomic_fetch_add(&queue->shared->established, by);
}

/* Of any worker. */
static bool has_link(const struct relay_queue *queue)
{
	return atomic_load(&queue->shared->established) > 0;
}

bool relay_queue_is_down(const struct relay_queue *queue)
{
	return queue->down_for && !has_link(queue);
}

bool relay_queue_waits_for_probe(const struct relay_queue *queue)
{
	return relay_queue_is_down(queue) &&
	       (queue->probe_at > worker_now(queue->transport->worker) ||
		!LIST_EMPTY(&queue->busy));
}

/* It turned this link away while it works over others: it wants no more of them for a while. */
static void note_crowd(struct relay_queue *queue, const struct outcome *outcome)
{
	if (outcome->reply.code / 100 != 4 || outcome->stage > STAGE_EHLO)
		return;
	atomic_store(&queue->shared->crowd, atomic_load(&queue->shared->established));
	atomic_store(&queue->shared->crowded_until,
		     worker_now(queue->transport->worker) + RELAY_QUEUE_CROWDED);
}

bool relay_queue_can_wait(struct relay_queue *queue, const struct outcome *outcome)
{
	if (!has_link(queue) || outcome->stage > STAGE_TLS || queue->transport->stopping)
		return false;
	note_crowd(queue, outcome);
	return true;
}

int64_t relay_queue_connections(const struct relay_queue *queue, struct gw_relay *relay)
{
	int64_t limit = relay_status_connections(relay),
		crowd = atomic_load_explicit(&queue->shared->crowd, memory_order_relaxed);
	if (!crowd || crowd >= limit ||
	    atomic_load(&queue->shared->crowded_until) <= worker_now(queue->transport->worker))
		return limit;
	return crowd;
}

/* --- down and up --- */

/* One of those that wait in the queue tries whether the relay is back. Where there is none, one may
 * be on its way there; and the one may go another way. */
static void relay_queue_probe(struct timer *timer)
{
	struct relay_queue *queue = list_of(timer, struct relay_queue, probe);
	/* by the clock that others look at */
	queue->probe_at = worker_now(queue->transport->worker);
	bool any = queue_wake(queue->transport->worker, queue->name, 1) > 0;
	timer_set(queue->transport->worker, timer, any ? queue->down_for : RELAY_QUEUE_FRESH,
		  relay_queue_probe);
}

static int64_t first_pause(const struct relay_queue *queue)
{
	struct snapshot *snapshot = snapshot_current();
	int64_t pause = snapshot ? snapshot->settings.queue.retry_ms[0] : RELAY_QUEUE_PROBE_MOST;
	snapshot_release(snapshot);
	return pause < 5000 ? pause : 5000;
}

/* What is wrong here is over all at once, and nobody else is spared by waiting for long. */
static int64_t longest_pause(const struct relay_queue *queue)
{
	return queue->failure.local ? RELAY_QUEUE_LOCAL_MOST : RELAY_QUEUE_PROBE_MOST;
}

static void relay_queue_down(struct relay_queue *queue)
{
	struct worker *worker = queue->transport->worker;
	if (has_link(queue) || queue->probe_at > worker_now(worker))
		return;
	queue->down_for = queue->down_for ? queue->down_for * 2 : first_pause(queue);
	if (queue->down_for > longest_pause(queue))
		queue->down_for = longest_pause(queue);
	queue->probe_at = worker_now(worker) + queue->down_for;
	slot_holder_down(queue->holder, worker_wall(worker) + queue->down_for);
	timer_set(worker, &queue->probe, queue->down_for, relay_queue_probe);
}

/* Of another configuration nothing is known yet. */
void relay_queue_begin_anew(struct relay_queue *queue)
{
	if (!queue->down_for)
		return;
	queue->down_for = (first_pause(queue) + 1) / 2; /* the next failure doubles it */
	queue->probe_at = worker_now(queue->transport->worker);
	slot_holder_down(queue->holder, worker_wall(queue->transport->worker));
}

static void relay_queue_recall(struct timer *timer);

/* Calls some of those that wait in the queue. They need not come: a module may have sent them
 * another way by then, so there is a look at it later too. */
static void call_back(struct relay_queue *queue, size_t most)
{
	struct worker *worker = queue->transport->worker;
	if (queue->depth >= RELAY_QUEUE_LOW || queue->transport->stopping ||
	    queue_wake(worker, queue->name, most) == 0)
		return;
	if (!timer_pending(&queue->probe))
		timer_set(worker, &queue->probe, RELAY_QUEUE_FRESH, relay_queue_recall);
}

static void relay_queue_recall(struct timer *timer)
{
	struct relay_queue *queue = list_of(timer, struct relay_queue, probe);
	call_back(queue, RELAY_QUEUE_LOW);
}

void relay_queue_up(struct relay_queue *queue)
{
	queue->down_for = queue->probe_at = queue->failed_at = 0;
	timer_clear(&queue->probe);
	slot_holder_down(queue->holder, 0);
	call_back(queue, RELAY_QUEUE_CALL);
}

/* The relay took or refused a message: it works. */
static bool heard_of(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->count; i++)
		if (!attempt->outcomes[i].link && attempt->outcomes[i].stage > STAGE_AUTH)
			return true;
	return false;
}

void relay_queue_ended(struct relay_queue *queue, const struct attempt *attempt)
{
	queue->used_at = worker_now(queue->transport->worker);
	if (heard_of(attempt)) {
		if (queue->down_for)
			relay_queue_up(queue);
		slot_notify_down(queue->holder);
	}
	if (!queue->down_for)
		call_back(queue, RELAY_QUEUE_CALL);
}

void relay_queue_fail(struct relay_queue *queue, const struct outcome *outcome, unsigned generation)
{
	arena_finish(&queue->failure_words);
	arena_init(&queue->failure_words, 0);
	outcome_reply(&queue->failure, &queue->failure_words, outcome->status, outcome->stage,
		      outcome->link, &outcome->reply, outcome->host);
	queue->failure.local = outcome->local;
	queue->failure_generation = generation;
	queue->failed_at = worker_now(queue->transport->worker);
	relay_queue_down(queue);
	relay_queue_touch(queue);
}
