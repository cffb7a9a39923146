/* wake.c - what waits is woken by what it waits for. */
#include "queue/queue_private.h"

#include "module/relay_status.h"

/* What is woken all at once comes so much at a time. */
#define WAKE_STEP 128
#define WAKE_PAUSE_MS 100

size_t queue_wake(struct worker *worker, struct gw_str key, size_t most)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry;
	size_t count = 0;
	for (; count < most && (entry = waits_next(&queue->waits, key)); count++)
		entry_change(queue, entry, ENTRY_ON_WAKE, queue_now());
	return count;
}

static void wake_step(struct timer *timer)
{
	struct queue *queue = list_of(timer, struct queue, wake);
	struct queue_entry *entry = NULL;
	for (unsigned i = 0; i < WAKE_STEP && (entry = waits_next_woken(&queue->waits)); i++)
		entry_change(queue, entry, ENTRY_ON_WAKE, queue_now());
	if (entry)
		timer_set(queue->worker, timer, WAKE_PAUSE_MS, wake_step);
}

static bool is_meant(const void *arg, struct gw_str key)
{
	const struct gw_str *relay = arg;
	return relay->len == 0 || wait_is_for(key, *relay);
}

void queue_wake_all(struct worker *worker, struct gw_str relay)
{
	struct queue *queue = queue_of(worker);
	if (!queue)
		return;
	waits_wake(&queue->waits, is_meant, &relay);
	if (!timer_pending(&queue->wake))
		wake_step(&queue->wake);
}

/* --- after a start --- */

struct now {
	struct snapshot *snapshot;
	int64_t wall;
};

static bool is_over(const void *arg, struct gw_str key)
{
	const struct now *now = arg;
	struct relay_refusal refusal;
	size_t len = sizeof(WAIT_OPEN) - 1;
	if (key.len < len || memcmp(key.ptr, WAIT_OPEN, len) != 0)
		return true;
	struct gw_relay *relay = snapshot_relay(now->snapshot, gw_str_from(key, len));
	return !relay || relay_status_is_open(relay, now->wall, false, &refusal);
}

static void look_after_start(struct timer *timer)
{
	struct queue *queue = list_of(timer, struct queue, wake);
	struct now now = { snapshot_current(), worker_wall(queue->worker) };
	if (now.snapshot)
		waits_wake(&queue->waits, is_over, &now);
	snapshot_release(now.snapshot);
	wake_step(timer);
}

void wake_after_start(struct queue *queue)
{
	if (!timer_pending(&queue->wake))
		timer_set(queue->worker, &queue->wake, 0, look_after_start);
}

/* --- looking --- */

void queue_waiting_for(struct worker *worker, struct gw_str relay,
		       void (*each)(void *arg, const struct queue_entry *entry), void *arg)
{
	waits_each(&queue_of(worker)->waits, relay, each, arg);
}

struct gw_str queue_wait_key(const struct queue_entry *entry, size_t nth)
{
	struct gw_str key = gw_str("");
	const struct wait *wait = waits_of(entry, NULL, &key);
	for (; wait && nth > 0; nth--)
		wait = waits_of(entry, wait, &key);
	return key;
}
