#include "admin/tour.h"

#include "admin/request.h"
#include "base/clock.h"
#include "deliver/delivery.h"

#include <stdlib.h>

#define STEP_MS 2

/* So many orders, whose messages are still to be read, are enough for now. */
#define ORDERS_MOST 64
#define ORDERS_PAUSE_MS 1

struct tour_part {
	struct post post;
	struct tour *tour;
	unsigned number;
	struct id_list ids, near;
	size_t at;
	struct timer timer;
};

/* --- lists --- */

void id_list_add(struct id_list *list, uint64_t id)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		uint64_t *ids = realloc(list->ids, room * sizeof(*ids));
		list->failed |= !ids;
		if (!ids)
			return;
		list->ids = ids;
		list->room = room;
	}
	list->ids[list->count++] = id;
}

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

void id_list_sort(struct id_list *list)
{
	size_t kept = 0;
	if (list->count)
		qsort(list->ids, list->count, sizeof(*list->ids), by_id);
	for (size_t i = 0; i < list->count; i++)
		if (!kept || list->ids[kept - 1] != list->ids[i])
			list->ids[kept++] = list->ids[i];
	list->count = kept;
}

bool id_list_has(const struct id_list *list, uint64_t id)
{
	return list->count && bsearch(&id, list->ids, list->count, sizeof(id), by_id);
}

/* --- noting what is there --- */

static void note_waiting(void *arg, const struct queue_entry *entry)
{
	struct tour_part *part = arg;
	id_list_add(&part->near, entry->id);
}

static void note_sent(void *arg, const struct gw_message *message, const struct gw_relay *relay)
{
	struct tour_part *part = arg;
	if (gw_str_eq(relay->name, gw_str(part->tour->relay)))
		id_list_add(&part->near, message->id);
}

static void note(struct worker *worker, unsigned number, void *arg)
{
	struct tour *tour = arg;
	struct tour_part *part = &tour->parts[number];
	size_t at = 0;
	if (tour->relay) {
		queue_waiting_for(worker, gw_str(tour->relay), note_waiting, part);
		delivery_each(worker, note_sent, part);
	}
	for (const struct queue_entry *entry; !tour->only && (entry = queue_next(worker, &at));)
		id_list_add(&part->ids, entry->id);
}

/* --- going through it --- */

static void all_done(struct post *post)
{
	struct tour *tour = list_of(post, struct tour, done_post);
	tour->done(tour);
}

static void part_done(struct tour *tour)
{
	if (atomic_fetch_sub(&tour->left, 1) == 1)
		worker_post(runtime.main, &tour->done_post);
}

static bool is_over(const struct tour_part *part, const struct id_list *ids)
{
	return part->at >= ids->count ||
	       (part->tour->abandoned && atomic_load(part->tour->abandoned)) ||
	       atomic_load(&runtime.stopping);
}

static void step(struct post *post);

static void step_again(struct timer *timer)
{
	struct tour_part *part = list_of(timer, struct tour_part, timer);
	step(&part->post);
}

/* True: the step comes again when the queue has read what was ordered. */
static bool waits_for_orders(struct tour_part *part, struct worker *worker,
			     const struct id_list *ids)
{
	const struct tour *tour = part->tour;
	size_t open = tour->orders ? queue_orders_open(worker) : 0;
	bool ends = atomic_load(&runtime.stopping) ||
		    (tour->abandoned && atomic_load(tour->abandoned));
	if (ends || open <= (is_over(part, ids) ? 0 : ORDERS_MOST))
		return false;
	timer_set(worker, &part->timer, ORDERS_PAUSE_MS, step_again);
	return true;
}

static void step(struct post *post)
{
	struct tour_part *part = (struct tour_part *)post;
	struct tour *tour = part->tour;
	struct worker *worker = runtime.workers[part->number];
	const struct id_list *ids = tour->only ? tour->only : &part->ids;
	int64_t until = clock_monotonic() + STEP_MS;
	while (!waits_for_orders(part, worker, ids)) {
		if (is_over(part, ids)) {
			part_done(tour);
			return;
		}
		struct queue_entry *entry = queue_find(worker, ids->ids[part->at++]);
		if (entry && !tour->visit(tour, worker, part->number, entry))
			part->at = ids->count;
		if (clock_monotonic() < until)
			continue;
		worker_post(worker, &part->post);
		return;
	}
}

/* A million ids are sorted here, where nobody's mail waits. */
static void noted(void *arg)
{
	struct tour *tour = arg;
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		id_list_sort(&tour->parts[i].ids);
		id_list_sort(&tour->parts[i].near);
	}
	for (unsigned i = 0; i < runtime.worker_count; i++)
		worker_post(runtime.workers[i], &tour->parts[i].post);
}

int tour_begin(struct tour *tour)
{
	tour->parts = calloc(runtime.worker_count, sizeof(*tour->parts));
	if (!tour->parts)
		return -1;
	tour->done_post.run = all_done;
	atomic_store(&tour->left, runtime.worker_count);
	for (unsigned i = 0; i < runtime.worker_count; i++)
		tour->parts[i] = (struct tour_part){ .post.run = step, .tour = tour, .number = i };
	if (on_each_worker(note, noted, tour) == 0)
		return 0;
	tour_finish(tour);
	return -1;
}

bool tour_is_near(const struct tour *tour, unsigned number, uint64_t id)
{
	return id_list_has(&tour->parts[number].near, id);
}

bool tour_failed(const struct tour *tour)
{
	bool failed = false;
	for (unsigned i = 0; i < runtime.worker_count; i++)
		failed |= tour->parts[i].ids.failed || tour->parts[i].near.failed;
	return failed;
}

void tour_finish(struct tour *tour)
{
	for (unsigned i = 0; tour->parts && i < runtime.worker_count; i++) {
		free(tour->parts[i].ids.ids);
		free(tour->parts[i].near.ids);
	}
	free(tour->parts);
	tour->parts = NULL;
}
