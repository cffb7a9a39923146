/* loop.c - in the place of loop/worker.c and loop/timer.c: turns that are taken by the test, timers
 * on the clock of the simulation. What is posted goes through the host's own inbox.c. */
#include "sim_private.h"

#include "base/clock.h"

#include <stdlib.h>

#define TURNS_MOST 10000 /* at one moment: more is a loop without an end */
#define FLUSH_ROUNDS 4   /* as worker.c */

struct sim_timer {
	struct list_link link;
	struct timer *timer;
	int64_t due;
};

static struct worker *current;
static struct list_link timers = { &timers, &timers }; /* of all workers, the soonest first */

int loop_init(void)
{
	return 0;
}

struct worker *worker_create(unsigned number)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	worker->number = number;
	worker->wake_fd = -1;
	for (int i = 0; i < TURN_STAGES; i++)
		worker->later[i].last = &worker->later[i].first;
	return worker;
}

void worker_later(struct worker *worker, enum turn_stage stage, struct post *post)
{
	struct turn_list *list = &worker->later[stage];

	post->next = NULL;
	*list->last = post;
	list->last = &post->next;
}

static bool run_stage(struct worker *worker, enum turn_stage stage)
{
	struct turn_list *list = &worker->later[stage];
	struct post *post = list->first, *next;
	bool any = post != NULL;

	list->first = NULL;
	list->last = &list->first;
	for (; post; post = next) {
		next = post->next;
		post->run(post);
	}
	return any;
}

static bool run_timer(struct worker *worker)
{
	for (struct list_link *at = timers.next; at != &timers; at = at->next) {
		struct sim_timer *due = list_of(at, struct sim_timer, link);

		if (due->due > clock_monotonic())
			return false;
		if (due->timer->worker != worker)
			continue;
		struct timer *timer = due->timer;
		timer_clear(timer);
		timer->fire(timer);
		return true;
	}
	return false;
}

/* What came in, what is due, what was posted, what was put off: as a turn of worker.c. */
static bool turn(struct worker *worker)
{
	struct worker *outer = current;

	current = worker;
	bool any = listeners_run(worker);
	any |= streams_read(worker);
	while (run_timer(worker))
		any = true;
	any |= inbox_run(worker);
	any |= run_stage(worker, TURN_EVENT);
	for (int round = 0; round < FLUSH_ROUNDS; round++)
		any |= run_stage(worker, TURN_FLUSH);
	current = outer;
	return any;
}

void loop_settle(struct worker *worker)
{
	unsigned turns = 0;

	while (turn(worker))
		assert_in_range(++turns, 1, TURNS_MOST);
}

static int64_t next_due(const struct worker *worker)
{
	for (struct list_link *at = timers.next; at != &timers; at = at->next)
		if (list_of(at, struct sim_timer, link)->timer->worker == worker)
			return list_of(at, struct sim_timer, link)->due;
	return INT64_MAX;
}

void loop_pass(struct worker *worker, int64_t ms)
{
	int64_t until = clock_monotonic() + ms;

	loop_settle(worker);
	while (next_due(worker) <= until) {
		clock_move(next_due(worker) - clock_monotonic());
		loop_settle(worker);
	}
	clock_move(until - clock_monotonic());
}

size_t loop_timers(const struct worker *worker)
{
	size_t count = 0;

	for (struct list_link *at = timers.next; at != &timers; at = at->next)
		count += list_of(at, struct sim_timer, link)->timer->worker == worker;
	return count;
}

/* --- what worker.h offers besides --- */

void worker_run(struct worker *worker)
{
	do
		loop_settle(worker);
	while (!atomic_exchange(&worker->stop, false) && next_due(worker) < INT64_MAX &&
	       (clock_move(next_due(worker) - clock_monotonic()), true));
}

void worker_stop(struct worker *worker)
{
	atomic_store(&worker->stop, true);
}

/* As in worker.c: what nobody owns any more ends, and what was posted runs. */
void worker_destroy(struct worker *worker)
{
	struct worker *outer = current;

	if (!worker)
		return;
	current = worker;
	while (worker->orphans)
		worker->orphans->end(worker->orphans);
	current = outer;
	loop_settle(worker);
	buf_finish(&worker->spare);
	free(worker);
}

unsigned worker_number(const struct worker *worker)
{
	return worker->number;
}

struct worker *worker_current(void)
{
	return current;
}

void *worker_event_base(struct worker *worker)
{
	return NULL;
}

void worker_set(struct worker *worker, unsigned slot, void *value)
{
	worker->slots[slot] = value;
}

void *worker_get(const struct worker *worker, unsigned slot)
{
	return worker->slots[slot];
}

void worker_use_pool(struct worker *worker, struct offload_pool *pool)
{
	worker->pool = pool;
}

struct offload_pool *worker_pool(const struct worker *worker)
{
	return worker->pool;
}

int64_t worker_now(struct worker *worker)
{
	return clock_monotonic();
}

int64_t worker_wall(struct worker *worker)
{
	return clock_wall();
}

/* --- timers --- */

/* Of those that are due at the same time, the one that was set first is the first. */
static void enter(struct sim_timer *new)
{
	struct list_link *at = &timers;

	while (at->prev != &timers && list_of(at->prev, struct sim_timer, link)->due > new->due)
		at = at->prev;
	list_add(at, &new->link);
}

int timer_set(struct worker *worker, struct timer *timer, int64_t ms,
	      void (*fire)(struct timer *timer))
{
	struct sim_timer *set = timer->event ? timer->event : calloc(1, sizeof(*set));

	list_take(&set->link);
	set->timer = timer;
	set->due = clock_monotonic() + (ms > 0 ? ms : 0);
	timer->event = set;
	timer->worker = worker;
	timer->fire = fire;
	enter(set);
	return 0;
}

void timer_clear(struct timer *timer)
{
	struct sim_timer *set = timer->event;

	if (set)
		list_take(&set->link);
	free(set);
	timer->event = NULL;
}

bool timer_pending(const struct timer *timer)
{
	return timer->event != NULL;
}
