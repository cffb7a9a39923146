/* Logins by SCRAM: what the gateway is given to compare a proof with, and what it learns of it. */
#include <gateway/testkit.h>

#include "scram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>

/* The entry of RFC 7677 section 3: user "user", password "pencil". */
#define PENCIL                                                                                     \
	"{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"                                            \
	"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define USERS "user:" PENCIL "::::::domains=example.com type=mass client=crm\n"

struct bench {
	struct testkit *kit;
	struct gw_session *session;
};

static void bench_start(struct bench *bench, const char *users, const char *scram)
{
	const char *file;

	bench->kit = testkit_create(gw_module_v1);
	file = testkit_file(bench->kit, "users", users);
	assert_int_equal(chmod(file, 0600), 0);
	testkit_option(bench->kit, "users", file);
	if (scram)
		testkit_option(bench->kit, "scram", scram);
	assert_int_equal(testkit_start(bench->kit), 0);
	bench->session = testkit_session(bench->kit, "192.0.2.1");
}

static enum gw_verdict prove(struct bench *bench, const char *user, enum gw_proof proof)
{
	struct gw_login login = { .size = sizeof login,
				  .mechanism = gw_str("SCRAM-SHA-256"),
				  .user = gw_str(user),
				  .secret = gw_str(""),
				  .acting_as = gw_str(""),
				  .proof = proof };

	return testkit_run_auth_login(bench->kit, bench->session, &login);
}

static void the_keys_of_a_user_are_those_of_the_file(void **state)
{
	const struct gw_proof_keys *keys;
	struct bench bench;
	struct scram scram;

	bench_start(&bench, USERS, NULL);
	assert_int_equal(prove(&bench, "USER", GW_PROOF_WANTED), GW_ACCEPT);
	keys = testkit_proof_keys(bench.kit);
	assert_true(scram_parse(strchr(PENCIL, '}') + 1, &scram));
	assert_int_equal(keys->iterations, 4096);
	assert_true(gw_str_eq(keys->salt, gw_str_n((char *)scram.salt, 16)));
	assert_true(gw_str_eq(keys->stored_key, gw_str_n((char *)scram.stored, SCRAM_KEY)));
	assert_true(gw_str_eq(keys->server_key, gw_str_n((char *)scram.server, SCRAM_KEY)));
	/* nobody is logged in yet */
	assert_string_equal(gw->session_fact(bench.session, GW_SESSION_CLIENT).ptr, "");
	assert_int_equal(testkit_metric(bench.kit, "accepted"), 0);
	testkit_destroy(bench.kit);
}

static void who_proves_it_is_named_and_who_does_not_is_counted(void **state)
{
	struct bench bench;
	int i;

	bench_start(&bench, USERS, NULL);
	assert_int_equal(prove(&bench, "user", GW_PROOF_WRONG), GW_CONTINUE);
	assert_int_equal(testkit_metric(bench.kit, "refused"), 1);
	assert_string_equal(gw->session_fact(bench.session, GW_SESSION_CLIENT).ptr, "");
	assert_int_equal(prove(&bench, "user", GW_PROOF_RIGHT), GW_ACCEPT);
	assert_string_equal(gw->session_fact(bench.session, GW_SESSION_CLIENT).ptr, "crm");
	assert_string_equal(gw->session_fact(bench.session, GW_SESSION_DOMAINS).ptr, "example.com");
	bench.session = testkit_session(bench.kit, "192.0.2.2");
	for (i = 0; i < 20; i++)
		assert_int_equal(prove(&bench, "user", GW_PROOF_WRONG), GW_CONTINUE);
	assert_int_equal(prove(&bench, "user", GW_PROOF_WANTED), GW_TEMPFAIL);
	bench.session = testkit_session(bench.kit, "192.0.2.1");
	assert_int_equal(prove(&bench, "user", GW_PROOF_WANTED), GW_ACCEPT);
	testkit_destroy(bench.kit);
}

/* The salt is as long, and the same each time; the keys are of no password, and never twice the
 * same. A user who has no entry is told the same. */
static void who_is_not_there_gets_keys_that_fit_nothing(void **state)
{
	static const char *const names[] = { "nobody", "NOBODY", "plain" };
	struct gw_proof_keys first = { 0 };
	struct bench bench;
	size_t i;

	bench_start(&bench, USERS "plain:{PLAIN}x::::::domains=*\n", "any");
	for (i = 0; i < 3; i++) {
		const struct gw_proof_keys *keys;

		assert_int_equal(prove(&bench, names[i], GW_PROOF_WANTED), GW_CONTINUE);
		keys = testkit_proof_keys(bench.kit);
		assert_int_equal(keys->iterations, 4096);
		assert_int_equal(keys->salt.len, 16);
		assert_int_equal(keys->stored_key.len, SCRAM_KEY);
		if (i == 0)
			first = *keys;
		else
			assert_int_equal(gw_str_eq(keys->salt, first.salt), i == 1);
		assert_true(i == 0 || !gw_str_eq(keys->stored_key, first.stored_key));
		assert_int_equal(prove(&bench, names[i], GW_PROOF_RIGHT), GW_CONTINUE);
	}
	assert_int_equal(testkit_metric(bench.kit, "accepted"), 0);
	testkit_destroy(bench.kit);
}

static void an_entry_serves_plain_and_login_too(void **state)
{
	struct bench bench;

	bench_start(&bench, USERS, NULL);
	assert_int_equal(testkit_run_auth(bench.kit, bench.session, "PLAIN", "user", "pencil"),
			 GW_ACCEPT);
	assert_int_equal(testkit_run_auth(bench.kit, bench.session, "LOGIN", "user", "pencils"),
			 GW_CONTINUE);
	testkit_destroy(bench.kit);
}

static void what_is_offered(void **state)
{
	static const struct {
		const char *users, *scram;
		char plain, proof;
	} rows[] = {
		{ USERS, NULL, '+', '+' },
		{ USERS "other:{PLAIN}x::::::domains=*\n", NULL, '+', '-' },
		{ USERS "other:{PLAIN}x::::::domains=*\n", "any", '+', '+' },
		{ USERS, "off", '+', '-' },
		{ "other:{PLAIN}x::::::domains=*\n", "any", '+', '-' },
	};
	static const char *const names[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256",
					     "SCRAM-SHA-256-PLUS" };
	char line[40];
	size_t i, nth;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench;

		bench_start(&bench, rows[i].users, rows[i].scram);
		assert_int_equal(testkit_run_ehlo(bench.kit, bench.session), GW_CONTINUE);
		for (nth = 0; nth < 4; nth++) {
			snprintf(line, sizeof line, "%cAUTH %s",
				 nth < 2 ? rows[i].plain : rows[i].proof, names[nth]);
			assert_string_equal(testkit_line(bench.kit, TESTKIT_CAPABILITY, nth), line);
		}
		testkit_destroy(bench.kit);
	}
}

static void without_a_file_nothing_is_offered(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	assert_int_equal(testkit_start(kit), 0);
	testkit_run_ehlo(kit, testkit_session(kit, "192.0.2.1"));
	assert_string_equal(testkit_line(kit, TESTKIT_CAPABILITY, 0), "-AUTH PLAIN");
	testkit_destroy(kit);
}

static void entries_that_are_none(void **state)
{
	static const char *const texts[] = {
		"",
		"4096",
		"4095,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"-4096,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"99999999,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"4096,,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"4096,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
		"4096,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,",
		"4096,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2Q==",
		"4096,c2FsdA==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=,x",
		"4096,c2FsdA=,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
	};
	struct scram scram;
	size_t i;

	for (i = 0; i < sizeof texts / sizeof *texts; i++)
		if (scram_parse(texts[i], &scram))
			fail_msg("\"%s\" is taken", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_keys_of_a_user_are_those_of_the_file),
		cmocka_unit_test(who_proves_it_is_named_and_who_does_not_is_counted),
		cmocka_unit_test(who_is_not_there_gets_keys_that_fit_nothing),
		cmocka_unit_test(an_entry_serves_plain_and_login_too),
		cmocka_unit_test(what_is_offered),
		cmocka_unit_test(without_a_file_nothing_is_offered),
		cmocka_unit_test(entries_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
