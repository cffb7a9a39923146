/* The name servers of resolv.conf are those that it names now: for names of relays, and for mail
 * hosts. */
#include "slow_names.h"

#include "loop/resolver_private.h"

#define CONF "/tmp/gateway-resolv-XXXXXX"

struct fixture {
	struct worker *worker;
	struct offload_pool *pool;
	struct slow_names names[2];
	struct resolver *resolver;
	struct dns *dns;
	char conf[sizeof(CONF)];
};

static void write_conf(struct fixture *f, const char *server)
{
	FILE *file = fopen(f->conf, "w");

	assert_non_null(file);
	if (server != NULL)
		fprintf(file, "nameserver %s\n", server);
	assert_int_equal(fclose(file), 0);
	/* as if a second had passed, though nobody waits for it */
	if (f->resolver != NULL)
		f->resolver->servers.looked = f->dns->servers.looked = INT64_MIN / 2;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct gw_str system = gw_str("system");
	struct dns_options options = { .local = true, .forward = { &system, 1 } };
	struct problems problems;

	strcpy(f->conf, CONF);
	close(mkstemp(f->conf));
	options.resolv_conf = f->conf;
	slow_names_begin(&f->names[0], 1);
	slow_names_begin(&f->names[1], 1);
	write_conf(f, f->names[0].server);
	f->worker = worker_create(0);
	f->pool = offload_create(1);
	problems_init(&problems);
	f->dns = dns_create(f->worker, &options, &problems);
	problems_finish(&problems);
	f->resolver = resolver_create(f->worker, f->pool, &options, "/nonexistent");
	assert_non_null(f->dns);
	assert_non_null(f->resolver);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolver_destroy(f->resolver);
	dns_destroy(f->dns);
	offload_destroy(f->pool);
	slow_names_end(&f->names[0]);
	slow_names_end(&f->names[1]);
	worker_destroy(f->worker);
	unlink(f->conf);
	free(f);
	return 0;
}

/* As if the time of the oldest context were over. */
static bool is_retired(void *arg)
{
	return ((struct dns_retired *)arg)->context == NULL;
}

static void retire_one(struct fixture *f)
{
	struct dns_retired *retired = &f->dns->servers.retired[0];

	assert_true(timer_pending(&retired->end));
	timer_set(f->worker, &retired->end, 0, retired->end.fire);
	assert_true(run_until(f->worker, is_retired, retired));
}

/* --- asking --- */

struct asked {
	struct resolve resolve;
	struct dns_mx_question question;
	bool done;
	size_t found;
};

static bool is_done(void *arg)
{
	return ((struct asked *)arg)->done;
}

static void resolved(struct resolve *resolve, const struct resolved *answer)
{
	struct asked *asked = (struct asked *)resolve;

	asked->done = true;
	asked->found = answer->count;
}

static void answered(struct dns_mx_question *question, const struct dns_answer *answer)
{
	struct asked *asked = (struct asked *)((char *)question - offsetof(struct asked, question));

	asked->done = true;
	asked->found = answer->outcome == DNS_FOUND ? answer->count : 0;
}

static size_t host(struct fixture *f, const char *name)
{
	struct asked asked = { .resolve.done = resolved };

	assert_int_equal(resolver_ask(f->resolver, gw_str(name), 25, &asked.resolve), 0);
	assert_true(run_until(f->worker, is_done, &asked));
	return asked.found;
}

static size_t domain(struct fixture *f, const char *name)
{
	struct asked asked = { .question.done = answered };

	assert_int_equal(dns_mx(f->dns, gw_str(name), &asked.question), 0);
	assert_true(run_until(f->worker, is_done, &asked));
	return asked.found;
}

static size_t (*const kinds[])(struct fixture *f, const char *name) = { host, domain };

/* Asks for names that nobody asked for before; which of both servers was asked. */
static int server_asked(struct fixture *f, size_t kind)
{
	static unsigned nth;
	size_t before[2] = { f->names[0].questions, f->names[1].questions };
	char name[40];

	snprintf(name, sizeof(name), "n%u.example", nth++);
	assert_int_equal(kinds[kind](f, name), 1);
	assert_true((f->names[0].questions == before[0]) != (f->names[1].questions == before[1]));
	return f->names[1].questions != before[1];
}

/* --- */

static void a_changed_file_is_read_again(void **state)
{
	struct fixture *f = *state;

	for (size_t kind = 0; kind < 2; kind++) {
		write_conf(f, f->names[0].server);
		assert_int_equal(server_asked(f, kind), 0);
		write_conf(f, f->names[1].server);
		assert_int_equal(server_asked(f, kind), 1);
		assert_int_equal(server_asked(f, kind), 1);
		write_conf(f, f->names[0].server);
		assert_int_equal(server_asked(f, kind), 0);
	}
}

/* A context is not cheap: who asks does not make one each time. */
static void an_unchanged_file_changes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct ub_ctx *before[2] = { f->resolver->servers.context, f->dns->servers.context };

	for (int i = 0; i < 10; i++) {
		f->resolver->servers.looked = f->dns->servers.looked = INT64_MIN / 2;
		assert_int_equal(server_asked(f, 0), 0);
		assert_int_equal(server_asked(f, 1), 0);
	}
	assert_ptr_equal(f->resolver->servers.context, before[0]);
	assert_ptr_equal(f->dns->servers.context, before[1]);
}

static void a_file_that_is_gone_or_empty_changes_nothing(void **state)
{
	struct fixture *f = *state;

	for (size_t kind = 0; kind < 2; kind++) {
		write_conf(f, NULL);
		assert_int_equal(server_asked(f, kind), 0);
		unlink(f->conf);
		f->resolver->servers.looked = f->dns->servers.looked = INT64_MIN / 2;
		assert_int_equal(server_asked(f, kind), 0);
		write_conf(f, f->names[0].server);
		assert_int_equal(server_asked(f, kind), 0);
	}
}

static void other_lines_and_words_change_nothing(void **state)
{
	struct fixture *f = *state;
	const struct ub_ctx *before = f->dns->servers.context;
	FILE *file = fopen(f->conf, "w");

	fprintf(file,
		"# by hand\nsearch example.com\nnameserver none\nnameserver %s\noptions edns0\n",
		f->names[0].server);
	assert_int_equal(fclose(file), 0);
	f->dns->servers.looked = INT64_MIN / 2;
	assert_int_equal(server_asked(f, 1), 0);
	assert_ptr_equal(f->dns->servers.context, before);
}

/* Contexts that are still waited for are bounded; the last change is taken when one is over. */
static void a_file_that_changes_all_the_time_is_put_off(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= DNS_RETIRED_MOST; i++) {
		write_conf(f, f->names[i % 2].server);
		assert_int_equal(server_asked(f, 1), i % 2);
	}
	write_conf(f, f->names[0].server);
	assert_int_equal(server_asked(f, 1), 1);
	retire_one(f);
	write_conf(f, f->names[0].server);
	assert_int_equal(server_asked(f, 1), 0);
}

/* What the old server never answers ends as ever, and the next name is asked of the new one. */
static void what_is_on_its_way_ends(void **state)
{
	struct fixture *f = *state;
	struct asked asked = { .question.done = answered };

	assert_int_equal(dns_mx(f->dns, gw_str("dead.example"), &asked.question), 0);
	assert_int_equal(server_asked(f, 0), 0); /* the loop has run meanwhile */
	write_conf(f, f->names[1].server);
	assert_int_equal(server_asked(f, 1), 1);
	assert_false(asked.done);
	retire_one(f);
	assert_true(run_until(f->worker, is_done, &asked));
	assert_int_equal(asked.found, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_changed_file_is_read_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_unchanged_file_changes_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_is_gone_or_empty_changes_nothing,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_lines_and_words_change_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_changes_all_the_time_is_put_off, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_on_its_way_ends, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
