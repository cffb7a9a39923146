#include "loop_test.h"

#include "loop/resolver.h"

#include <netdb.h>

struct asked {
	struct resolve resolve;
	bool done;
	struct resolved answer;
};

struct fixture {
	struct worker *worker;
	struct offload_pool *pool;
	struct resolver *resolver;
};

static void done(struct resolve *resolve, const struct resolved *answer)
{
	struct asked *asked = (struct asked *)resolve;

	asked->done = true;
	asked->answer = *answer;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->worker = worker_create(0);
	f->pool = offload_create(2);
	f->resolver = resolver_create(f->worker, f->pool, NULL, "/etc/hosts");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolver_destroy(f->resolver);
	offload_destroy(f->pool);
	worker_destroy(f->worker);
	free(f);
	return 0;
}

static void ask(struct fixture *f, const char *host, struct asked *asked)
{
	memset(asked, 0, sizeof(*asked));
	asked->resolve.done = done;
	assert_int_equal(resolver_ask(f->resolver, gw_str(host), 2525, &asked->resolve), 0);
	assert_false(asked->done); /* never from inside the call */
}

static uint16_t port_in(const struct sockaddr_storage *address)
{
	return ntohs(address->ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)address)->sin6_port
			     : ((const struct sockaddr_in *)address)->sin_port);
}

static void names_have_addresses_or_an_error(void **state)
{
	static const struct {
		const char *host;
		int family; /* 0: any */
		bool found;
	} cases[] = {
		{ "127.0.0.1", AF_INET, true },
		{ "::1", AF_INET6, true },
		{ "localhost", 0, true },
		{ "nonexistent.invalid", 0, false },
		{ "", 0, false },
	};
	struct fixture *f = *state;
	struct asked asked;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(f, cases[i].host, &asked);
		assert_true(run_until(f->worker, is_set, &asked.done));
		assert_int_equal(asked.answer.error == 0, cases[i].found);
		assert_int_equal(asked.answer.count > 0, cases[i].found);
		if (!cases[i].found)
			continue;
		assert_int_equal(port_in(&asked.answer.addresses[0]), 2525);
		if (cases[i].family != 0)
			assert_int_equal(asked.answer.addresses[0].ss_family, cases[i].family);
	}
}

static void a_name_too_long_or_with_a_nul_is_no_name(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .resolve.done = done };
	char name[300];

	memset(name, 'a', sizeof(name));
	resolver_ask(f->resolver, gw_str_n(name, sizeof(name)), 25, &asked.resolve);
	assert_true(run_until(f->worker, is_set, &asked.done));
	assert_int_equal(asked.answer.error, EAI_NONAME);
	asked.done = false;
	resolver_ask(f->resolver, gw_str_n("local\0host", 10), 25, &asked.resolve);
	assert_true(run_until(f->worker, is_set, &asked.done));
	assert_int_equal(asked.answer.error, EAI_NONAME);
}

static bool both_done(void *arg)
{
	struct asked *asked = arg;

	return asked[0].done && asked[1].done;
}

static void who_asks_meanwhile_shares_the_answer_and_later_ones_get_it_kept(void **state)
{
	struct fixture *f = *state;
	struct asked asked[2], later;

	ask(f, "localhost", &asked[0]);
	ask(f, "localhost", &asked[1]);
	assert_true(run_until(f->worker, both_done, asked));
	assert_int_equal(asked[0].answer.count, asked[1].answer.count);
	/* Without the pool there is no other way to know. */
	ask(f, "localhost", &later);
	assert_int_equal(offload_waiting(f->pool), 0);
	assert_true(run_until(f->worker, is_set, &later.done));
	assert_int_equal(later.answer.count, asked[0].answer.count);
}

static void a_cancelled_question_is_not_answered(void **state)
{
	struct fixture *f = *state;
	struct asked cancelled[2], kept;

	ask(f, "localhost", &cancelled[0]);
	ask(f, "127.0.0.1", &cancelled[1]);
	ask(f, "localhost", &kept);
	resolver_cancel(&cancelled[0].resolve);
	resolver_cancel(&cancelled[1].resolve);
	resolver_cancel(&cancelled[1].resolve);
	assert_true(run_until(f->worker, is_set, &kept.done));
	assert_false(cancelled[0].done);
	assert_false(cancelled[1].done);
	resolver_cancel(&kept.resolve);
}

static void a_resolver_may_end_before_its_answers(void **state)
{
	struct fixture *f = *state;
	struct asked asked;

	ask(f, "localhost", &asked);
	resolver_cancel(&asked.resolve);
	resolver_destroy(f->resolver);
	f->resolver = NULL;
}

static void more_names_than_are_kept_are_answered(void **state)
{
	struct fixture *f = *state;
	struct asked asked;
	char name[32];
	int i;

	for (i = 0; i < 1100; i++) {
		/* an old form of an address, which only getaddrinfo reads */
		snprintf(name, sizeof(name), "127.0.%d", i);
		ask(f, name, &asked);
		assert_true(run_until(f->worker, is_set, &asked.done));
		assert_int_equal(asked.answer.error, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_have_addresses_or_an_error),
		TEST(a_name_too_long_or_with_a_nul_is_no_name),
		TEST(who_asks_meanwhile_shares_the_answer_and_later_ones_get_it_kept),
		TEST(a_cancelled_question_is_not_answered),
		TEST(a_resolver_may_end_before_its_answers),
		TEST(more_names_than_are_kept_are_answered),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
