/* worker.h - a thread with one event loop; sessions and deliveries live and die on one worker.
 *
 * Workers share nothing but what is atomic; they talk by posting. Everything here is for the
 * worker's own thread unless marked [any thread]. */
#ifndef LOOP_WORKER_H
#define LOOP_WORKER_H

#include <gateway/str.h>

struct worker;
struct offload_pool;

/* A message to a worker: embedded in the thing it is about, owned by the worker from post to run.
 */
struct post {
	struct post *next;
	void (*run)(struct post *post);
};

/* Prepares libevent for threads and ignores SIGPIPE; once, in main, first. */
int loop_init(void);

/* Creates the loop; the thread runs from worker_start on. `number` counts from 0. NULL: no memory,
 * no descriptors. */
struct worker *worker_create(unsigned number);

/* Starts the thread. `began` (may be NULL) runs first in it. -1: no thread. */
int worker_start(struct worker *worker, void (*began)(struct worker *, void *arg), void *arg);

/* Asks the loop to end after what runs now and what was posted before [any thread]; worker_join
 * waits for it. Destroy frees after that; posts that came too late still run, in the thread that
 * destroys, so that what they own is not lost. Destroy pools that post before the workers. */
void worker_stop(struct worker *worker);
void worker_join(struct worker *worker);
void worker_destroy(struct worker *worker);

/* Runs the loop in the calling thread instead of a new one: for the main thread, and for tests.
 * Returns after worker_stop. */
void worker_run(struct worker *worker);

unsigned worker_number(const struct worker *worker); /* [any thread] */
struct worker *worker_current(void);                 /* of this thread, or NULL */
void *worker_event_base(struct worker *worker);      /* libevent's struct event_base */

/* Hangs the rooms' own per-worker state on it (queue, pool of connections, sessions); slots are
 * given out by the caller. */
#define WORKER_SLOTS 8
void worker_set(struct worker *worker, unsigned slot, void *value);
void *worker_get(const struct worker *worker, unsigned slot);

/* The pool that takes what may block and was begun on this worker: set before the worker runs, or
 * on its thread; NULL, as at first: there is none, and such work is refused. */
void worker_use_pool(struct worker *worker, struct offload_pool *pool);
struct offload_pool *worker_pool(const struct worker *worker);

/* Makes `run(post)` happen on the worker's thread, in the order of posting. Wakes the loop at most
 * once for many posts. [any thread] */
void worker_post(struct worker *worker, struct post *post);

/* The same for a chain of posts linked by `next`, in order, with one wake-up. [any thread] */
void worker_post_chain(struct worker *worker, struct post *first);

/* The clock as of this turn of the loop, without a system call: milliseconds. */
int64_t worker_now(struct worker *worker);  /* monotonic */
int64_t worker_wall(struct worker *worker); /* since 1970 UTC */

/* A timer in memory you own; zero it, then set. Fires once, then is free again. */
struct timer {
	void *event;
	void (*fire)(struct timer *timer);
	struct worker *worker;
};
/* again: moves it */
int timer_set(struct worker *worker, struct timer *timer, int64_t ms,
	      void (*fire)(struct timer *timer));
/* before its memory goes; a cleared or zeroed one is fine */
void timer_clear(struct timer *timer);
bool timer_pending(const struct timer *timer);

/* Calls `fire` on SIGNAL in this worker's thread (main only). */
int worker_signal(struct worker *worker, int signal, void (*fire)(int signal, void *arg),
		  void *arg);

#endif
