/* Logins as the gateway asks for them: clients' by the file of users, and ours at a next hop. */
#include <gateway/testkit.h>

#include "cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>
#include <cmocka.h>

#define ARGON2ID                                                                                   \
	"$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$TnDEl2tJgYtaYZt0/5f59Jf56vkIG4EtQACv6SLO2cI"
#define SHA256 "$5$F7Ux6uop/6bVYqZl$C31e7J5.jFSLxlsIUS0IkkqGZQPCwZMfyawI1dy6tYA"
#define USERS                                                                                      \
	"# who may send\n"                                                                         \
	"\n"                                                                                       \
	"crm@example.com:" ARGON2ID "::::::domains=*\r\n"                                          \
	"shop:{SHA256-CRYPT}" SHA256                                                               \
	"::::::domains=example.com,example.net type=mass client=shop-eu\n"                         \
	"  Ann:{PLAIN}secret:1000:1000::/home/ann:/bin/sh:userdb_mail=x type=individual domains=*  \n"

struct bench {
	struct testkit *kit;
	struct gw_session *session;
	const char *file;
};

static void bench_init(struct bench *bench, const char *users)
{
	bench->kit = testkit_create(gw_module_v1);
	bench->file = testkit_file(bench->kit, "users", users);
	assert_int_equal(chmod(bench->file, 0600), 0);
	testkit_option(bench->kit, "users", bench->file);
	bench->session = testkit_session(bench->kit, "192.0.2.1");
}

static void bench_start(struct bench *bench, const char *users)
{
	bench_init(bench, users);
	if (testkit_start(bench->kit) != 0)
		fail_msg("%s", testkit_line(bench->kit, TESTKIT_PROBLEM, 0));
}

static void bench_finish(struct bench *bench)
{
	testkit_destroy(bench->kit);
}

static enum gw_verdict login(struct bench *bench, const char *user, const char *secret)
{
	return testkit_run_auth(bench->kit, bench->session, "PLAIN", user, secret);
}

static enum gw_verdict login_from(struct bench *bench, const char *peer, const char *user,
				  const char *secret)
{
	return testkit_run_auth(bench->kit, testkit_session(bench->kit, peer), "LOGIN", user,
				secret);
}

/* Replaces the file as an editor does, and lets the module see it. */
static void change_users(struct bench *bench, const char *users)
{
	const char *next = testkit_file(bench->kit, "users.new", users);

	assert_int_equal(chmod(next, 0600), 0);
	assert_int_equal(rename(next, bench->file), 0);
	testkit_run_tick(bench->kit);
}

/* What identify() said stands in the session's facts, and a module would see it there in its next
 * hook. */
static void assert_identity(struct bench *bench, const char *client, const char *type,
			    const char *domains)
{
	assert_string_equal(gw->session_fact(bench->session, GW_SESSION_CLIENT).ptr, client);
	assert_string_equal(gw->session_fact(bench->session, GW_SESSION_TYPE).ptr, type);
	assert_string_equal(gw->session_fact(bench->session, GW_SESSION_DOMAINS).ptr, domains);
}

static void the_right_password_is_accepted_and_the_client_named(void **state)
{
	static const struct {
		const char *user, *client, *type, *domains;
	} rows[] = {
		{ "crm@example.com", "crm@example.com", "", "*" },
		{ "CRM@Example.COM", "crm@example.com", "", "*" },
		{ "shop", "shop-eu", "mass", "example.com example.net" },
		{ "ann", "Ann", "individual", "*" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;

		bench_start(&bench, USERS);
		assert_int_equal(login(&bench, rows[i].user, "secret"), GW_ACCEPT);
		assert_identity(&bench, rows[i].client, rows[i].type, rows[i].domains);
		assert_int_equal(testkit_metric(bench.kit, "accepted"), 1);
		bench_finish(&bench);
	}
}

static void a_wrong_password_and_an_unknown_user_look_the_same(void **state)
{
	static const struct {
		const char *user, *secret;
	} rows[] = {
		{ "shop", "wrong" },      { "shop", "" },      { "nobody", "secret" },
		{ "", "secret" },         { "sho", "secret" }, { "shop2", "secret" },
		{ "# who may send", "" },
	};
	struct bench bench;
	size_t i;

	bench_start(&bench, USERS);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(login(&bench, rows[i].user, rows[i].secret), GW_CONTINUE);
		assert_int_equal(testkit_answer(bench.kit)->code, 0);
		assert_string_equal(testkit_answer(bench.kit)->text, "");
	}
	assert_identity(&bench, "", "", "");
	assert_int_equal(testkit_metric(bench.kit, "refused"), i);
	assert_false(testkit_has(bench.kit, TESTKIT_LOG, "secret"));
	bench_finish(&bench);
}

static void other_mechanisms_are_for_other_modules(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS);
	assert_int_equal(testkit_run_auth(bench.kit, bench.session, "XOAUTH2", "shop", "secret"),
			 GW_CONTINUE);
	assert_int_equal(testkit_metric(bench.kit, "refused"), 0);
	assert_int_equal(testkit_run_auth(bench.kit, bench.session, "login", "shop", "secret"),
			 GW_ACCEPT);
	bench_finish(&bench);
}

static void nobody_acts_as_somebody_else(void **state)
{
	struct gw_login as = { .size = sizeof as,
			       .mechanism = GW_STR("PLAIN"),
			       .user = GW_STR("shop"),
			       .secret = GW_STR("secret") };
	struct bench bench;

	bench_start(&bench, USERS);
	as.acting_as = gw_str("crm@example.com");
	assert_int_equal(testkit_run_auth_login(bench.kit, bench.session, &as), GW_CONTINUE);
	as.acting_as = gw_str("shop");
	assert_int_equal(testkit_run_auth_login(bench.kit, bench.session, &as), GW_ACCEPT);
	as.acting_as = gw_str("SHOP");
	assert_int_equal(testkit_run_auth_login(bench.kit, bench.session, &as), GW_ACCEPT);
	bench_finish(&bench);
}

static void a_nul_is_part_of_the_password(void **state)
{
	static const struct gw_str secrets[] = { GW_STR("secret\0"), GW_STR("secret\0x"),
						 GW_STR("\0secret") };
	static const struct gw_str users[] = { GW_STR("shop"), GW_STR("ann"),
					       GW_STR("crm@example.com"), GW_STR("shop\0") };
	struct bench bench;
	size_t i, j;

	bench_start(&bench, USERS);
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 4; j++) {
			struct gw_login with = { .size = sizeof with,
						 .mechanism = GW_STR("PLAIN"),
						 .user = users[j],
						 .secret = secrets[i] };

			assert_int_equal(testkit_run_auth_login(bench.kit, bench.session, &with),
					 GW_CONTINUE);
		}
	}
	bench_finish(&bench);
}

static void a_right_login_is_not_hashed_again_for_a_while(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS);
	testkit_set_offload(bench.kit, TESTKIT_LATER);
	assert_int_equal(login(&bench, "shop", "secret"), GW_PENDING);
	assert_int_equal(testkit_resume(bench.kit, 5000), GW_ACCEPT);
	testkit_advance(bench.kit, 59000);
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	assert_int_equal(login(&bench, "shop", "wrong"), GW_PENDING);
	assert_int_equal(testkit_resume(bench.kit, 5000), GW_CONTINUE);
	testkit_advance(bench.kit, 2000);
	assert_int_equal(login(&bench, "shop", "secret"), GW_PENDING);
	assert_int_equal(testkit_resume(bench.kit, 5000), GW_ACCEPT);
	bench_finish(&bench);
}

/* Each of another client; what is taken back makes room. */
static void too_many_hashes_at_once_are_put_off(void **state)
{
	struct bench bench;
	int i;

	bench_start(&bench, USERS);
	testkit_set_offload(bench.kit, TESTKIT_LATER);
	for (i = 0; i < 24; i++)
		assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "wrong"), GW_PENDING);
	assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "secret"), GW_TEMPFAIL);
	assert_int_equal(testkit_answer(bench.kit)->code, 454);
	assert_int_equal(testkit_metric(bench.kit, "crowded"), 1);
	bench_finish(&bench);
}

static void without_a_cache_each_login_is_hashed(void **state)
{
	struct bench bench;

	bench_init(&bench, USERS);
	testkit_option(bench.kit, "cache", "0");
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	testkit_set_offload(bench.kit, TESTKIT_LATER);
	assert_int_equal(login(&bench, "shop", "secret"), GW_PENDING);
	assert_int_equal(testkit_resume(bench.kit, 5000), GW_ACCEPT);
	bench_finish(&bench);
}

static void a_changed_file_counts_at_once(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS);
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	change_users(&bench, "shop:{PLAIN}other::::::domains=*\n");
	assert_int_equal(login(&bench, "shop", "secret"), GW_CONTINUE);
	assert_int_equal(login(&bench, "shop", "other"), GW_ACCEPT);
	assert_int_equal(login(&bench, "crm@example.com", "secret"), GW_CONTINUE);
	bench_finish(&bench);
}

static void a_login_checked_with_the_old_file_is_not_remembered(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS);
	testkit_set_offload(bench.kit, TESTKIT_LATER);
	assert_int_equal(login(&bench, "shop", "secret"), GW_PENDING);
	change_users(&bench, "shop:{PLAIN}other::::::domains=*\n");
	assert_int_equal(testkit_resume(bench.kit, 5000), GW_ACCEPT);
	assert_int_equal(login(&bench, "shop", "secret"), GW_PENDING);
	assert_int_equal(testkit_resume(bench.kit, 5000), GW_CONTINUE);
	bench_finish(&bench);
}

static void a_changed_file_with_a_mistake_changes_nothing(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS);
	change_users(&bench, "shop:{PLAIN}other::::::domains=*\nwrong line\n");
	assert_true(testkit_has(bench.kit, TESTKIT_LOG, "users:2: a line is USER:HASH"));
	assert_true(testkit_has(bench.kit, TESTKIT_LOG, "is not taken"));
	testkit_run_status(bench.kit);
	assert_true(testkit_has(bench.kit, TESTKIT_STATUS, "users:2: a line is USER:HASH"));
	assert_true(testkit_has(bench.kit, TESTKIT_STATUS, "and the next start fails"));
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	testkit_forget(bench.kit);
	testkit_run_tick(bench.kit);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_LOG), 0);
	assert_int_equal(remove(bench.file), 0);
	testkit_run_tick(bench.kit);
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	bench_finish(&bench);
}

static void many_failures_of_an_address_make_it_slow(void **state)
{
	struct bench bench;
	int i;

	bench_start(&bench, USERS);
	assert_int_equal(login_from(&bench, "192.0.2.9", "ann", "secret"), GW_ACCEPT);
	for (i = 0; i < 20; i++)
		assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "wrong"), GW_CONTINUE);
	assert_true(testkit_has(bench.kit, TESTKIT_LOG, "too many failed logins from 192.0.2.9"));
	/* not looked at */
	assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "secret"), GW_TEMPFAIL);
	assert_int_equal(testkit_answer(bench.kit)->code, 454);
	assert_string_equal(testkit_answer(bench.kit)->enhanced, "4.7.0");
	/* was right a moment ago */
	assert_int_equal(login_from(&bench, "192.0.2.9", "ann", "secret"), GW_ACCEPT);
	assert_int_equal(login_from(&bench, "192.0.2.10", "shop", "wrong"), GW_CONTINUE);
	testkit_advance(bench.kit, 5000); /* one every five seconds is looked at */
	assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "wrong"), GW_CONTINUE);
	assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "secret"), GW_TEMPFAIL);
	testkit_advance(bench.kit, 5000);
	assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "secret"), GW_ACCEPT);
	testkit_advance(bench.kit, 600000);
	assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "wrong"), GW_CONTINUE);
	assert_int_equal(login_from(&bench, "192.0.2.9", "shop", "wrong"), GW_CONTINUE);
	bench_finish(&bench);
}

static void an_ipv6_network_is_one_address(void **state)
{
	struct bench bench;
	char peer[40];
	int i;

	bench_start(&bench, USERS);
	for (i = 0; i < 20; i++) {
		snprintf(peer, sizeof peer, "2001:db8:0:1::%x", i + 1);
		assert_int_equal(login_from(&bench, peer, "shop", "wrong"), GW_CONTINUE);
	}
	assert_int_equal(login_from(&bench, "2001:db8:0:1:ffff::1", "shop", "wrong"), GW_TEMPFAIL);
	assert_int_equal(login_from(&bench, "2001:db8:0:2::1", "shop", "wrong"), GW_CONTINUE);
	bench_finish(&bench);
}

static void very_many_addresses_take_no_more_memory_and_do_no_harm(void **state)
{
	struct bench bench;
	char peer[40];
	int i;

	bench_init(&bench, "a:{PLAIN}b::::::domains=*\n");
	testkit_option(bench.kit, "user_failures", "0");
	assert_int_equal(testkit_start(bench.kit), 0);
	for (i = 0; i < 3000; i++) {
		snprintf(peer, sizeof peer, "10.1.%d.%d", i / 250, i % 250);
		assert_int_equal(login_from(&bench, peer, "a", "wrong"), GW_CONTINUE);
	}
	assert_int_equal(login_from(&bench, "10.1.0.0", "a", "b"), GW_ACCEPT);
	bench_finish(&bench);
}

static void a_pool_that_takes_no_work_is_a_failure(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS);
	testkit_fail(bench.kit, "offload", 1);
	assert_int_equal(login(&bench, "shop", "secret"), GW_FAILED);
	assert_true(testkit_failed(bench.kit));
	bench_finish(&bench);
}

static void a_client_that_leaves_meanwhile_does_no_harm(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS);
	testkit_set_offload(bench.kit, TESTKIT_LATER);
	assert_int_equal(login(&bench, "shop", "secret"), GW_PENDING);
	testkit_drop(bench.kit, bench.session);
	assert_int_equal(testkit_held(bench.kit), 0);
	bench_finish(&bench);
}

static void mistakes_in_the_file_are_named_by_line(void **state)
{
	static const struct {
		const char *users, *problem;
	} rows[] = {
		{ "a:{PLAIN}x::::::domains=*\nb\n", "users:2: a line is USER:HASH" },
		{ ":{PLAIN}x\n", "users:1: a line is USER:HASH" },
		{ "\n\na:{SSHA}x\n", "users:3: an unknown scheme" },
		{ "a:$apr1$x$y\n", "users:1: a kind of hash that crypt(3)" },
		{ "a:secret\n", "users:1: no hash that crypt(3) makes" },
		{ "a:{PLAIN}x::::::domains=*\nb:{PLAIN}x::::::domains=*\nA:{PLAIN}y::::::domains=*\n",
		  "this user stands twice in the file" },
		{ "a:{PLAIN}x::::::domains=*\nb:{PLAIN}x\n",
		  "users:2: nothing says which domains this login may write mail of" },
		{ "a:{PLAIN}x::::::type=mass\n", "users:1: nothing says which domains" },
		{ "a:{PLAIN}x::::::domians=example.com\n",
		  "users:1: unknown field, known are domains=, type= and client=: domians=example.com" },
		{ "a:{PLAIN}x::::::allow_nets=192.0.2.0/24\n", "users:1: unknown field" },
		{ "c:" SHA256 ":domains=example.com\n",
		  "users:1: six colons stand between the hash and the words" },
		{ "c:" SHA256 ":::::domains=example.com\n", "users:1: six colons" },
		{ "c:" SHA256 ":::::::domains=example.com\n", "users:1: unknown field" },
		{ "c:" SHA256 " domains=example.com\n", "users:1: no blank may stand" },
		{ "c:{PLAIN}secret domains=example.com\n", "users:1: six colons" },
		{ "c:" SHA256 "::::::domains=\n", "users:1: domains= names no domain" },
		{ "c:" SHA256 "::::::domains=,,\n", "users:1: domains= names no domain" },
		{ "c:" SHA256 "::::::domains=\"example.com\"\n",
		  "users:1: domains= names what is no domain" },
		{ "c:" SHA256 "::::::domains=example.com,a@example.com\n",
		  "users:1: domains= names what is no domain" },
		{ "c:" SHA256 "::::::domains=.example.com\n",
		  "users:1: domains= names what is no domain" },
		{ "c:" SHA256 "::::::domains=example..com\n",
		  "users:1: domains= names what is no domain" },
		{ "c:" SHA256 "::::::domains=a.example domains=b.example\n",
		  "users:1: this word stands twice" },
		{ "c:" SHA256 "::::::type=\n",
		  "users:1: a name without quotes must follow: type=" },
		{ "c:" SHA256 "::::::client=\"x\"\n",
		  "users:1: a name without quotes must follow" },
		{ "c :" SHA256 "\n", "users:1: no blank may stand beside the name" },
		{ "c: " SHA256 "\n", "users:1: no" },
		{ "c:$6$8tdCJVDlhXu3zeAu$9/nY1uLvLUN1lkxlOOXufDXmBNqc\n",
		  "users:1: a hash that is not whole" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;

		bench_init(&bench, rows[i].users);
		assert_int_equal(testkit_start(bench.kit), -1);
		if (!testkit_has(bench.kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("%s: %s", rows[i].problem,
				 testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
		bench_finish(&bench);
	}
}

static void a_file_that_cannot_be_read_does_not_start(void **state)
{
	struct bench bench;

	bench_init(&bench, "");
	testkit_option(bench.kit, "users", testkit_folder(bench.kit));
	assert_int_equal(testkit_start(bench.kit), -1);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "not a file of users"));
	bench_finish(&bench);
}

static void a_file_that_comes_later_counts_from_then_on(void **state)
{
	struct bench bench;

	bench_init(&bench, "");
	assert_int_equal(remove(bench.file), 0);
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "warning: "));
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "nobody can log in until there is"));
	assert_int_equal(login(&bench, "shop", "secret"), GW_CONTINUE);
	change_users(&bench, USERS);
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	bench_finish(&bench);
}

static void what_is_unwise_is_a_warning(void **state)
{
	struct bench bench;

	bench_init(&bench, "a:{PLAIN}x::::::domains=*\nc:" SHA256 "::::::domains=example.com\n");
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "users:1: a password in clear"));
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_PROBLEM), 1);
	bench_finish(&bench);
}

static void very_many_unwise_lines_are_counted(void **state)
{
	char text[4000] = "";
	struct bench bench;
	int i;

	for (i = 0; i < 40; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "user%d:{PLAIN}x::::::domains=*\n", i);
	bench_init(&bench, text);
	assert_int_equal(testkit_start(bench.kit), 0);
	assert_int_equal(testkit_lines(bench.kit, TESTKIT_PROBLEM), 11);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "and 30 more users like that"));
	bench_finish(&bench);
}

static void hashes_that_everybody_may_read_are_refused(void **state)
{
	struct bench bench;

	bench_init(&bench, USERS);
	assert_int_equal(chmod(bench.file, 0644), 0);
	assert_int_equal(testkit_start(bench.kit), -1);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "error: "));
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "everybody on this machine may read"));
	bench_finish(&bench);
}

static void a_mark_of_utf8_is_passed_over(void **state)
{
	struct bench bench;

	bench_start(&bench, "\xef\xbb\xbf" USERS);
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	bench_finish(&bench);
	bench_start(&bench, "\xef\xbb\xbfshop:" SHA256 "::::::domains=*\n");
	assert_int_equal(login(&bench, "shop", "secret"), GW_ACCEPT);
	bench_finish(&bench);
}

/* Passwords as they came, then as SASLprep has them: whichever way the hash was made, the login is
 * right. */
static void a_password_is_right_as_it_came_and_prepared(void **state)
{
	static const struct {
		const char *kept, *given;
		enum gw_verdict verdict;
	} rows[] = {
		{ "a\xc2\xaa", "a\xc2\xaa", GW_ACCEPT }, /* U+00AA is prepared to "a" */
		{ "aa", "a\xc2\xaa", GW_ACCEPT },
		{ "a\xc2\xaa", "aa", GW_CONTINUE },
		{ "x\xc2\xa0y", "x\xc2\xa0y", GW_ACCEPT }, /* a blank that does not break */
		{ "x y", "x\xc2\xa0y", GW_ACCEPT },
		{ "p\xe4", "p\xe4", GW_ACCEPT }, /* Latin-1 cannot be prepared */
		{ "p\xe4", "p\xe5", GW_CONTINUE },
	};
	char line[100];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;

		snprintf(line, sizeof line, "a:{PLAIN}%s::::::domains=*\n", rows[i].kept);
		bench_start(&bench, line);
		if (login(&bench, "a", rows[i].given) != rows[i].verdict)
			fail_msg("row %zu", i);
		bench_finish(&bench);
	}
}

static void without_users_nobody_logs_in(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct bench bench;

	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(
		testkit_run_auth(kit, testkit_session(kit, "192.0.2.1"), "PLAIN", "a", "b"),
		GW_CONTINUE);
	testkit_destroy(kit);

	bench_start(&bench, "# nobody yet\n");
	assert_int_equal(login(&bench, "a", "b"), GW_CONTINUE);
	bench_finish(&bench);
}

static void who_asks_hears_of_each_user_of_now(void **state)
{
	struct bench bench;
	const struct gw_client *client;

	bench_start(&bench,
		    "ann:" SHA256 "::::::domains=a.example,b.example client=shop type=mass\n");
	testkit_run_clients(bench.kit);
	client = testkit_known(bench.kit, 0);
	assert_string_equal(client->name.ptr, "shop");
	assert_string_equal(client->type.ptr, "mass");
	assert_string_equal(client->domains.ptr, "a.example b.example");
	assert_string_equal(client->logins.items[0].ptr, "ann");
	assert_true(client->needs_login && client->peer.len == 0);
	assert_null(testkit_known(bench.kit, 1));

	change_users(&bench, "bert:" SHA256 "::::::domains=*\n");
	testkit_run_clients(bench.kit);
	assert_string_equal(testkit_known(bench.kit, 0)->name.ptr, "bert");
	bench_finish(&bench);
}

static void the_cache_is_bounded_and_tells_pairs_apart(void **state)
{
	struct cache *cache = malloc(sizeof *cache);
	unsigned char mac[CACHE_MAC], other[CACHE_MAC];
	char user[16];
	int i, kept = 0;

	assert_true(cache_init(cache));
	assert_true(cache_mac(cache, gw_str("ab"), gw_str("c"), mac));
	assert_true(cache_mac(cache, gw_str("a"), gw_str("bc"), other));
	assert_memory_not_equal(mac, other, CACHE_MAC);
	for (i = 0; i < 10000; i++) {
		snprintf(user, sizeof user, "user%d", i);
		assert_true(cache_mac(cache, gw_str(user), gw_str("secret"), mac));
		cache_put(cache, mac, 1000 + i);
		assert_true(cache_has(cache, mac, 999));
		assert_false(cache_has(cache, mac, 1000 + i));
	}
	for (i = 0; i < 10000; i++) {
		snprintf(user, sizeof user, "user%d", i);
		assert_true(cache_mac(cache, gw_str(user), gw_str("secret"), mac));
		kept += cache_has(cache, mac, 999);
	}
	assert_in_range(kept, CACHE_SETS * CACHE_WAYS / 2, CACHE_SETS * CACHE_WAYS);
	cache_finish(cache);
	free(cache);
}

/* --- at a next hop --- */

static const char *password_given(struct testkit *kit, struct gw_relay *relay)
{
	struct gw_delivery *delivery = testkit_delivery(
		testkit_message(kit, NULL, "a@example.com", "\r\n"), relay);

	assert_int_equal(testkit_run_login(kit, delivery, relay), GW_ACCEPT);
	return testkit_login(delivery)->secret.ptr;
}

static void a_relay_s_password_is_read_again(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *relay = testkit_relay(kit, "mass-eu");
	char path[300];

	snprintf(path, sizeof path, "file:%s", testkit_file(kit, "secret", "old\n"));
	testkit_relay_option(relay, "auth.user", "relay@example.com");
	testkit_relay_option(relay, "auth.password", path);
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(password_given(kit, relay), "old");
	testkit_file(kit, "secret", "new and longer\n");
	assert_string_equal(password_given(kit, relay), "old"); /* until a tick has looked */
	testkit_run_tick(kit);
	assert_string_equal(password_given(kit, relay), "new and longer");
	assert_int_equal(unlink(path + 5), 0);
	testkit_run_tick(kit);
	testkit_run_tick(kit);
	assert_string_equal(password_given(kit, relay), "new and longer");
	assert_true(testkit_has(kit, TESTKIT_LOG, "warning relay mass-eu keeps its password"));
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 2); /* told once */
	testkit_file(kit, "secret", "third\n");
	testkit_run_tick(kit);
	assert_string_equal(password_given(kit, relay), "third");
	assert_false(testkit_has(kit, TESTKIT_LOG, "new and longer"));
	testkit_destroy(kit);
}

static void a_relay_with_a_name_gets_its_password(void **state)
{
	static const struct {
		const char *user, *password, *method;
		enum gw_verdict verdict;
	} rows[] = {
		{ "relay@example.com", "secret", NULL, GW_ACCEPT },
		{ NULL, NULL, NULL, GW_CONTINUE },
		{ "relay@example.com", NULL, "oauth", GW_CONTINUE },
	};
	size_t i;

	for (i = 0; i < 3; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);
		struct gw_relay *relay = testkit_relay(kit, "mass-eu");
		struct gw_delivery *delivery;

		if (rows[i].user)
			testkit_relay_option(relay, "auth.user", rows[i].user);
		if (rows[i].password)
			testkit_relay_option(relay, "auth.password", rows[i].password);
		if (rows[i].method)
			testkit_relay_option(relay, "auth.method", rows[i].method);
		assert_int_equal(testkit_start(kit), 0);
		delivery = testkit_delivery(testkit_message(kit, NULL, "a@example.com", "\r\n"),
					    relay);
		assert_int_equal(testkit_run_login(kit, delivery, relay), rows[i].verdict);
		if (rows[i].verdict == GW_ACCEPT) {
			assert_true(gw_str_eq(testkit_login(delivery)->user,
					      gw_str("relay@example.com")));
			assert_true(gw_str_eq(testkit_login(delivery)->secret, gw_str("secret")));
			assert_int_equal(testkit_login(delivery)->mechanism.len, 0);
		} else {
			assert_null(testkit_login(delivery));
		}
		testkit_destroy(kit);
	}
}

static void half_a_login_is_an_error(void **state)
{
	static const struct {
		const char *key, *problem;
	} rows[] = {
		{ "auth.user",
		  "relay mass-eu: auth.user: relay \"mass-eu\": auth has a user and no password" },
		{ "auth.password",
		  "auth.password: relay \"mass-eu\": auth has a password and no user" },
	};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);

		testkit_relay_option(testkit_relay(kit, "mass-eu"), rows[i].key, "x");
		assert_int_equal(testkit_start(kit), -1);
		assert_true(testkit_has(kit, TESTKIT_PROBLEM, rows[i].problem));
		testkit_destroy(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_right_password_is_accepted_and_the_client_named),
		cmocka_unit_test(a_wrong_password_and_an_unknown_user_look_the_same),
		cmocka_unit_test(other_mechanisms_are_for_other_modules),
		cmocka_unit_test(nobody_acts_as_somebody_else),
		cmocka_unit_test(a_nul_is_part_of_the_password),
		cmocka_unit_test(a_right_login_is_not_hashed_again_for_a_while),
		cmocka_unit_test(without_a_cache_each_login_is_hashed),
		cmocka_unit_test(too_many_hashes_at_once_are_put_off),
		cmocka_unit_test(a_changed_file_counts_at_once),
		cmocka_unit_test(a_login_checked_with_the_old_file_is_not_remembered),
		cmocka_unit_test(a_changed_file_with_a_mistake_changes_nothing),
		cmocka_unit_test(many_failures_of_an_address_make_it_slow),
		cmocka_unit_test(an_ipv6_network_is_one_address),
		cmocka_unit_test(very_many_addresses_take_no_more_memory_and_do_no_harm),
		cmocka_unit_test(a_pool_that_takes_no_work_is_a_failure),
		cmocka_unit_test(a_client_that_leaves_meanwhile_does_no_harm),
		cmocka_unit_test(mistakes_in_the_file_are_named_by_line),
		cmocka_unit_test(a_file_that_cannot_be_read_does_not_start),
		cmocka_unit_test(a_file_that_comes_later_counts_from_then_on),
		cmocka_unit_test(what_is_unwise_is_a_warning),
		cmocka_unit_test(very_many_unwise_lines_are_counted),
		cmocka_unit_test(hashes_that_everybody_may_read_are_refused),
		cmocka_unit_test(a_mark_of_utf8_is_passed_over),
		cmocka_unit_test(a_password_is_right_as_it_came_and_prepared),
		cmocka_unit_test(without_users_nobody_logs_in),
		cmocka_unit_test(who_asks_hears_of_each_user_of_now),
		cmocka_unit_test(the_cache_is_bounded_and_tells_pairs_apart),
		cmocka_unit_test(a_relay_with_a_name_gets_its_password),
		cmocka_unit_test(a_relay_s_password_is_read_again),
		cmocka_unit_test(half_a_login_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
