#include "loop/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct offload_pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct offload *first, **last;
	unsigned idle, running, most;
	bool ending;
	atomic_size_t waiting;
	pthread_t threads[];
};

/* The next piece, or NULL when the pool ends and nothing is left. */
static struct offload *take(struct offload_pool *pool)
{
	struct offload *offload;

	pthread_mutex_lock(&pool->lock);
	pool->idle++;
	while (pool->first == NULL && !pool->ending)
		pthread_cond_wait(&pool->changed, &pool->lock);
	pool->idle--;
	offload = pool->first;
	if (offload != NULL) {
		pool->first = offload->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
		atomic_fetch_sub_explicit(&pool->waiting, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&pool->lock);
	return offload;
}

static void *thread_main(void *arg)
{
	struct offload_pool *pool = arg;
	struct offload *offload;
	struct worker *worker;

	pthread_setname_np(pthread_self(), "offload");
	while ((offload = take(pool)) != NULL) {
		worker = offload->worker;
		offload->work(offload); /* frees it when nobody is told */
		if (worker != NULL)
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
	struct offload_pool *pool = calloc(1, sizeof(*pool) + most * sizeof(pool->threads[0]));

	if (pool == NULL)
		return NULL;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->last = &pool->first;
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

	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->running; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void offload_run(struct offload_pool *pool, struct worker *worker, struct offload *offload)
{
	size_t waiting;

	offload->worker = worker;
	offload->next = NULL;
	pthread_mutex_lock(&pool->lock);
	*pool->last = offload;
	pool->last = &offload->next;
	waiting = atomic_fetch_add_explicit(&pool->waiting, 1, memory_order_relaxed) + 1;
	if (waiting > pool->idle && pool->running < pool->most && !pool->ending)
		add_thread(pool); /* refused: those that run take it later */
	if (pool->idle > 0)
		pthread_cond_signal(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
}

size_t offload_waiting(struct offload_pool *pool)
{
	return atomic_load_explicit(&pool->waiting, memory_order_relaxed);
}
