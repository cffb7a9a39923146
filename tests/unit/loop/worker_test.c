#include "loop_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define THREADS 4
#define POSTS 5000

struct numbered {
	struct post post;
	unsigned thread, number;
};

static unsigned next_of[THREADS], wrong, total;
static struct worker *under_test;

static void check_order(struct post *post)
{
	struct numbered *numbered = (struct numbered *)post;

	if (numbered->number != next_of[numbered->thread]++ || worker_current() != under_test)
		wrong++;
	total++;
}

static void *post_many(void *arg)
{
	struct numbered *all = arg;
	unsigned i;

	for (i = 0; i < POSTS; i++)
		worker_post(under_test, &all[i].post);
	return NULL;
}

static bool all_ran(void *arg)
{
	return total == THREADS * POSTS;
}

static void posts_of_each_thread_run_in_order(void **state)
{
	struct numbered *all = calloc(THREADS * POSTS, sizeof(*all));
	pthread_t threads[THREADS];
	unsigned t, i;

	under_test = worker_create(0);
	for (i = 0; i < THREADS * POSTS; i++)
		all[i] = (struct numbered){ .post.run = check_order,
					    .thread = i / POSTS,
					    .number = i % POSTS };
	for (t = 0; t < THREADS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, post_many, all + t * POSTS), 0);
	assert_true(run_until(under_test, all_ran, NULL));
	for (t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	assert_int_equal(wrong, 0);
	worker_destroy(under_test);
	free(all);
}

static char order[32];

static void note(struct post *post)
{
	strncat(order, (char *)(post + 1), sizeof(order) - strlen(order) - 1);
}

struct named {
	struct post post;
	char name[2];
};

static bool has_three(void *arg)
{
	return strlen(order) >= 3;
}

static void a_chain_runs_in_its_order_after_what_was_posted_before(void **state)
{
	struct worker *worker = worker_create(0);
	struct named a = { { NULL, note }, "a" }, b = { { NULL, note }, "b" },
		     c = { { NULL, note }, "c" };

	order[0] = '\0';
	b.post.next = &c.post;
	worker_post(worker, &a.post);
	worker_post_chain(worker, &b.post);
	assert_true(run_until(worker, has_three, NULL));
	assert_string_equal(order, "abc");
	worker_destroy(worker);
}

static void a_chain_of_none_is_nothing(void **state)
{
	struct worker *worker = worker_create(0);

	worker_post_chain(worker, NULL);
	run_for(worker, 1);
	worker_destroy(worker);
}

struct again {
	struct post post;
	struct worker *worker;
	int left;
	int64_t first, second;
};

static void post_again(struct post *post)
{
	struct again *again = (struct again *)post;

	if (--again->left > 0)
		worker_post(again->worker, post);
	else
		worker_stop(again->worker);
}

static void a_post_may_post_itself(void **state)
{
	struct again again = { .post.run = post_again, .worker = worker_create(0), .left = 100 };

	worker_post(again.worker, &again.post);
	worker_run(again.worker);
	assert_int_equal(again.left, 0);
	worker_destroy(again.worker);
}

static void look_twice(struct post *post)
{
	struct again *again = (struct again *)post;
	int64_t begin = clock_monotonic();

	again->first = worker_now(again->worker);
	while (clock_monotonic() < begin + 3)
		;
	again->second = worker_now(again->worker);
	worker_stop(again->worker);
}

static void the_clock_stands_still_for_a_turn(void **state)
{
	struct again again = { .post.run = look_twice, .worker = worker_create(0) };

	worker_post(again.worker, &again.post);
	worker_run(again.worker);
	assert_int_equal(again.first, again.second);
	assert_true(worker_now(again.worker) >= again.first + 3);
	assert_true(llabs(worker_wall(again.worker) - clock_wall()) < 1000);
	worker_destroy(again.worker);
}

static atomic_uint began_on;

static void began(struct worker *worker, void *arg)
{
	atomic_store(&began_on, worker_current() == worker ? worker_number(worker) : 0);
	worker_set(worker, 1, arg);
}

static void a_started_worker_runs_until_it_is_stopped(void **state)
{
	struct worker *worker = worker_create(7);
	struct named last = { { NULL, note }, "x" };

	order[0] = '\0';
	assert_null(worker_current());
	assert_int_equal(worker_start(worker, began, order), 0);
	worker_post(worker, &last.post);
	worker_stop(worker);
	worker_join(worker);
	assert_int_equal(atomic_load(&began_on), 7);
	assert_ptr_equal(worker_get(worker, 1), order);
	assert_string_equal(order, "x"); /* posted before the stop */
	worker_destroy(worker);
}

static void a_post_that_came_too_late_runs_when_the_worker_is_destroyed(void **state)
{
	struct worker *worker = worker_create(0);
	struct named late = { { NULL, note }, "l" };

	order[0] = '\0';
	worker_stop(worker);
	worker_run(worker);
	worker_post(worker, &late.post);
	worker_destroy(worker);
	assert_string_equal(order, "l");
}

#define BOUNCES 20000

struct ball {
	struct post post;
	struct worker *players[2];
	unsigned bounces;
	atomic_bool over;
};

static void bounce(struct post *post)
{
	struct ball *ball = (struct ball *)post;

	if (++ball->bounces < BOUNCES)
		worker_post(ball->players[ball->bounces % 2], post);
	else
		atomic_store(&ball->over, true);
}

static bool is_over(void *arg)
{
	return atomic_load(&((struct ball *)arg)->over);
}

/* Each falls asleep while the other is at it: one wake-up lost, and the ball lies still. */
static void no_wake_up_is_lost_between_two_that_sleep(void **state)
{
	struct ball ball = { .post.run = bounce,
			     .players = { worker_create(1), worker_create(2) } };
	struct worker *watcher = worker_create(0);
	int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(worker_start(ball.players[i], NULL, NULL), 0);
	worker_post(ball.players[0], &ball.post);
	assert_true(run_until(watcher, is_over, &ball));
	for (i = 0; i < 2; i++) {
		worker_stop(ball.players[i]);
		worker_join(ball.players[i]);
		worker_destroy(ball.players[i]);
	}
	assert_int_equal(ball.bounces, BOUNCES);
	worker_destroy(watcher);
}

static unsigned fired;

static void fire(struct timer *timer)
{
	assert_false(timer_pending(timer));
	fired++;
}

static bool has_fired(void *arg)
{
	return fired != 0;
}

static void a_timer_fires_once(void **state)
{
	struct worker *worker = worker_create(0);
	struct timer timer = { 0 };

	fired = 0;
	timer_set(worker, &timer, 5, fire);
	assert_true(timer_pending(&timer));
	assert_true(run_until(worker, has_fired, NULL));
	run_for(worker, 20);
	assert_int_equal(fired, 1);
	worker_destroy(worker);
}

static void a_timer_moves_and_is_cleared(void **state)
{
	struct worker *worker = worker_create(0);
	struct timer moved = { 0 }, cleared = { 0 };

	fired = 0;
	timer_set(worker, &moved, 5, fire);
	timer_set(worker, &moved, 60000, fire);
	timer_set(worker, &cleared, 5, fire);
	timer_clear(&cleared);
	timer_clear(&cleared);
	run_for(worker, 30);
	assert_int_equal(fired, 0);
	assert_true(timer_pending(&moved));
	timer_clear(&moved);
	worker_destroy(worker);
}

static void free_timer(struct timer *timer)
{
	fired++;
	free(timer);
}

static void a_timer_may_be_freed_when_it_fires(void **state)
{
	struct worker *worker = worker_create(0);
	struct timer *timer = calloc(1, sizeof(*timer));

	fired = 0;
	timer_set(worker, timer, 0, free_timer);
	assert_true(run_until(worker, has_fired, NULL));
	worker_destroy(worker);
}

static void signalled(int number, void *arg)
{
	*(bool *)arg = number == SIGUSR1;
}

static void a_signal_is_told_in_the_loop(void **state)
{
	struct worker *worker = worker_create(0);
	bool told = false;

	assert_int_equal(worker_signal(worker, SIGUSR1, signalled, &told), 0);
	raise(SIGUSR1);
	assert_false(told);
	assert_true(run_until(worker, is_set, &told));
	worker_destroy(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posts_of_each_thread_run_in_order),
		cmocka_unit_test(a_chain_runs_in_its_order_after_what_was_posted_before),
		cmocka_unit_test(a_chain_of_none_is_nothing),
		cmocka_unit_test(a_post_may_post_itself),
		cmocka_unit_test(the_clock_stands_still_for_a_turn),
		cmocka_unit_test(a_started_worker_runs_until_it_is_stopped),
		cmocka_unit_test(a_post_that_came_too_late_runs_when_the_worker_is_destroyed),
		cmocka_unit_test(no_wake_up_is_lost_between_two_that_sleep),
		cmocka_unit_test(a_timer_fires_once),
		cmocka_unit_test(a_timer_moves_and_is_cleared),
		cmocka_unit_test(a_timer_may_be_freed_when_it_fires),
		cmocka_unit_test(a_signal_is_told_in_the_loop),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
