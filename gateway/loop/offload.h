/* offload.h - a pool of threads for work that blocks: password hashes, signatures, name look-ups,
 * files.
 *
 * Work stands in lines, one for each kind. Each line has a thread of its own when it needs one, and
 * the others are shared by turns: however long one line is, another does not wait behind it. */
#ifndef LOOP_OFFLOAD_H
#define LOOP_OFFLOAD_H

#include "loop/worker.h"

#include <sys/queue.h>

struct offload_line;

/* One piece of work, embedded in what it is about. `work` runs on a pool thread, then `post.run` on
 * the worker that asked; until then the pool owns it. */
struct offload {
	struct post post;
	struct worker *worker;
	void (*work)(struct offload *offload);
	struct offload_line *line;
	TAILQ_ENTRY(offload) link;
	int rank;     /* what has a lower one is begun first, of one rank what came first */
	bool waiting; /* in its line; under the pool's lock */
};

struct offload_pool;

#define OFFLOAD_ROOM 4096 /* pieces that wait in one line at most */

/* `threads`: how many may work for one line at once. */
struct offload_pool *offload_create(unsigned threads);
void offload_destroy(struct offload_pool *pool); /* finishes what is queued; NULL is fine */

/* The line of that name, made when it is not there yet; it stays until the pool goes. Of too many
 * names the last share one. NULL: no memory. [any thread] */
struct offload_line *offload_line(struct offload_pool *pool, const char *name);

/* Queues the work; offload->work and ->post.run must be set. worker NULL: nobody is told, `work`
 * frees. False: the line is full, and nothing was handed over. [any thread] */
bool offload_run(struct offload_line *line, struct worker *worker, struct offload *offload);

/* Nobody waits for it any more. True: it had not begun and never will; post.run follows as if it
 * had. Only while the pool owns it. [its worker] */
bool offload_drop(struct offload *offload);

/* Pieces waiting for a thread, in all lines. [any thread] */
size_t offload_waiting(struct offload_pool *pool);

struct offload_load {
	const char *name;
	size_t waiting, most_waiting; /* now; at most since the start */
	unsigned running;
	/* dropped: never begun, since nobody waited any more, or refused for want of room */
	uint64_t begun, dropped;
};
/* [any thread] */
void offload_each(struct offload_pool *pool,
		  void (*each)(void *arg, const struct offload_load *load), void *arg);

#endif
