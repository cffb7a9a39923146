/* pump_test.c - requests of threads on a worker's loop: each is answered or given up, and what was
 * given up is in nobody's way. */
#include "s3_pump.h"

#include <gateway/testkit.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct testkit *kit;
static struct s3_pump *pump;

/* --- a module that has nothing but the pump --- */

static int on_start(struct gw_call *call)
{
	(void)call;
	return 0;
}

static void on_stop(struct gw_call *call)
{
	(void)call;
}

static void on_worker_start(struct gw_call *call)
{
	s3_pump_begin(call, pump);
}

static void on_worker_stop(struct gw_call *call)
{
	s3_pump_end(call, pump);
}

static void on_timer(struct gw_call *call, void *arg)
{
	s3_pump_timer(call, arg);
}

static void on_http(struct gw_call *call, const struct gw_http_answer *answer, void *arg)
{
	s3_pump_http(call, answer, arg);
}

static const struct gw_module *pump_alone(const struct gw_services *services)
{
	static struct gw_module self;
	const struct gw_module *archive = gw_module_v1(services);

	self = (struct gw_module){ .size = archive->size,
				   .need = archive->need,
				   .name = "archive",
				   .version = "1.0",
				   .summary = "a pump",
				   .start = on_start,
				   .stop = on_stop,
				   .worker_start = on_worker_start,
				   .worker_stop = on_worker_stop,
				   .timer = on_timer,
				   .http = on_http };
	return &self;
}

static int begin(void **state)
{
	(void)state;
	pump = s3_pump_create(NULL);
	kit = testkit_create(pump_alone);
	assert_int_equal(testkit_start(kit), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	testkit_destroy(kit);
	s3_pump_destroy(pump);
	return 0;
}

/* --- who asks --- */

struct asker {
	pthread_t thread;
	atomic_bool stop;
	struct s3_answer answer;
};

static void *run(void *arg)
{
	struct asker *asker = arg;
	struct s3_asking asking;
	struct s3_http http = { "PUT", "https://s3.test/bucket/keys/1", NULL, NULL, 1000 };

	http.headers = g_ptr_array_new_with_free_func(g_free);
	s3_asking_init(&asking, pump, &asker->stop);
	asking.transport.ask(&asking, &http, &asker->answer);
	g_ptr_array_unref(http.headers);
	return NULL;
}

static void ask(struct asker *asker)
{
	*asker = (struct asker){ .stop = false };
	assert_int_equal(pthread_create(&asker->thread, NULL, run, asker), 0);
}

/* So many are on their way. */
static void until_sent(size_t count)
{
	unsigned rounds;

	for (rounds = 0; rounds < 2000 && testkit_requests(kit) != count; rounds++) {
		testkit_advance(kit, 200);
		usleep(5000);
	}
	assert_int_equal(testkit_requests(kit), count);
}

static void what_was_given_up_is_not_sent_on(void **state)
{
	struct asker askers[8];
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		ask(&askers[i]);
	until_sent(6);
	/* a bucket that never ends an answer has all places; those that wait get them */
	ask(&askers[6]);
	for (i = 0; i < 6; i++)
		askers[i].stop = true;
	for (i = 0; i < 6; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_string_equal(askers[i].answer.why, "it was given up");
	}
	until_sent(1);
	assert_true(testkit_run_http(kit, 200, "ETag: \"abc\"", "body"));
	pthread_join(askers[6].thread, NULL);
	assert_int_equal(askers[6].answer.status, 200);
	assert_string_equal(askers[6].answer.etag, "abc");
	s3_answer_finish(&askers[6].answer);
	until_sent(0);
}

static void a_worker_that_ends_answers_all(void **state)
{
	struct asker askers[8];
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++)
		ask(&askers[i]);
	until_sent(6);
	testkit_stop(kit);
	for (i = 0; i < 8; i++) {
		pthread_join(askers[i].thread, NULL);
		assert_int_equal(askers[i].answer.status, 0);
	}
	assert_int_equal(testkit_requests(kit), 0);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(what_was_given_up_is_not_sent_on),
		SCENE(a_worker_that_ends_answers_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
