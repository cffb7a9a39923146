/* crowd_test.c - many who guess at once do not make an honest login wait: what is looked at before
 * it is counted, not timed. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define CROWD 60
#define WAIT_MOST 24 /* of strangers, as README.md has it */

struct bench {
	struct testkit *kit;
};

static void bench_start(struct bench *bench)
{
	const char *file;

	bench->kit = testkit_create(gw_module_v1);
	file = testkit_file(bench->kit, "users", "ann:{PLAIN}secret::::::domains=example.com\n");
	assert_int_equal(chmod(file, 0600), 0);
	testkit_option(bench->kit, "users", file);
	testkit_option(bench->kit, "cache", "0");
	assert_int_equal(testkit_start(bench->kit), 0);
}

static enum gw_verdict login(struct bench *bench, const char *peer, const char *secret)
{
	return testkit_run_auth(bench->kit, testkit_session(bench->kit, peer), "PLAIN", "ann",
				secret);
}

/* Gives how many of them are looked at, or wait for it. */
static int crowd(struct bench *bench)
{
	int i, pending = 0;
	char peer[32];

	testkit_set_offload(bench->kit, TESTKIT_LATER);
	for (i = 0; i < CROWD; i++) {
		enum gw_verdict verdict;

		snprintf(peer, sizeof peer, "198.51.100.%d", i + 1);
		verdict = login(bench, peer, "wrong");
		assert_true(verdict == GW_PENDING || verdict == GW_TEMPFAIL);
		pending += verdict == GW_PENDING;
	}
	return pending;
}

static void who_has_logged_in_from_there_goes_before_all_of_them(void **state)
{
	struct bench bench;

	bench_start(&bench);
	assert_int_equal(login(&bench, "192.0.2.1", "secret"), GW_ACCEPT);
	assert_true(crowd(&bench) <= WAIT_MOST);
	assert_int_equal(login(&bench, "192.0.2.1", "secret"), GW_PENDING);
	assert_int_equal(testkit_rank(bench.kit), 0); /* begun before what waits */
	testkit_destroy(bench.kit);
}

static void after_a_crowd_that_failed_a_stranger_is_looked_at_as_ever(void **state)
{
	struct bench bench;
	int i;

	bench_start(&bench);
	for (i = 0; i < CROWD; i++) {
		char peer[32];

		snprintf(peer, sizeof peer, "198.51.100.%d", i + 1);
		assert_int_equal(login(&bench, peer, "wrong"), GW_CONTINUE);
	}
	assert_int_equal(login(&bench, "192.0.2.1", "secret"), GW_ACCEPT);
	testkit_destroy(bench.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_logged_in_from_there_goes_before_all_of_them),
		cmocka_unit_test(after_a_crowd_that_failed_a_stranger_is_looked_at_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
