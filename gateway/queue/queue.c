#include "queue/queue.h"

#include "base/clock.h"
#include "base/log.h"
#include "queue/heap.h"
#include "queue/park.h"

#include <stdlib.h>

/* Work begun in one turn of the loop, so that a queue that comes due at once does not starve the sessions. */
#define START_BATCH 64

/* What is called back comes so much at a time. */
#define RECALL_STEP 128
#define RECALL_PAUSE_MS 100

struct queue {
	struct worker *worker;
	struct id_map entries;
	struct heap waiting;
	struct parks parks;
	struct list_link fresh; /* just committed, still in memory: worked on in the next turn */
	struct timer timer;
	struct timer recall;    /* calls back what was put aside */
	uint64_t active, held, in_memory;
};

static queue_runner *run_message;

void queue_set_runner(queue_runner *runner)
{
	run_message = runner;
}

static struct queue *queue_of(const struct worker *worker)
{
	return worker_get(worker, SLOT_QUEUE);
}

int64_t queue_now(void)
{
	static _Atomic int64_t base;
	int64_t monotonic = clock_monotonic(), start = atomic_load_explicit(&base, memory_order_relaxed);
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

/* --- the heap comes due --- */

static void queue_due(struct timer *timer);

static void arm(struct queue *queue)
{
	struct queue_entry *first = heap_first(&queue->waiting);
	if (!first || atomic_load_explicit(&runtime.stopping, memory_order_relaxed)) {
		timer_clear(&queue->timer);
		return;
	}
	int64_t wait = first->due - queue_now();
	timer_set(queue->worker, &queue->timer, wait < 0 ? 0 : wait, queue_due);
}

static void wait_until(struct queue *queue, struct queue_entry *entry, int64_t due)
{
	bool sooner = !heap_first(&queue->waiting) || due < heap_first(&queue->waiting)->due;
	entry->place = ENTRY_WAITING;
	entry->due = due;
	heap_put(&queue->waiting, entry);
	if (sooner)
		arm(queue);
}

/* A message that cannot be read stays where people see it: it is never dropped, and never tried in a loop. */
static void hold_unreadable(struct queue *queue, struct queue_entry *entry)
{
	struct log_line *line = log_open(LOG_FAIL, "unreadable");
	log_id(line, entry->id);
	log_text(line, "action", "held");
	log_close(line);
	entry->place = ENTRY_HELD;
	queue->held++;
}

static struct gw_message *load(struct queue *queue, struct queue_entry *entry)
{
	struct snapshot *snapshot = snapshot_current();
	struct gw_message *message = NULL;
	if (message_load(queue->worker, snapshot, runtime.spool, entry->id, &message) != 0) {
		snapshot_release(snapshot);
		return NULL;
	}
	if (spool_verify(&message->content) != 0) { /* altered on disk: never sent */
		message_destroy(message);
		snapshot_release(snapshot);
		return NULL;
	}
	message->attempts = entry->attempts;
	return message;
}

static void activate(struct queue *queue, struct queue_entry *entry)
{
	if (!entry->message) {
		entry->message = load(queue, entry);
		if (!entry->message) {
			hold_unreadable(queue, entry);
			return;
		}
		queue->in_memory++;
	}
	entry->place = ENTRY_ACTIVE;
	entry->message->held = false; /* its release may not be in the spool yet, which it was read from */
	queue->active++;
	entry->message->urgent = (entry->orders & ORDER_RETRY) != 0;
	entry->orders &= (uint8_t)~ORDER_RETRY;
	run_message(entry->message);
}

static bool may_start(struct queue *queue)
{
	struct snapshot *snapshot = snapshot_current();
	int64_t most = snapshot->settings.queue.active / (int64_t)(runtime.worker_count ? runtime.worker_count : 1);
	snapshot_release(snapshot);
	return (int64_t)queue->active < (most > 0 ? most : 1) && !atomic_load_explicit(&runtime.stopping, memory_order_relaxed);
}

static void start_fresh(struct queue *queue)
{
	while (!list_empty(&queue->fresh) && may_start(queue)) {
		struct queue_entry *entry = list_of(queue->fresh.next, struct queue_entry, park);
		list_take(&entry->park);
		heap_take(&queue->waiting, entry);
		activate(queue, entry);
	}
}

static void queue_due(struct timer *timer)
{
	struct queue *queue = queue_of(timer->worker);
	int64_t now = queue_now();
	start_fresh(queue);
	for (unsigned i = 0; i < START_BATCH && may_start(queue); i++) {
		struct queue_entry *entry = heap_first(&queue->waiting);
		if (!entry || entry->due > now)
			break;
		heap_take(&queue->waiting, entry);
		park_take(entry);
		activate(queue, entry);
	}
	if (may_start(queue))
		arm(queue);
}

/* Something left the active set: what waits for its place may come in. */
static void deactivate(struct queue *queue, struct queue_entry *entry)
{
	if (entry->place == ENTRY_ACTIVE)
		queue->active--;
	struct queue_entry *first = heap_first(&queue->waiting);
	if (first && !timer_pending(&queue->timer))
		arm(queue);
}

static void drop_message(struct queue *queue, struct queue_entry *entry)
{
	struct gw_message *message = entry->message;
	if (!message)
		return;
	struct snapshot *snapshot = message->snapshot;
	entry->message = NULL;
	queue->in_memory--;
	message_destroy(message);
	snapshot_release(snapshot);
}

/* --- in --- */

static struct queue_entry *entry_create(struct queue *queue, uint64_t id)
{
	struct queue_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->id = id;
	if (id_map_put(&queue->entries, entry) != 0 || heap_room(&queue->waiting, queue->entries.count) != 0) {
		id_map_take(&queue->entries, id);
		free(entry);
		return NULL;
	}
	return entry;
}

/* Without memory for an entry the message stays in the spool, where the next start finds it: late, not lost. */
static void leave_in_spool(struct gw_message *message)
{
	struct snapshot *snapshot = message->snapshot;
	struct log_line *line = log_open(LOG_FAIL, "queue-memory");
	log_id(line, message->id);
	log_text(line, "action", "kept in the spool until the next start");
	log_close(line);
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
	if (message->held) {
		entry->place = ENTRY_HELD;
		queue->held++;
		COUNT(held);
		drop_message(queue, entry);
		return;
	}
	/* Extents may be moved by compaction; what runs on them loads them, which pins their place. */
	if (!may_start(queue) || message->content.extent_count)
		drop_message(queue, entry);
	else /* not before its 250 is out: what a module does to the process must not cost the answer */
		list_add(&queue->fresh, &entry->park);
	wait_until(queue, entry, queue_now());
}

static int recovered_state(struct queue_entry *entry, struct worker *worker, const struct spool_found *found)
{
	struct gw_message *message = message_create(worker, NULL, found->id);
	if (!message)
		return -1;
	int bad = message_decode_envelope(message, found->envelope);
	if (bad == 0 && found->state.len)
		bad = message_decode_state(message, found->state);
	entry->due = message->next_at;
	entry->attempts = (uint16_t)message->attempts;
	entry->place = bad || message->held ? ENTRY_HELD : ENTRY_WAITING;
	message_destroy(message);
	return bad;
}

int queue_recovered(struct worker *worker, const struct spool_found *found)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = entry_create(queue, found->id);
	if (!entry)
		return -1;
	if (recovered_state(entry, worker, found) != 0) {
		hold_unreadable(queue, entry);
		return 0;
	}
	if (entry->place == ENTRY_HELD)
		queue->held++;
	else
		wait_until(queue, entry, entry->due);
	return 0;
}

/* --- out and back --- */

static void append_simple(struct gw_message *message, enum spool_type type, struct gw_str meta)
{
	struct spool_append append = { .type = type, .id = message->id, .meta = meta };
	spool_append(runtime.spool, &append); /* nobody waits: the spool copies it */
}

void queue_final(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = id_map_take(&queue->entries, message->id);
	append_simple(message, SPOOL_FINAL, gw_str(NULL));
	if (!entry)
		return;
	drop_message(queue, entry);
	deactivate(queue, entry);
	free(entry);
}

void queue_record(struct gw_message *message)
{
	struct buf state;
	buf_init(&state, 0);
	if (message_encode_state(message, &state) == 0)
		append_simple(message, SPOOL_STATE, buf_str(&state));
	buf_finish(&state);
}

/* Orders that came while the message was worked on are carried out now. */
static int64_t obey(struct queue_entry *entry, struct gw_message *message, int64_t due)
{
	unsigned orders = entry->orders;
	entry->orders &= ORDER_BOUNCE | ORDER_RETRY;
	if (orders & ORDER_HOLD) {
		message->held = message->changed = true;
		message->hold_reason = gw_str("by an admin");
	}
	return orders & (ORDER_RETRY | ORDER_BOUNCE) ? queue_now() : due;
}

/* --- a state on its way to the disk: until it is there the message stays in memory, since somebody may call it back at once, and what
 * the spool has does not know yet who got it --- */

struct record {
	struct spool_append append; /* first */
	struct buf state;
	const struct gw_message *message;
	unsigned turn;
};

static void recorded(struct post *post)
{
	struct record *record = (struct record *)post;
	struct queue *queue = queue_of(record->append.worker);
	struct queue_entry *entry = queue ? id_map_get(&queue->entries, record->append.id) : NULL;
	if (entry && entry->place == ENTRY_WAITING && entry->message == record->message && entry->message->records == record->turn)
		drop_message(queue, entry);
	buf_finish(&record->state);
	free(record);
}

/* False: no memory. */
static bool record_and_keep(struct gw_message *message)
{
	struct record *record = calloc(1, sizeof(*record));
	if (!record)
		return false;
	buf_init(&record->state, 0);
	if (message_encode_state(message, &record->state) != 0) {
		buf_finish(&record->state);
		free(record);
		return false;
	}
	record->message = message;
	record->turn = ++message->records;
	record->append = (struct spool_append){
		.post.run = recorded, .worker = message->worker, .type = SPOOL_STATE, .id = message->id, .meta = buf_str(&record->state),
	};
	message->changed = false;
	spool_append(runtime.spool, &record->append);
	return true;
}

void queue_later(struct gw_message *message)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = queue_find(message->worker, message->id);
	int64_t due = obey(entry, message, message->next_at);
	message->next_at = due;
	entry->attempts = (uint16_t)(message->attempts > UINT16_MAX ? UINT16_MAX : message->attempts);
	bool held = message->held, kept = message->changed && !held && record_and_keep(message);
	if (message->changed)
		queue_record(message);
	if (!kept)
		drop_message(queue, entry);
	deactivate(queue, entry);
	entry->place = ENTRY_HELD;
	if (held)
		queue->held++;
	else
		wait_until(queue, entry, due);
}

void queue_park(struct gw_message *message, struct gw_str relay)
{
	struct queue *queue = queue_of(message->worker);
	struct queue_entry *entry = queue_find(message->worker, message->id);
	if (!message->held && !entry->orders)
		park_put(&queue->parks, entry, relay, message->client);
	queue_later(message);
}

static void call_back(void *arg, struct queue_entry *entry)
{
	struct queue *queue = arg;
	heap_take(&queue->waiting, entry);
	wait_until(queue, entry, queue_now());
}

size_t queue_unpark(struct worker *worker, struct gw_str relay, size_t most)
{
	struct queue *queue = queue_of(worker);
	size_t count = 0;
	struct queue_entry *entry;
	for (; count < most && (entry = park_next(&queue->parks, relay)); count++)
		call_back(queue, entry);
	return count;
}

static void recall_step(struct timer *timer)
{
	struct queue *queue = list_of(timer, struct queue, recall);
	if (park_call_aside(&queue->parks, RECALL_STEP, call_back, queue))
		timer_set(queue->worker, timer, RECALL_PAUSE_MS, recall_step);
}

void queue_recall(struct worker *worker, struct gw_str relay)
{
	struct queue *queue = queue_of(worker);
	if (queue && park_set_aside(&queue->parks, relay) && !timer_pending(&queue->recall))
		recall_step(&queue->recall);
}

static void tell_held(uint64_t id, struct gw_str why)
{
	COUNT(held);
	struct log_line *line = log_open(LOG_WARN, "held");
	log_id(line, id);
	log_str(line, "reason", why);
	log_close(line);
}

void queue_hold(struct gw_message *message, struct gw_str why)
{
	message->held = message->changed = true;
	message->hold_reason = arena_str(&message->arena, why);
	tell_held(message->id, why);
	queue_later(message);
}

/* --- orders --- */

struct queue_entry *queue_find(struct worker *worker, uint64_t id)
{
	return id_map_get(&queue_of(worker)->entries, id);
}

struct queue_entry *queue_next(struct worker *worker, size_t *at)
{
	return id_map_next(&queue_of(worker)->entries, at);
}

bool queue_wants_bounce(const struct gw_message *message)
{
	const struct queue_entry *entry = queue_find(message->worker, message->id);
	return entry && (entry->orders & ORDER_BOUNCE);
}

static void record_held(struct queue *queue, struct queue_entry *entry, bool held, struct gw_str why)
{
	if (!entry->message && (entry->message = load(queue, entry)))
		queue->in_memory++;
	if (!entry->message)
		return;
	entry->message->held = held;
	entry->message->hold_reason = why;
	entry->message->next_at = entry->due;
	queue_record(entry->message);
	drop_message(queue, entry);
}

static void hold_waiting(struct queue *queue, struct queue_entry *entry, struct gw_str why)
{
	heap_take(&queue->waiting, entry);
	park_take(entry);
	record_held(queue, entry, true, why);
	entry->place = ENTRY_HELD;
	queue->held++;
}

bool queue_hold_waiting(struct worker *worker, uint64_t id, struct gw_str why)
{
	struct queue_entry *entry = queue_find(worker, id);
	if (!entry || entry->place != ENTRY_WAITING)
		return false;
	hold_waiting(queue_of(worker), entry, why);
	tell_held(id, why);
	return true;
}

static void order_waiting(struct queue *queue, struct queue_entry *entry, enum queue_order order)
{
	if (order == ORDER_HOLD) {
		hold_waiting(queue, entry, gw_str("by an admin"));
		return;
	}
	heap_take(&queue->waiting, entry);
	park_take(entry);
	entry->orders |= order & (ORDER_BOUNCE | ORDER_RETRY);
	wait_until(queue, entry, order == ORDER_RELEASE ? entry->due : queue_now());
}

static void order_held(struct queue *queue, struct queue_entry *entry, enum queue_order order)
{
	if (order == ORDER_HOLD)
		return;
	entry->orders |= order & ORDER_BOUNCE;
	entry->due = queue_now();
	record_held(queue, entry, false, gw_str(""));
	queue->held--;
	wait_until(queue, entry, entry->due);
}

static void log_order(uint64_t id, enum queue_order order)
{
	static const struct { enum queue_order order; const char *event; } names[] = {
		{ ORDER_RETRY, "retry-ordered" }, { ORDER_HOLD, "hold-ordered" }, { ORDER_RELEASE, "released" }, { ORDER_BOUNCE, "bounce-ordered" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].order != order)
			continue;
		struct log_line *line = log_open(LOG_INFORM, names[i].event);
		log_id(line, id);
		log_close(line);
	}
}

bool queue_order(struct worker *worker, uint64_t id, enum queue_order order)
{
	struct queue *queue = queue_of(worker);
	struct queue_entry *entry = id_map_get(&queue->entries, id);
	if (!entry)
		return false;
	log_order(id, order);
	if (entry->place == ENTRY_ACTIVE)
		entry->orders |= (uint8_t)order;
	else if (entry->place == ENTRY_WAITING)
		order_waiting(queue, entry, order);
	else
		order_held(queue, entry, order);
	return true;
}

void queue_parked(struct worker *worker, struct gw_str relay, void (*each)(void *arg, const struct queue_entry *entry), void *arg)
{
	park_each(&queue_of(worker)->parks, relay, each, arg);
}

void queue_count(struct worker *worker, struct queue_counts *counts)
{
	const struct queue *queue = queue_of(worker);
	counts->active = queue->active;
	counts->held = queue->held;
	counts->in_memory = queue->in_memory;
	counts->waiting = queue->entries.count - queue->active - queue->held;
}

/* --- begin and end --- */

int queue_start(struct worker *worker)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -1;
	queue->worker = worker;
	id_map_init(&queue->entries);
	str_map_init(&queue->parks.by_relay);
	str_map_init(&queue->parks.aside);
	list_init(&queue->fresh);
	worker_set(worker, SLOT_QUEUE, queue);
	return 0;
}

void queue_stop(struct worker *worker)
{
	struct queue *queue = queue_of(worker);
	if (!queue)
		return;
	size_t at = 0;
	for (struct queue_entry *entry; (entry = id_map_next(&queue->entries, &at));) {
		drop_message(queue, entry);
		free(entry);
	}
	timer_clear(&queue->timer);
	timer_clear(&queue->recall);
	parks_finish(&queue->parks);
	heap_finish(&queue->waiting);
	id_map_finish(&queue->entries);
	free(queue);
	worker_set(worker, SLOT_QUEUE, NULL);
}
