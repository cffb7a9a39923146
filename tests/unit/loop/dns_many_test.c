/* Many domains at once: all are looked up, a name server is not flooded, and silent ones do not
 * hold up the others. DNS_MANY=3000 DNS_DELAY=100 in the environment: the same at full size, by
 * hand. */
#include "slow_names.h"

#include "loop/dns.h"

#define SEVERAL 600
#define DEAD 100 /* more than begin at once */
#define FEW 50

struct asked {
	struct dns_mx_question question;
	struct fixture *f;
	bool dead;
};

struct fixture {
	struct worker *worker;
	struct slow_names names;
	struct dns *dns;
	size_t wanted, good, failed, dead; /* answers to wait for; those that came, of each kind */
	bool complete;
	struct asked *asked;
};

static int64_t setting(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? atoll(text) : otherwise;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dns_options options = { .local = true };
	struct problems problems;
	struct gw_str server;

	slow_names_begin(&f->names, setting("DNS_DELAY", 5));
	server = gw_str(f->names.server);
	options.forward = (struct gw_list){ &server, 1 };
	problems_init(&problems);
	f->worker = worker_create(0);
	f->dns = dns_create(f->worker, &options, &problems);
	assert_non_null(f->dns);
	problems_finish(&problems);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dns_destroy(f->dns);
	slow_names_end(&f->names);
	worker_destroy(f->worker);
	free(f->asked);
	free(f);
	return 0;
}

static void done(struct dns_mx_question *question, const struct dns_answer *answer)
{
	struct asked *asked = (struct asked *)question;
	struct fixture *f = asked->f;

	if (asked->dead)
		f->dead++;
	else if (answer->outcome == DNS_FOUND)
		f->good++;
	else
		f->failed++;
	f->complete = f->good + f->failed == f->wanted;
}

static void ask(struct fixture *f, struct asked *asked, const char *kind, size_t number)
{
	char domain[64];

	*asked = (struct asked){ .question.done = done, .f = f, .dead = kind[0] == 'd' };
	snprintf(domain, sizeof(domain), "%s%zu.example", kind, number);
	assert_int_equal(dns_mx(f->dns, gw_str(domain), &asked->question), 0);
}

static void all_are_found_and_the_server_is_not_flooded(void **state)
{
	struct fixture *f = *state;
	size_t i, count = (size_t)setting("DNS_MANY", SEVERAL);
	int64_t began = clock_monotonic();

	f->wanted = count;
	f->asked = calloc(count, sizeof(*f->asked));
	for (i = 0; i < count; i++)
		ask(f, &f->asked[i], "good", i);
	while (!run_until(f->worker, is_set, &f->complete) && clock_monotonic() < began + 60000)
		;
	assert_int_equal(f->good, count);
	assert_int_equal(f->failed, 0);
	assert_in_range(f->names.most, 17, 150);
	assert_in_range(f->names.questions, 3 * count, 4 * count);
	print_message("%zu domains in %lld ms, at most %zu questions at once\n", count,
		      (long long)(clock_monotonic() - began), (size_t)f->names.most);
}

/* The dead come first, and all the others are answered while every one of them is waited for. */
static void good_domains_do_not_wait_behind_dead_ones(void **state)
{
	struct fixture *f = *state;
	size_t i;

	f->wanted = FEW;
	f->asked = calloc(FEW + DEAD, sizeof(*f->asked));
	for (i = 0; i < DEAD; i++)
		ask(f, &f->asked[i], "dead", i);
	for (; i < DEAD + FEW; i++)
		ask(f, &f->asked[i], "good", i);
	assert_true(run_until(f->worker, is_set, &f->complete));
	assert_int_equal(f->good, FEW);
	assert_int_equal(f->dead, 0);
	for (i = 0; i < DEAD; i++)
		dns_cancel(&f->asked[i].question);
}

/* A question that waits for its turn and is taken back is not asked at all. */
static void what_nobody_waits_for_is_not_looked_up(void **state)
{
	struct fixture *f = *state;
	size_t i;

	f->wanted = SEVERAL;
	f->asked = calloc(2 * SEVERAL, sizeof(*f->asked));
	for (i = 0; i < SEVERAL; i++)
		ask(f, &f->asked[i], "good", i);
	for (i = SEVERAL; i < 2 * SEVERAL; i++)
		ask(f, &f->asked[i], "dead", i);
	for (i = SEVERAL; i < 2 * SEVERAL; i++)
		dns_cancel(&f->asked[i].question);
	assert_true(run_until(f->worker, is_set, &f->complete));
	assert_int_equal(f->good, SEVERAL);
	assert_int_equal(f->names.dead, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_are_found_and_the_server_is_not_flooded, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(good_domains_do_not_wait_behind_dead_ones, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_waits_for_is_not_looked_up, set_up,
						tear_down),
	};
	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
