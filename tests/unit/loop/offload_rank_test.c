/* Of what waits in a line, what has a lower rank is begun first, whoever came first. */
#include "loop_test.h"

#include "loop/offload.h"

#include <pthread.h>

#define GUESSES 60
#define PIECES (GUESSES + 3)

struct piece {
	struct offload offload;
	int number;
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int order[PIECES];
static int begun;

static void wait_at_the_gate(struct offload *offload)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

static void note(struct offload *offload)
{
	order[begun++] = ((struct piece *)offload)->number;
}

static void put(struct offload_line *line, struct piece *piece, int number, int rank)
{
	piece->number = number;
	piece->offload.work = note;
	piece->offload.rank = rank;
	assert_true(offload_run(line, NULL, &piece->offload));
}

/* Sixty guesses wait, then three that are more urgent come. */
static void the_urgent_do_not_wait_behind_the_crowd(void **state)
{
	struct offload_pool *pool = offload_create(1);
	struct offload_line *line = offload_line(pool, "hashes");
	struct offload first = { .work = wait_at_the_gate };
	struct piece pieces[PIECES] = { 0 };
	int i;

	begun = 0;
	pthread_mutex_lock(&gate);
	offload_run(line, NULL, &first);
	for (i = 0; i < GUESSES; i++)
		put(line, &pieces[i], i, 2);
	put(line, &pieces[GUESSES], 100, 1);
	put(line, &pieces[GUESSES + 1], 200, 0);
	put(line, &pieces[GUESSES + 2], 101, 1);
	pthread_mutex_unlock(&gate);
	offload_destroy(pool);
	assert_int_equal(begun, PIECES);
	assert_int_equal(order[0], 200);
	assert_int_equal(order[1], 100);
	assert_int_equal(order[2], 101);
	for (i = 0; i < GUESSES; i++)
		assert_int_equal(order[3 + i], i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_urgent_do_not_wait_behind_the_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
