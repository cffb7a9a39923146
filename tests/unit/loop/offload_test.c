#include "loop_test.h"

#include "loop/offload.h"

#include <pthread.h>
#include <stdatomic.h>

#define PIECES 200

struct piece {
	struct offload offload;
	pthread_t worked_on;
	unsigned *told;
};

static atomic_uint worked;

static void work(struct offload *offload)
{
	((struct piece *)offload)->worked_on = pthread_self();
	atomic_fetch_add(&worked, 1);
}

static void told(struct post *post)
{
	++*((struct piece *)post)->told;
}

static bool all_told(void *arg)
{
	return *(unsigned *)arg == PIECES;
}

static void work_runs_elsewhere_and_its_end_is_told_here(void **state)
{
	struct worker *worker = worker_create(0);
	struct offload_pool *pool = offload_create(3);
	struct piece *pieces = calloc(PIECES, sizeof(*pieces));
	unsigned count = 0, i;

	for (i = 0; i < PIECES; i++) {
		pieces[i].offload.work = work;
		pieces[i].offload.post.run = told;
		pieces[i].told = &count;
		offload_run(pool, worker, &pieces[i].offload);
	}
	assert_true(run_until(worker, all_told, &count));
	for (i = 0; i < PIECES; i++)
		assert_false(pthread_equal(pieces[i].worked_on, pthread_self()));
	assert_int_equal(offload_waiting(pool), 0);
	offload_destroy(pool);
	worker_destroy(worker);
	free(pieces);
}

static void work_and_free(struct offload *offload)
{
	atomic_fetch_add(&worked, 1);
	free(offload);
}

static void a_pool_finishes_its_queue_before_it_ends(void **state)
{
	struct offload_pool *pool = offload_create(2);
	struct offload *offload;
	unsigned i;

	atomic_store(&worked, 0);
	for (i = 0; i < PIECES; i++) {
		offload = calloc(1, sizeof(*offload));
		offload->work = work_and_free;
		offload_run(pool, NULL, offload);
	}
	offload_destroy(pool);
	assert_int_equal(atomic_load(&worked), PIECES);
}

/* All of them at once, or none gets on. */
static pthread_barrier_t together;

static void meet(struct offload *offload)
{
	pthread_barrier_wait(&together);
	free(offload);
}

static void as_many_threads_work_as_were_asked_for(void **state)
{
	struct offload_pool *pool = offload_create(4);
	struct offload *offload;
	unsigned i;

	pthread_barrier_init(&together, NULL, 5);
	for (i = 0; i < 4; i++) {
		offload = calloc(1, sizeof(*offload));
		offload->work = meet;
		offload_run(pool, NULL, offload);
	}
	pthread_barrier_wait(&together);
	offload_destroy(pool);
	pthread_barrier_destroy(&together);
}

static void what_waits_is_counted(void **state)
{
	struct offload_pool *pool = offload_create(1);
	struct offload *offload;
	unsigned i;

	pthread_barrier_init(&together, NULL, 2);
	for (i = 0; i < 3; i++) {
		offload = calloc(1, sizeof(*offload));
		offload->work = meet;
		offload_run(pool, NULL, offload);
	}
	while (offload_waiting(pool) != 2)
		sched_yield();
	for (i = 0; i < 3; i++)
		pthread_barrier_wait(&together);
	offload_destroy(pool);
	pthread_barrier_destroy(&together);
	offload_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_runs_elsewhere_and_its_end_is_told_here),
		cmocka_unit_test(a_pool_finishes_its_queue_before_it_ends),
		cmocka_unit_test(as_many_threads_work_as_were_asked_for),
		cmocka_unit_test(what_waits_is_counted),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
