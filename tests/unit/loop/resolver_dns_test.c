/* Names of relays in the DNS: what is asked, how often, who else is asked, and that a silent server
 * of one family delays nothing. */
#include "slow_names.h"

#include "loop/resolver.h"

#include <netdb.h>

#define HOSTS "/tmp/gateway-hosts-XXXXXX"

/* --- the system's own look-up, in its place: it knows "known.only-here.example" and nothing else
 * --- */

static atomic_uint system_asked;
static struct sockaddr_in known = { .sin_family = AF_INET };
static struct addrinfo known_info = { .ai_family = AF_INET,
				      .ai_addrlen = sizeof(known),
				      .ai_addr = (struct sockaddr *)&known };

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	atomic_fetch_add(&system_asked, 1);
	if (strstr(name, "only-here") == NULL && strcmp(name, "single") != 0)
		return EAI_NONAME;
	known.sin_addr.s_addr = htonl(0x7f000009);
	*found = &known_info;
	return 0;
}

void freeaddrinfo(struct addrinfo *found) {}

/* --- */

struct asked {
	struct resolve resolve;
	bool done;
	struct resolved answer;
};

struct fixture {
	struct worker *worker;
	struct offload_pool *pool;
	struct slow_names names;
	struct resolver *resolver;
	char hosts[sizeof(HOSTS)];
};

static int set_up(void **state)
{
	static const char text[] =
		"# comment\n\n127.0.0.7 other.example filed.example # filed.example\n::7 Filed.Example\n127.0.0.8 none-else.example\n";
	struct fixture *f = calloc(1, sizeof(*f));
	struct dns_options options = { .local = true };
	struct gw_str server;
	int fd;

	strcpy(f->hosts, HOSTS);
	fd = mkstemp(f->hosts);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	slow_names_begin(&f->names, 1);
	server = gw_str(f->names.server);
	options.forward = (struct gw_list){ &server, 1 };
	f->worker = worker_create(0);
	f->pool = offload_create(1);
	f->resolver = resolver_create(f->worker, f->pool, &options, f->hosts);
	assert_non_null(f->resolver);
	system_asked = 0;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	resolver_destroy(f->resolver);
	offload_destroy(f->pool);
	slow_names_end(&f->names);
	worker_destroy(f->worker);
	unlink(f->hosts);
	free(f);
	return 0;
}

static void done(struct resolve *resolve, const struct resolved *answer)
{
	struct asked *asked = (struct asked *)resolve;

	asked->done = true;
	asked->answer = *answer;
}

static void ask(struct fixture *f, const char *host, struct asked *asked)
{
	memset(asked, 0, sizeof(*asked));
	asked->resolve.done = done;
	assert_int_equal(resolver_ask(f->resolver, gw_str(host), 25, &asked->resolve), 0);
	assert_false(asked->done);
}

static struct resolved look_up(struct fixture *f, const char *host)
{
	struct asked asked;

	ask(f, host, &asked);
	assert_true(run_until(f->worker, is_set, &asked.done));
	return asked.answer;
}

static unsigned last_octet(const struct sockaddr_storage *address)
{
	return address->ss_family == AF_INET6
		       ? ((const struct sockaddr_in6 *)address)->sin6_addr.s6_addr[15]
		       : ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) & 255;
}

/* A name, its addresses by family and last octet, and who was asked. */
static void each_name_is_asked_of_who_knows_it(void **state)
{
	static const struct {
		const char *host;
		size_t count;
		int families[2];
		unsigned octets[2], dns, system;
	} cases[] = {
		{ "relay.example", 1, { AF_INET }, { 2 }, 2, 0 },
		{ "Both.Relay.EXAMPLE.", 2, { AF_INET6, AF_INET }, { 1, 2 }, 2, 0 },
		{ "filed.example", 2, { AF_INET, AF_INET6 }, { 7, 7 }, 0, 0 },
		{ "none.example", 0, { 0 }, { 0 }, 2, 1 },
		{ "none-else.example", 1, { AF_INET }, { 8 }, 0, 0 },
		{ "none.only-here.example", 1, { AF_INET }, { 9 }, 2, 1 },
		{ "single", 1, { AF_INET }, { 9 }, 0, 1 },
		{ "no name.example", 0, { 0 }, { 0 }, 0, 1 },
		{ "127.0.1", 0, { 0 }, { 0 }, 0, 1 },
		{ "127.0.0.1", 1, { AF_INET }, { 1 }, 0, 0 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t questions = f->names.questions;
		struct resolved answer;
		system_asked = 0;
		answer = look_up(f, cases[i].host);
		print_message("%s\n", cases[i].host);
		assert_int_equal(answer.count, cases[i].count);
		assert_int_equal(answer.error, cases[i].count == 0 ? EAI_NONAME : 0);
		for (size_t n = 0; n < answer.count; n++) {
			assert_int_equal(answer.addresses[n].ss_family, cases[i].families[n]);
			assert_int_equal(last_octet(&answer.addresses[n]), cases[i].octets[n]);
		}
		assert_int_equal(f->names.questions - questions, cases[i].dns);
		assert_int_equal(system_asked, cases[i].system);
	}
}

/* The answer is there while the question for IPv6 addresses is still open: it comes after one
 * address, and not after the time of a look-up. */
static void a_silent_question_of_one_family_delays_nothing(void **state)
{
	struct fixture *f = *state;
	struct resolved answer = look_up(f, "mute.example");

	assert_int_equal(answer.error, 0);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.addresses[0].ss_family, AF_INET);
	/* as it is when the whole time is over and nothing came */
	assert_int_equal(system_asked, 0);
	look_up(f, "mute.example");
	assert_true(f->names.questions == f->names.dead + 1); /* one question was answered, once */
}

static bool all_done(void *arg)
{
	struct asked *asked = arg;

	return asked[0].done && asked[1].done && asked[2].done;
}

static void who_asks_meanwhile_shares_the_look_up(void **state)
{
	struct fixture *f = *state;
	struct asked asked[3];

	for (size_t i = 0; i < 3; i++)
		ask(f, "relay.example", &asked[i]);
	assert_true(run_until(f->worker, all_done, asked));
	assert_int_equal(f->names.questions, 2);
}

struct again {
	struct fixture *f;
	struct asked asked;
	size_t questions;
};

static bool is_asked_again(void *arg)
{
	struct again *again = arg;

	if (again->asked.done || again->asked.resolve.pending == NULL)
		ask(again->f, "brief.example", &again->asked);
	return again->f->names.questions >= again->questions;
}

/* One may be kept for a second, the other one for longer. */
static void an_answer_is_kept_as_long_as_it_may_be(void **state)
{
	struct fixture *f = *state;
	struct again again = { .f = f, .questions = 6 };

	look_up(f, "relay.example");
	look_up(f, "brief.example");
	look_up(f, "brief.example");
	assert_int_equal(f->names.questions, 4);
	assert_true(run_until(f->worker, is_asked_again, &again));
	assert_true(run_until(f->worker, is_set, &again.asked.done));
	look_up(f, "relay.example");
	assert_int_equal(f->names.questions, 6);
	assert_int_equal(system_asked, 0);
}

/* The system is asked where no name server answers; nobody else waits for that. */
static void silent_servers_do_not_hold_up_another_name(void **state)
{
	struct fixture *f = *state;
	struct asked silent;

	ask(f, "dead.only-here.example", &silent);
	assert_int_equal(look_up(f, "relay.example").count, 1);
	assert_false(silent.done);
	assert_true(run_until(f->worker, is_set, &silent.done));
	assert_int_equal(silent.answer.count, 1);
	assert_int_equal(last_octet(&silent.answer.addresses[0]), 9);
}

static void a_resolver_may_end_before_its_answers(void **state)
{
	struct fixture *f = *state;
	struct asked silent, other;

	ask(f, "dead.example", &silent);
	ask(f, "mute.example", &other);
	/* one question of each is open, and one answered name is kept */
	assert_true(run_until(f->worker, is_set, &other.done));
	ask(f, "relay.example", &other);
	resolver_cancel(&silent.resolve);
	resolver_cancel(&other.resolve);
	resolver_destroy(f->resolver);
	f->resolver = NULL;
	assert_false(silent.done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_name_is_asked_of_who_knows_it),
		TEST(a_silent_question_of_one_family_delays_nothing),
		TEST(who_asks_meanwhile_shares_the_look_up),
		TEST(an_answer_is_kept_as_long_as_it_may_be),
		TEST(silent_servers_do_not_hold_up_another_name),
		TEST(a_resolver_may_end_before_its_answers),
	};

	if (loop_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
