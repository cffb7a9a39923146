/* workers.c - the worker threads with what each has of its own, from their making to their end. */
#include "daemon/daemon.h"

#include "deliver/delivery.h"
#include "module/on_worker.h"
#include "receive/receive.h"

#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

/* --- begin --- */

static int begin_dns(struct worker *worker, const struct settings *settings,
		     struct problems *problems)
{
	const struct dns_options options = { .forward = settings->dns.forward,
					     .trust_anchor = settings->dns.trust_anchor,
					     .local = settings->dns.local };
	struct dns *dns = dns_create(worker, &options, problems);
	worker_set(worker, SLOT_RESOLVER,
		   dns ? resolver_create(worker, runtime.pool, &options, "/etc/hosts") : NULL);
	return worker_get(worker, SLOT_RESOLVER) ? 0 : -1;
}

static int prepare(struct worker *worker, const struct settings *settings,
		   struct problems *problems)
{
	struct id_maker *ids = calloc(1, sizeof(*ids));
	if (!ids)
		return -1;
	ids->maker = worker_number(worker);
	worker_set(worker, SLOT_IDS, ids);
	worker_use_pool(worker, runtime.pool);
	if (begin_dns(worker, settings, problems) != 0)
		return -1;
	return ticks_create(worker) || queue_start(worker, round_begin) || receive_start(worker) ||
			       transport_start(worker) || delivery_start(worker)
		       ? -1
		       : 0;
}

int workers_create(const struct settings *settings, struct problems *problems)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	runtime.worker_count = (unsigned)(settings->workers ? settings->workers
					  : cores > 0       ? cores
							    : 1);
	runtime.workers = calloc(runtime.worker_count, sizeof(struct worker *));
	for (unsigned i = 0; runtime.workers && i < runtime.worker_count; i++) {
		runtime.workers[i] = worker_create(i);
		if (!runtime.workers[i] || prepare(runtime.workers[i], settings, problems) != 0)
			return -1;
	}
	return runtime.workers ? 0 : -1;
}

static void stop_threads(void)
{
	for (unsigned i = 0; i < runtime.worker_count; i++)
		worker_stop(runtime.workers[i]);
	for (unsigned i = 0; i < runtime.worker_count; i++)
		worker_join(runtime.workers[i]);
}

int workers_start(void)
{
	for (unsigned i = 0; i < runtime.worker_count; i++) {
		if (worker_start(runtime.workers[i], NULL, NULL) == 0)
			continue;
		stop_threads();
		return -1;
	}
	return 0;
}

/* --- end --- */

static void end(struct post *post)
{
	struct worker *worker = worker_current();
	ticks_end(worker);
	receive_stop(worker);
	delivery_stop(worker);
	transport_stop(worker);
	chain_drop_all(worker);
}

static void forget_pool(struct post *post)
{
	worker_use_pool(worker_current(), NULL);
}

static void leave(struct post *post)
{
	on_worker_leave_all(worker_current());
}

struct barrier {
	struct post post;
	void (*run)(struct post *post);
	sem_t *reached;
};

static void reach(struct post *post)
{
	struct barrier *barrier = (struct barrier *)post;
	barrier->run(post);
	sem_post(barrier->reached);
}

/* Runs it on every worker, after all that was posted to them before, and waits. */
static void on_all(void (*run)(struct post *post))
{
	struct barrier *barriers = calloc(runtime.worker_count, sizeof(*barriers));
	sem_t reached;
	sem_init(&reached, 0, 0);
	for (unsigned i = 0; barriers && i < runtime.worker_count; i++) {
		barriers[i] = (struct barrier){ { .run = reach }, run, &reached };
		worker_post(runtime.workers[i], &barriers[i].post);
	}
	for (unsigned i = 0; barriers && i < runtime.worker_count; i++)
		while (sem_wait(&reached) != 0)
			;
	sem_destroy(&reached);
	free(barriers);
}

/* Answers of the pool and of the spool still find their workers running; what they may look at, the
 * spool too, is freed after that. */
void workers_end(void)
{
	on_all(end);
	offload_destroy(runtime.pool);
	runtime.pool = NULL;
	on_all(forget_pool);
	spool_stop(runtime.spool);
	on_all(leave);
	if (runtime.state)
		state_sync(runtime.state); /* it posts to workers, and does no more after this */
	stop_threads();
}

static void free_one(struct worker *worker)
{
	struct id_maker *ids = worker_get(worker, SLOT_IDS);
	ticks_destroy(worker);
	queue_stop(worker);
	transport_finish(worker);
	delivery_finish(worker);
	receive_finish(worker);
	resolver_destroy(worker_get(worker, SLOT_RESOLVER));
	dns_destroy(dns_of(worker));
	worker_destroy(worker);
	free(ids);
}

void workers_free(void)
{
	for (unsigned i = 0; runtime.workers && i < runtime.worker_count; i++)
		if (runtime.workers[i])
			free_one(runtime.workers[i]);
	free(runtime.workers);
}
