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
		offload_run(offload_line(pool, "a"), worker, &pieces[i].offload);
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
		offload_run(offload_line(pool, "a"), NULL, offload);
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
		offload_run(offload_line(pool, "a"), NULL, offload);
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
		offload_run(offload_line(pool, "a"), NULL, offload);
	}
	while (offload_waiting(pool) != 2)
		sched_yield();
	for (i = 0; i < 3; i++)
		pthread_barrier_wait(&together);
	offload_destroy(pool);
	pthread_barrier_destroy(&together);
	offload_destroy(NULL);
}

/* --- lines --- */

static void run_meeting(struct offload_pool *pool, const char *line)
{
	struct offload *offload = calloc(1, sizeof(*offload));

	offload->work = meet;
	assert_true(offload_run(offload_line(pool, line), NULL, offload));
}

/* One kind has all the threads and more to do; another gets on all the same. */
static void a_long_line_does_not_hold_up_another(void **state)
{
	struct worker *worker = worker_create(0);
	struct offload_pool *pool = offload_create(2);
	struct piece piece = { .offload = { .work = work, .post.run = told } };
	unsigned count = PIECES - 1, i;

	pthread_barrier_init(&together, NULL, 3);
	for (i = 0; i < 40; i++)
		run_meeting(pool, "hashes");
	while (offload_waiting(pool) != 38)
		sched_yield();
	piece.told = &count;
	assert_true(offload_run(offload_line(pool, "names"), worker, &piece.offload));
	assert_true(run_until(worker, all_told, &count));
	assert_int_equal(offload_waiting(pool), 38);
	for (i = 0; i < 20; i++)
		pthread_barrier_wait(&together);
	offload_destroy(pool);
	worker_destroy(worker);
	pthread_barrier_destroy(&together);
}

static void keep_load(void *arg, const struct offload_load *load)
{
	*(struct offload_load *)arg = *load;
}

/* It is told as if it had run. */
static void what_nobody_waits_for_is_not_begun(void **state)
{
	struct worker *worker = worker_create(0);
	struct offload_pool *pool = offload_create(1);
	struct piece pieces[2] = { { .offload = { .work = work, .post.run = told } },
				   { .offload = { .work = work, .post.run = told } } };
	unsigned count = PIECES - 2, i;
	struct offload_load load;

	atomic_store(&worked, 0);
	pthread_barrier_init(&together, NULL, 2);
	run_meeting(pool, "a");
	while (offload_waiting(pool) != 0)
		sched_yield();
	for (i = 0; i < 2; i++) {
		pieces[i].told = &count;
		assert_true(offload_run(offload_line(pool, "a"), worker, &pieces[i].offload));
	}
	assert_true(offload_drop(&pieces[0].offload));
	offload_each(pool, keep_load, &load);
	assert_int_equal(load.waiting, 1);
	assert_int_equal(load.running, 1);
	assert_int_equal(load.dropped, 1);
	pthread_barrier_wait(&together);
	assert_true(run_until(worker, all_told, &count));
	assert_int_equal(atomic_load(&worked), 1);
	offload_destroy(pool);
	worker_destroy(worker);
	pthread_barrier_destroy(&together);
}

static void a_full_line_takes_no_more(void **state)
{
	struct offload_pool *pool = offload_create(1);
	struct offload refused = { .work = work };
	unsigned i;

	pthread_barrier_init(&together, NULL, 2);
	for (i = 0; i <= OFFLOAD_ROOM; i++) {
		run_meeting(pool, "a");
		while (i == 0 && offload_waiting(pool) != 0)
			sched_yield();
	}
	assert_false(offload_run(offload_line(pool, "a"), NULL, &refused));
	assert_ptr_equal(offload_line(pool, "a"), offload_line(pool, "a"));
	for (i = 0; i <= OFFLOAD_ROOM; i++)
		pthread_barrier_wait(&together);
	offload_destroy(pool);
	pthread_barrier_destroy(&together);
}

/* Of too many names the last share a line, and nothing is lost. */
static void names_of_lines_are_bounded(void **state)
{
	struct offload_pool *pool = offload_create(2);
	char name[16];
	unsigned i;

	atomic_store(&worked, 0);
	for (i = 0; i < PIECES; i++) {
		struct offload *offload = calloc(1, sizeof(*offload));
		offload->work = work_and_free;
		snprintf(name, sizeof(name), "line %u", i);
		assert_true(offload_run(offload_line(pool, name), NULL, offload));
	}
	offload_destroy(pool);
	assert_int_equal(atomic_load(&worked), PIECES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_runs_elsewhere_and_its_end_is_told_here),
		cmocka_unit_test(a_pool_finishes_its_queue_before_it_ends),
		cmocka_unit_test(as_many_threads_work_as_were_asked_for),
		cmocka_unit_test(what_waits_is_counted),
		cmocka_unit_test(a_long_line_does_not_hold_up_another),
		cmocka_unit_test(what_nobody_waits_for_is_not_begun),
		cmocka_unit_test(a_full_line_takes_no_more),
		cmocka_unit_test(names_of_lines_are_bounded),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
