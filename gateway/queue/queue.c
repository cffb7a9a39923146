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
	size_t last = settings->queue.retry_count - 1;
	int64_t base = settings->queue.retry_ms[attempts < last ? attempts : last];
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

static bool may_start(struct queue *queue)
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
	return (entry->message || queue->in[ENTRY_READING] < READ_MOST) && may_start(queue);
}

static void start_incoming(struct queue *queue)
{
	while (!list_empty(&queue->incoming) && may_start(queue))
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

/* Something left the active set: what waits for its place may come in. */
static void make_room(struct queue *queue)
{
	if (heap_first(&queue->waiting) && !timer_pending(&queue->timer))
		queue_arm(queue);
}

/* --- in --- */

static struct queue_entry *entry_create(struct queue *queue, uint64_t id)
{
	struct queue_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->id = id;
	if (id_map_put(&queue->entries, entry) != 0 ||
	    heap_room(&queue->waiting, queue->entries.count) != 0) {
		id_map_take(&queue->entries, id);
		free(entry);
		return NULL;
	}
	entry->state = ENTRY_NEW;
	queue->in[ENTRY_NEW]++;
	return entry;
}

/* Without memory for an entry the message stays in the spool, where the next start finds it: late,
 * not lost. */
static void log_left_in_spool(uint64_t id)
{
	struct log_line *line = log_open(EVENT_QUEUE_MEMORY);
	log_id(line, id);
	log_text(line, KEY_ACTION, "kept in the spool until the next start");
	log_close(line);
}

void queue_add_stored(struct worker *worker, uint64_t id)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = entry_create(queue, id);
	if (entry)
		entry_change(queue, entry, ENTRY_ON_ADD, queue_now());
	else
		log_left_in_spool(id);
}

static void leave_in_spool(struct gw_message *message)
{
	struct snapshot *snapshot = message->snapshot;
	log_left_in_spool(message->id);
	message_destroy(message);
	snapshot_release(snapshot);
}

void queue_add(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = entry_create(queue, message->id);
	if (!entry) {
		leave_in_spool(message);
		return;
	}
	entry->message = message;
	queue->in_memory++;
	message->changed = false; /* the envelope has what was so at the commit */
	if (message->held) {
		entry_change(queue, entry, ENTRY_ON_HOLD, 0);
		COUNT(held);
		entry_free_message(queue, entry);
		return;
	}
	/* Extents may be moved by compaction; what runs on them loads them, which pins their place.
	 */
	bool incoming = may_start(queue) && !message->content.extent_count;
	if (!incoming)
		entry_free_message(queue, entry);
	entry_change(queue, entry, ENTRY_ON_ADD, queue_now());
	/* not before its 250 is out: what a module does to the process must not cost the answer */
	if (incoming)
		list_add(&queue->incoming, &entry->link);
}

/* Each line of wait_on is a key. */
static void wait_on(struct queue *queue, struct queue_entry *entry,
		    const struct gw_message *message)
{
	struct gw_str rest = message->wait_on;
	while (rest.len) {
		struct gw_str key = gw_str_n(rest.ptr, gw_str_find(rest, '\n'));
		waits_put(&queue->waits, entry, key, message->client);
		rest = key.len < rest.len ? gw_str_from(rest, key.len + 1) : gw_str("");
	}
}

static void entry_recover(struct queue *queue, struct queue_entry *entry,
			  const struct gw_message *message)
{
	entry->attempts = (uint16_t)message->attempts;
	if (message->held) {
		entry_change(queue, entry, ENTRY_ON_HOLD,
			     message->held_by_us ? message->next_at : 0);
		return;
	}
	entry_change(queue, entry, ENTRY_ON_ADD, message->next_at);
	wait_on(queue, entry, message);
	if (entry->waits)
		wake_after_start(queue);
}

#define RECOVERED_TOLD 5000 /* in a process: they are no more than what was on its way */

/* Of no attempt a state was written: the process before may have ended between the sync and the
 * line that says "received". */
static void log_recovered(const struct gw_message *message, uint64_t size)
{
	static unsigned told;
	struct log_line *line = told < RECOVERED_TOLD ? log_open(EVENT_RECOVERED) : NULL;
	told += line != NULL;
	log_id(line, message->id);
	if (message->client.len)
		log_str(line, KEY_CLIENT, message->client);
	log_str(line, KEY_FROM, message->sender);
	if (message->rcpt_count)
		log_str(line, KEY_TO, message->rcpts[0]->address);
	log_int(line, KEY_RCPTS, (int64_t)message->rcpt_count);
	log_int(line, KEY_SIZE, (int64_t)size);
	log_str(line, KEY_TYPE, message->type);
	log_close(line);
}

int queue_recovered(struct worker *worker, const struct spool_found *found)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = entry_create(queue, found->id);
	if (!entry)
		return -1;
	struct gw_message *message = message_create(worker, NULL, found->id);
	int bad = message ? message_decode_envelope(message, found->envelope) : -1;
	if (bad == 0 && found->state.len)
		bad = message_decode_state(message, found->state);
	if (!message || message->arena.failed) /* read again when there is memory */
		entry_change(queue, entry, ENTRY_ON_NOT_NOW, queue_now());
	else if (bad != 0)
		entry_set_aside(queue, entry);
	else
		entry_recover(queue, entry, message);
	if (bad == 0 && !found->state.len)
		log_recovered(message, found->size);
	message_destroy(message);
	return 0;
}

/* --- out and back --- */

static void record_final(struct queue *queue, uint64_t id, bool durable)
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
	make_room(queue);
}

void queue_final(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (entry)
		entry_drop(queue, entry, ENTRY_ON_FINAL);
	else
		record_final(queue, message->id, false);
}

void queue_record(struct gw_message *message)
{
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (entry)
		state_write(queue_of(message->worker), entry);
}

/* Orders that came while the message was worked on are carried out now. */
static void orders_apply(struct queue_entry *entry, struct gw_message *message)
{
	if (entry->orders & ORDER_HOLD) {
		message->held = message->changed = true;
		message->held_by_us = false;
		message->hold_reason = gw_str("by an admin");
	}
	if (entry->orders & (ORDER_RETRY | ORDER_BOUNCE))
		message->next_at = queue_now();
	entry->orders &= ORDER_RETRY; /* it is to be urgent then */
}

/* A restart would wake it by the keys, and at the time, of the newest state: that one must not be
 * in the future and wrong. */
static bool is_recorded_wrong(const struct gw_message *message)
{
	return message->recorded.next_at > queue_now() &&
	       !gw_str_eq(message->recorded.wait_on, message->wait_on);
}

void queue_later(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (entry->orders & ORDER_DELETE) {
		entry_delete(queue, entry);
		return;
	}
	orders_apply(entry, message);
	entry->attempts = (uint16_t)(message->attempts > UINT16_MAX ? UINT16_MAX
								    : message->attempts);
	if (message->changed || is_recorded_wrong(message))
		state_write(queue, entry);
	if (message->held) {
		entry_change(queue, entry, ENTRY_ON_HOLD,
			     message->held_by_us ? message->next_at : 0);
	} else {
		entry_change(queue, entry, ENTRY_ON_LATER, message->next_at);
		if (message->next_at > queue_now())
			wait_on(queue, entry, message);
	}
	entry_unload(queue, entry);
	make_room(queue);
}

static void tell_held(uint64_t id, struct gw_str why)
{
	COUNT(held);
	struct log_line *line = log_open(EVENT_HELD);
	log_id(line, id);
	log_str(line, KEY_REASON, why);
	log_close(line);
}

void queue_hold(struct gw_message *message, struct gw_str why)
{
	message->held = message->held_by_us = message->changed = true;
	message->hold_reason = arena_str(&message->arena, why);
	tell_held(message->id, why);
	queue_later(message);
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
