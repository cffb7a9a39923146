/* offload.c - in the place of loop/offload.c: work is done when the test says so, in the order in
 * which it came. */
#include "sim_private.h"

#include "loop/offload.h"

#include <stdlib.h>

struct offload_line {
	char name[32];
};

struct offload_pool {
	struct offload_line line;
	TAILQ_HEAD(, offload) waiting;
};

static struct offload_pool *pool;

struct offload_pool *offload_create(unsigned threads)
{
	pool = calloc(1, sizeof(*pool));
	TAILQ_INIT(&pool->waiting);
	return pool;
}

void offload_destroy(struct offload_pool *old)
{
	while (offload_work())
		;
	free(old);
	pool = NULL;
}

struct offload_line *offload_line(struct offload_pool *of, const char *name)
{
	return &of->line;
}

bool offload_run(struct offload_line *line, struct worker *worker, struct offload *offload)
{
	offload->worker = worker;
	offload->line = line;
	offload->waiting = true;
	TAILQ_INSERT_TAIL(&pool->waiting, offload, link);
	return true;
}

bool offload_drop(struct offload *offload)
{
	if (!offload->waiting)
		return false;
	TAILQ_REMOVE(&pool->waiting, offload, link);
	offload->waiting = false;
	worker_post(offload->worker, &offload->post);
	return true;
}

bool offload_begin(void)
{
	struct offload *first = TAILQ_FIRST(&pool->waiting);

	if (!first || !first->waiting)
		return false;
	first->waiting = false;
	return true;
}

bool offload_work(void)
{
	struct offload *first = TAILQ_FIRST(&pool->waiting);

	if (!first)
		return false;
	TAILQ_REMOVE(&pool->waiting, first, link);
	first->waiting = false;
	first->work(first);
	if (first->worker)
		worker_post(first->worker, &first->post);
	return true;
}

size_t offload_waiting(struct offload_pool *of)
{
	size_t count = 0;
	struct offload *at;

	TAILQ_FOREACH(at, &of->waiting, link)
	count++;
	return count;
}

void offload_each(struct offload_pool *of, void (*each)(void *arg, const struct offload_load *load),
		  void *arg)
{
}
