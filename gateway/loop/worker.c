#include "loop/worker_private.h"

#include "base/clock.h"

#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How often a turn's end writes again what was appended because something had been written. */
#define FLUSH_ROUNDS 4

static _Thread_local struct worker *current;

int loop_init(void)
{
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -1;
	return evthread_use_pthreads();
}

static void list_init(struct turn_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

/* The posts are looked for after each turn; the event only ends the wait. It is edge-triggered, so
 * the count is never read. */
static void woken(evutil_socket_t fd, short what, void *arg) {}

static int open_wake(struct worker *worker)
{
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->wake_fd < 0)
		return -1;
	worker->wake = event_new(worker->base, worker->wake_fd, EV_READ | EV_PERSIST | EV_ET, woken,
				 NULL);
	if (!worker->wake)
		return -1;
	return event_add(worker->wake, NULL);
}

struct worker *worker_create(unsigned number)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->number = number;
	worker->wake_fd = -1;
	list_init(&worker->later[TURN_EVENT]);
	list_init(&worker->later[TURN_FLUSH]);
	worker->base = event_base_new();
	if (!worker->base || open_wake(worker) < 0) {
		worker_destroy(worker);
		return NULL;
	}
	return worker;
}

void worker_later(struct worker *worker, enum turn_stage stage, struct post *post)
{
	struct turn_list *list = &worker->later[stage];

	post->next = NULL;
	*list->last = post;
	list->last = &post->next;
}

static void run_stage(struct worker *worker, enum turn_stage stage)
{
	struct post *post = worker->later[stage].first, *next;

	list_init(&worker->later[stage]);
	for (; post; post = next) {
		next = post->next;
		post->run(post);
	}
}

static bool has_later(const struct worker *worker)
{
	return worker->later[TURN_EVENT].first != NULL || worker->later[TURN_FLUSH].first != NULL;
}

static void end_turn(struct worker *worker)
{
	int round;

	inbox_run(worker);
	run_stage(worker, TURN_EVENT);
	for (round = 0; round < FLUSH_ROUNDS && worker->later[TURN_FLUSH].first; round++)
		run_stage(worker, TURN_FLUSH);
}

/* One turn: wait, handle what is ready, then what was put off. The loop is driven turn by turn
 * because an event of low priority, libevent's own way to put things off, costs a second wait in
 * each turn and starves under load. */
static void turn(struct worker *worker)
{
	bool wait = !has_later(worker) && inbox_sleep(worker);

	worker->now = worker->wall = 0;
	worker->turning = true;
	event_base_loop(worker->base, wait ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
	end_turn(worker);
	worker->turning = false;
}

void worker_run(struct worker *worker)
{
	struct worker *outer = current;
	bool stop;

	current = worker;
	do {
		/* Asked before the turn's end, so that what was posted before the stop still runs.
		 */
		stop = atomic_load_explicit(&worker->stop, memory_order_acquire);
		if (stop)
			end_turn(worker);
		else
			turn(worker);
	} while (!stop);
	atomic_store_explicit(&worker->stop, false, memory_order_relaxed);
	current = outer;
}

static void *thread_main(void *arg)
{
	struct worker *worker = arg;
	char name[16];

	snprintf(name, sizeof(name), "worker-%u", worker->number % 1000);
	pthread_setname_np(pthread_self(), name);
	current = worker;
	if (worker->began)
		worker->began(worker, worker->began_arg);
	worker_run(worker);
	return NULL;
}

int worker_start(struct worker *worker, void (*began)(struct worker *, void *arg), void *arg)
{
	sigset_t all, before;
	int error;

	worker->began = began;
	worker->began_arg = arg;
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&worker->thread, NULL, thread_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	worker->started = error == 0;
	return error == 0 ? 0 : -1;
}

void worker_stop(struct worker *worker)
{
	atomic_store_explicit(&worker->stop, true, memory_order_release);
	inbox_wake(worker);
}

void worker_join(struct worker *worker)
{
	if (worker->started)
		pthread_join(worker->thread, NULL);
	worker->started = false;
}

/* What was posted or put off and never ran owns memory, so it runs here. */
static void run_left(struct worker *worker)
{
	struct worker *outer = current;

	current = worker;
	while (worker->orphans)
		worker->orphans->end(worker->orphans);
	while (inbox_run(worker) || has_later(worker))
		end_turn(worker);
	current = outer;
}

void worker_destroy(struct worker *worker)
{
	if (!worker)
		return;
	run_left(worker);
	signals_finish(worker);
	buf_finish(&worker->spare);
	if (worker->wake)
		event_free(worker->wake);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	if (worker->base)
		event_base_free(worker->base);
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
	return worker->base;
}

void worker_use_pool(struct worker *worker, struct offload_pool *pool)
{
	worker->pool = pool;
}

struct offload_pool *worker_pool(const struct worker *worker)
{
	return worker->pool;
}

void worker_set(struct worker *worker, unsigned slot, void *value)
{
	worker->slots[slot] = value;
}

void *worker_get(const struct worker *worker, unsigned slot)
{
	return worker->slots[slot];
}

int64_t worker_now(struct worker *worker)
{
	if (!worker->turning)
		return clock_monotonic();
	if (worker->now == 0)
		worker->now = clock_monotonic();
	return worker->now;
}

int64_t worker_wall(struct worker *worker)
{
	if (!worker->turning)
		return clock_wall();
	if (worker->wall == 0)
		worker->wall = clock_wall();
	return worker->wall;
}
