#include "loop/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MOST 64

TAILQ_HEAD(pieces, offload);

struct offload_line {
	struct offload_pool *pool;
	struct pieces pieces;
	struct offload_load load;
	char name[64];
};

struct offload_pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct offload_line *lines[LINES_MOST];
	size_t line_count, turn; /* turn: whose piece is looked at first */
	size_t waiting;
	unsigned idle, running, most;
	unsigned shared; /* threads at work beyond each line's own one */
	bool ending;
	pthread_t threads[];
};

/* One thread of a line is its own, the others are among those that all lines share. */
static bool may_begin(const struct offload_line *line)
{
	return line->load.running == 0 || line->pool->shared + 1 < line->pool->most;
}

static struct offload_line *next_line(struct offload_pool *pool)
{
	for (size_t i = 0; i < pool->line_count; i++) {
		struct offload_line *line = pool->lines[(pool->turn + i) % pool->line_count];
		if (TAILQ_EMPTY(&line->pieces) || !may_begin(line))
			continue;
		pool->turn = (pool->turn + i + 1) % pool->line_count;
		return line;
	}
	return NULL;
}

static void unqueue(struct offload *offload)
{
	struct offload_line *line = offload->line;

	TAILQ_REMOVE(&line->pieces, offload, link);
	offload->waiting = false;
	line->load.waiting--;
	line->pool->waiting--;
}

static struct offload *begin(struct offload_line *line)
{
	struct offload *offload = TAILQ_FIRST(&line->pieces);

	unqueue(offload);
	line->load.begun++;
	line->pool->shared += line->load.running++ != 0;
	return offload;
}

static void end(struct offload_line *line)
{
	line->pool->shared -= --line->load.running != 0;
}

/* The next piece, or NULL when the pool ends and nothing is left. `done`: the line of the piece
 * before; NULL: there was none. */
static struct offload *take(struct offload_pool *pool, struct offload_line *done)
{
	struct offload_line *line;
	struct offload *offload;

	pthread_mutex_lock(&pool->lock);
	if (done)
		end(done);
	pool->idle++;
	while ((line = next_line(pool)) == NULL && !(pool->ending && pool->waiting == 0))
		pthread_cond_wait(&pool->changed, &pool->lock);
	pool->idle--;
	offload = line ? begin(line) : NULL;
	if (pool->ending)
		pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	return offload;
}

static void *thread_main(void *arg)
{
	struct offload_pool *pool = arg;
	struct offload_line *line = NULL;
	struct offload *offload;
	struct worker *worker;

	pthread_setname_np(pthread_self(), "offload");
	while ((offload = take(pool, line)) != NULL) {
		line = offload->line;
		worker = offload->worker;
		offload->work(offload); /* frees it when nobody is told */
		if (worker)
			worker_post(worker, &offload->post);
	}
	return NULL;
}

static int add_thread(struct offload_pool *pool)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&pool->threads[pool->running], NULL, thread_main, pool);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0)
		return -1;
	pool->running++;
	return 0;
}

struct offload_pool *offload_create(unsigned threads)
{
	unsigned most = threads > 0 ? threads : 1;
	struct offload_pool *pool = calloc(1, sizeof(*pool) + (most + LINES_MOST) *
								      sizeof(pool->threads[0]));

	if (!pool)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->most = most;
	/* One thread is certain, the others come when there is work for them. */
	if (add_thread(pool) < 0) {
		offload_destroy(pool);
		return NULL;
	}
	return pool;
}

void offload_destroy(struct offload_pool *pool)
{
	unsigned i;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->running; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	while (pool->line_count > 0)
		free(pool->lines[--pool->line_count]);
	free(pool);
}

static struct offload_line *add_line(struct offload_pool *pool, const char *name)
{
	struct offload_line *line = calloc(1, sizeof(*line));

	if (!line)
		return NULL;
	line->pool = pool;
	strncpy(line->name, name, sizeof(line->name) - 1);
	line->load.name = line->name;
	TAILQ_INIT(&line->pieces);
	return pool->lines[pool->line_count++] = line;
}

static struct offload_line *find_line(struct offload_pool *pool, const char *name)
{
	for (size_t i = 0; i < pool->line_count; i++)
		if (strncmp(pool->lines[i]->name, name, sizeof(pool->lines[i]->name) - 1) == 0)
			return pool->lines[i];
	return pool->line_count == LINES_MOST ? pool->lines[LINES_MOST - 1] : NULL;
}

struct offload_line *offload_line(struct offload_pool *pool, const char *name)
{
	struct offload_line *line;

	pthread_mutex_lock(&pool->lock);
	line = find_line(pool, name);
	if (!line)
		line = add_line(pool, name);
	pthread_mutex_unlock(&pool->lock);
	return line;
}

/* From the end, where what has the rank of all others belongs. */
static void insert(struct pieces *pieces, struct offload *offload)
{
	struct offload *before = TAILQ_LAST(pieces, pieces);

	while (before && before->rank > offload->rank)
		before = TAILQ_PREV(before, pieces, link);
	if (before)
		TAILQ_INSERT_AFTER(pieces, before, offload, link);
	else
		TAILQ_INSERT_HEAD(pieces, offload, link);
}

static void queue(struct offload_line *line, struct offload *offload)
{
	struct offload_pool *pool = line->pool;

	insert(&line->pieces, offload);
	offload->waiting = true;
	pool->waiting++;
	if (++line->load.waiting > line->load.most_waiting)
		line->load.most_waiting = line->load.waiting;
	if (!may_begin(line))
		return; /* whoever ends a piece looks */
	if (pool->waiting > pool->idle && pool->running < pool->most + pool->line_count &&
	    !pool->ending)
		add_thread(pool); /* refused: those that run take it later */
	if (pool->idle > 0)
		pthread_cond_signal(&pool->changed);
}

bool offload_run(struct offload_line *line, struct worker *worker, struct offload *offload)
{
	bool room;

	offload->worker = worker;
	offload->line = line;
	pthread_mutex_lock(&line->pool->lock);
	room = line->load.waiting < OFFLOAD_ROOM;
	if (room)
		queue(line, offload);
	else
		line->load.dropped++;
	pthread_mutex_unlock(&line->pool->lock);
	return room;
}

bool offload_drop(struct offload *offload)
{
	struct offload_pool *pool = offload->line->pool;
	bool waited;

	pthread_mutex_lock(&pool->lock);
	waited = offload->waiting;
	if (waited) {
		unqueue(offload);
		offload->line->load.dropped++;
	}
	if (pool->ending)
		pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	if (waited)
		worker_post(offload->worker, &offload->post);
	return waited;
}

size_t offload_waiting(struct offload_pool *pool)
{
	size_t waiting;

	pthread_mutex_lock(&pool->lock);
	waiting = pool->waiting;
	pthread_mutex_unlock(&pool->lock);
	return waiting;
}

void offload_each(struct offload_pool *pool,
		  void (*each)(void *arg, const struct offload_load *load), void *arg)
{
	pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < pool->line_count; i++)
		each(arg, &pool->lines[i]->load);
	pthread_mutex_unlock(&pool->lock);
}
