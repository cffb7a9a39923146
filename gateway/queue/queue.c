#include "queue/queue_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

/* Work begun in one turn of the loop, so that a queue that comes due at once does not starve the
 * sessions. */
#define START_BATCH 64

/* What is on hold is looked at no more often. */
#define HOLD_LOOK_MS 1000

/* Messages that are read back at a time: the pool has other work too. */
#define READ_MOST 8

int64_t queue_now(void)
{
	static _Atomic int64_t base;
	int64_t monotonic = clock_monotonic(),
		start = atomic_load_explicit(&base, memory_order_relaxed);
	if (start == 0) {
		int64_t made = clock_wall() - monotonic;
		start = atomic_compare_exchange_strong(&base, &start, made) ? made : start;
	}
	return start + monotonic;
}

int64_t queue_backoff(const struct settings *settings, unsigned attempts)
{
	size_t last = settings->queue.retry_count - 1, nth = attempts ? attempts - 1 : 0;
	int64_t base = settings->queue.retry_ms[nth < last ? nth : last];
	return base + (int64_t)(random() % (base / 5 + 1)) - base / 10;
}

/* --- from state to state --- */

static void state_count(struct queue *queue, enum entry_state state, int by)
{
	queue->in[state] += (uint64_t)by;
	if (state == ENTRY_HELD)
		atomic_fetch_add_explicit(&counters.on_hold, by, memory_order_relaxed);
}

static void entry_forbid(const struct queue_entry *entry, enum entry_event event)
{
	struct log_line *line = log_open(EVENT_QUEUE_STATE);
	log_id(line, entry->id);
	log_text(line, KEY_STATE, entry_state_name(entry->state));
	log_text(line, KEY_FORBIDS, entry_event_name(event));
	log_close(line);
#ifdef GATEWAY_STRICT
	abort();
#endif
}

static void entry_enter(struct queue *queue, struct queue_entry *entry, enum entry_state state)
{
	if (entry->in_heap)
		heap_take(&queue->waiting, &entry->due);
	entry->in_heap = false;
	waits_take(&queue->waits, entry);
	list_take(&entry->link);
	state_count(queue, entry->state, -1);
	entry->state = state;
	state_count(queue, state, 1);
}

static void queue_due(struct timer *timer);

void queue_arm(struct queue *queue)
{
	const struct heap_node *first = heap_first(&queue->waiting);
	if (!first || atomic_load_explicit(&runtime.stopping, memory_order_relaxed)) {
		timer_clear(&queue->timer);
		return;
	}
	int64_t wait = first->order - queue_now();
	timer_set(queue->worker, &queue->timer, wait < 0 ? 0 : wait, queue_due);
}

static void enter_heap(struct queue *queue, struct queue_entry *entry, int64_t due)
{
	bool sooner = !heap_first(&queue->waiting) || due < heap_first(&queue->waiting)->order;
	entry->due.order = due;
	entry->in_heap = true;
	heap_put(&queue->waiting, &entry->due);
	if (sooner)
		queue_arm(queue);
}

/* Whatever the runner says, what is held makes no loop. */
bool entry_change(struct queue *queue, struct queue_entry *entry, enum entry_event event,
		  int64_t due)
{
	enum entry_state next = entry_next(entry->state, event);
	int64_t soonest = queue_now() + HOLD_LOOK_MS;
	if (next == ENTRY_FORBIDDEN) {
		entry_forbid(entry, event);
		return false;
	}
	entry_enter(queue, entry, next);
	if (next == ENTRY_WAITING)
		enter_heap(queue, entry, due);
	else if (next == ENTRY_HELD && due)
		enter_heap(queue, entry, due > soonest ? due : soonest);
	return true;
}

/* --- the heap comes due --- */

/* An order to hold or delete that came meanwhile is carried out before anything is done. */
void entry_begin(struct queue *queue, struct queue_entry *entry)
{
	struct gw_message *message = entry->message;
	if (!entry_change(queue, entry, ENTRY_ON_BEGIN, 0))
		return;
	message->urgent = (entry->orders & ORDER_RETRY) != 0;
	message->wait_on = gw_str("");
	entry->orders &= (uint8_t)~ORDER_RETRY;
	if (entry->orders & (ORDER_HOLD | ORDER_DELETE))
		queue_later(message);
	else
		queue->run(message);
}

/* A reload since: what is on the disk is as good, and gets the new configuration. What only memory
 * has is told of it. */
static void renew(struct queue *queue, struct queue_entry *entry)
{
	struct snapshot *snapshot = snapshot_current();
	if (entry->message && snapshot && entry->message->snapshot != snapshot) {
		struct snapshot *before = entry->message->snapshot;
		entry->message->snapshot = snapshot;
		entry->message->data = NULL;
		snapshot = before;
	}
	snapshot_release(snapshot);
}

static void activate(struct queue *queue, struct queue_entry *entry)
{
	if (!entry->message) {
		message_read(queue, entry);
		return;
	}
	renew(queue, entry);
	entry_begin(queue, entry);
}

static uint64_t worked_on(const struct queue *queue)
{
	return queue->in[ENTRY_ACTIVE] + queue->in[ENTRY_READING];
}

bool queue_may_start(struct queue *queue)
{
	struct snapshot *snapshot = snapshot_current();
	int64_t most = snapshot->settings.queue.active /
		       (int64_t)(runtime.worker_count ? runtime.worker_count : 1);
	snapshot_release(snapshot);
	return (int64_t)worked_on(queue) < (most > 0 ? most : 1) &&
	       !atomic_load_explicit(&runtime.stopping, memory_order_relaxed);
}

static bool may_start_this(struct queue *queue, const struct queue_entry *entry)
{
	return (entry->message || queue->in[ENTRY_READING] < READ_MOST) && queue_may_start(queue);
}

static void start_incoming(struct queue *queue)
{
	while (!list_empty(&queue->incoming) && queue_may_start(queue))
		activate(queue, list_of(queue->incoming.next, struct queue_entry, link));
}

static struct queue_entry *first_due(const struct queue *queue)
{
	struct heap_node *first = heap_first(&queue->waiting);
	return first ? list_of(first, struct queue_entry, due) : NULL;
}

/* Where it may start no more, whatever leaves its state arms the timer again. */
static void queue_due(struct timer *timer)
{
	struct queue *queue = queue_of(timer->worker);
	struct queue_entry *entry;
	int64_t now = queue_now();
	unsigned i = 0;
	start_incoming(queue);
	while ((entry = first_due(queue)) && entry->due.order <= now && i++ < START_BATCH &&
	       may_start_this(queue, entry))
		activate(queue, entry);
	if (entry && (entry->due.order > now || may_start_this(queue, entry)))
		queue_arm(queue);
}

void queue_make_room(struct queue *queue)
{
	if (heap_first(&queue->waiting) && !timer_pending(&queue->timer))
		queue_arm(queue);
}

/* --- it goes --- */

void record_final(struct queue *queue, uint64_t id, bool durable)
{
	struct spool_append append = { .type = SPOOL_FINAL, .id = id, .durable = durable };
	if (!asker_record_final(queue, id))
		spool_append(runtime.spool, &append); /* nobody waits: the spool copies it */
}

void entry_drop(struct queue *queue, struct queue_entry *entry, enum entry_event event)
{
	if (!entry_change(queue, entry, event, 0))
		return;
	record_final(queue, entry->id, event == ENTRY_ON_DELETE);
	entry_unread(entry, false);
	ordered_free(queue, entry);
	id_map_take(&queue->entries, entry->id);
	entry_free_message(queue, entry);
	state_count(queue, ENTRY_GONE, -1);
	free(entry);
	queue_make_room(queue);
}

/* --- looking --- */

struct queue_entry *queue_find(struct worker *worker, uint64_t id)
{
	return id_map_get(&queue_of(worker)->entries, id);
}

struct queue_entry *queue_next(struct worker *worker, size_t *at)
{
	return id_map_next(&queue_of(worker)->entries, at);
}

void queue_count(struct worker *worker, struct queue_counts *counts)
{
	const struct queue *queue = queue_of(worker);
	counts->active = worked_on(queue);
	counts->held = queue->in[ENTRY_HELD];
	counts->in_memory = queue->in_memory;
	counts->waiting = queue->in[ENTRY_WAITING];
}

/* --- begin and end --- */

int queue_start(struct worker *worker, queue_runner *run)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -1;
	queue->worker = worker;
	queue->run = run;
	id_map_init(&queue->entries);
	waits_init(&queue->waits);
	id_map_init(&queue->askers);
	list_init(&queue->incoming);
	list_init(&queue->ordered);
	list_init(&queue->put_off);
	worker_set(worker, SLOT_QUEUE, queue);
	return 0;
}

void queue_stop(struct worker *worker)
{
	struct queue *queue = queue_of(worker);
	if (!queue)
		return;
	size_t at = 0;
	waits_finish(&queue->waits);
	for (struct queue_entry *entry; (entry = id_map_next(&queue->entries, &at));) {
		ordered_free(queue, entry);
		entry_free_message(queue, entry);
		free(entry);
	}
	timer_clear(&queue->timer);
	timer_clear(&queue->read_again);
	timer_clear(&queue->wake);
	heap_finish(&queue->waiting);
	id_map_finish(&queue->entries);
	id_map_finish(&queue->askers);
	free(queue);
	worker_set(worker, SLOT_QUEUE, NULL);
}
