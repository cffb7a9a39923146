/* offload.h - a pool of threads for work that blocks: password hashes, signatures, name look-ups, files. */
#ifndef LOOP_OFFLOAD_H
#define LOOP_OFFLOAD_H

#include "loop/worker.h"

/* One piece of work, embedded in what it is about. `work` runs on a pool thread, then `post.run` on the worker that
 * asked; until then the pool owns it. It cannot be called back: who loses interest waits for post.run and drops it. */
struct offload {
	struct post post;
	struct worker *worker;
	void (*work)(struct offload *offload);
	struct offload *next;
};

struct offload_pool;

struct offload_pool *offload_create(unsigned threads);
void offload_destroy(struct offload_pool *pool); /* finishes what is queued; NULL is fine */

/* Queues the work; offload->work and ->post.run must be set. worker NULL: nobody is told, `work` frees. [any thread] */
void offload_run(struct offload_pool *pool, struct worker *worker, struct offload *offload);

/* Pieces waiting for a thread. [any thread] */
size_t offload_waiting(struct offload_pool *pool);

#endif
