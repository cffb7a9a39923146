#include "smtp/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define LIT(text) gw_str_n((text), sizeof(text) - 1)

static void expect_str(struct gw_str got, const char *want)
{
	if (!gw_str_eq(got, gw_str(want)))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.len, got.ptr, want);
}

static int start(void **state)
{
	return sasl_init();
}

static void test_servers_take_complete_credentials(void **state)
{
	static const struct {
		const char *mechanism, *lines[3];
		const char *user, *acting_as, *secret;
	} cases[] = {
		{ "PLAIN", { "AHVzZXIAc2VjcmV0" }, "user", "", "secret" },
		{ "plain", { "", "AHVzZXIAc2VjcmV0" }, "user", "", "secret" },
		{ "PLAIN", { "Ym9zcwB1c2VyAHNlY3JldA==" }, "user", "boss", "secret" },
		{ "PLAIN", { "dXNlcgB1c2VyAHNlY3JldA==" }, "user", "", "secret" },
		{ "PLAIN", { "AHVzZXIAw6Q=" }, "user", "", "\xc3\xa4" },
		/* what SASLprep would change comes as it was sent */
		{ "PLAIN", { "AHVzZXIAYcKq" }, "user", "", "a\xc2\xaa" },
		/* and what it cannot prepare */
		{ "PLAIN", { "AHVzZXIAcOQ=" }, "user", "", "p\xe4" },
		{ "LOGIN", { "", "dXNlcg==", "c2VjcmV0" }, "user", "", "secret" },
		{ "Login", { "dXNlcg==", "c2VjcmV0" }, "user", "", "secret" },
	};
	size_t i, line;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl *sasl = sasl_server_create(gw_str(cases[i].mechanism));
		enum sasl_state got = SASL_MORE;
		struct gw_str out;
		assert_non_null(sasl);
		for (line = 0; line < 3 && cases[i].lines[line]; line++) {
			assert_int_equal(got, SASL_MORE);
			got = sasl_step(sasl, gw_str(cases[i].lines[line]), &out);
		}
		assert_int_equal(got, SASL_DONE);
		expect_str(sasl_login(sasl)->mechanism, i < 7 ? "PLAIN" : "LOGIN");
		expect_str(sasl_login(sasl)->user, cases[i].user);
		expect_str(sasl_login(sasl)->acting_as, cases[i].acting_as);
		expect_str(sasl_login(sasl)->secret, cases[i].secret);
		assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_BAD);
		sasl_destroy(sasl);
	}
}

static void test_what_servers_ask(void **state)
{
	struct sasl *sasl = sasl_server_create(LIT("LOGIN"));
	struct gw_str out;

	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
	expect_str(out, "VXNlcm5hbWU6");
	assert_int_equal(sasl_step(sasl, LIT("dXNlcg=="), &out), SASL_MORE);
	expect_str(out, "UGFzc3dvcmQ6");
	sasl_destroy(sasl);
	sasl = sasl_server_create(LIT("LOGIN"));
	assert_int_equal(sasl_step(sasl, LIT("dXNlcg=="), &out), SASL_MORE);
	expect_str(out, "UGFzc3dvcmQ6");
	sasl_destroy(sasl);
	sasl = sasl_server_create(LIT("PLAIN"));
	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
	expect_str(out, "");
	sasl_destroy(sasl);
}

static void test_odd_lines_are_refused(void **state)
{
	static const struct {
		const char *mechanism;
		struct gw_str lines[3]; /* the last one is bad, those before are fine */
		size_t count;
	} cases[] = {
		{ "PLAIN",
		  {
			  GW_STR("="),
		  },
		  1 },
		{ "PLAIN", { GW_STR(""), GW_STR("") }, 2 },
		{ "PLAIN", { GW_STR(""), GW_STR("=") }, 2 },
		{ "PLAIN", { GW_STR("*") }, 1 },
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmV") }, 1 },     /* cut */
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmV0AA=") }, 1 }, /* padding short */
		{ "PLAIN", { GW_STR("AHVzZXIAc2Vj=mV0") }, 1 },    /* padding inside */
		{ "PLAIN", { GW_STR("AHVzZXIAc2Vj====") }, 1 },    /* too much of it */
		{ "PLAIN", { GW_STR("====") }, 1 },
		{ "PLAIN", { GW_STR("AHVzZXIAc2Vj cmV0") }, 1 }, /* blank */
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmV0\r\n\r\n") }, 1 },
		{ "PLAIN", { GW_STR("AHVzZXIAc2Vjcm_0") }, 1 }, /* another alphabet */
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmV\0") }, 1 },
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmV\xe4") }, 1 },
		/* fine: what the next one would be */
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmU=") }, 0 },
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmV=") }, 1 },     /* unused bits set */
		{ "PLAIN", { GW_STR("dXNlcgBzZWNyZXQ=") }, 1 },     /* one NUL */
		{ "PLAIN", { GW_STR("dXNlcg==") }, 1 },             /* none */
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjcmV0AA==") }, 1 }, /* three */
		{ "PLAIN", { GW_STR("AHVzZXIAc2VjAHJldA==") }, 1 },
		{ "PLAIN", { GW_STR("AABzZWNyZXQ=") }, 1 }, /* empty user */
		{ "PLAIN", { GW_STR("AHVzZXIA") }, 1 },     /* empty secret */
		{ "PLAIN", { GW_STR("AAAA") }, 1 },
		{ "PLAIN", { GW_STR("AAA=") }, 1 },
		{ "PLAIN", { GW_STR("AHXkAHA=") }, 1 },     /* user in Latin-1 */
		{ "PLAIN", { GW_STR("AHUNCnYAcA==") }, 1 }, /* CR LF in the user */
		/* CR in the authorization identity */
		{ "PLAIN", { GW_STR("YQ1iAHUAcA==") }, 1 },
		{ "LOGIN", { GW_STR("=") }, 1 },
		{ "LOGIN", { GW_STR(""), GW_STR("") }, 2 },
		{ "LOGIN", { GW_STR("dXNlcg=="), GW_STR("") }, 2 },
		{ "LOGIN", { GW_STR("dXNlcg=="), GW_STR("=") }, 2 },
		{ "LOGIN", { GW_STR("dXMAcg==") }, 1 }, /* NUL in the user */
		{ "LOGIN", { GW_STR("dXNlcg=="), GW_STR("c2UAcmV0") }, 2 },
		{ "LOGIN", { GW_STR("dQ0Kdg=="), GW_STR("c2VjcmV0") }, 2 },
		{ "LOGIN",
		  {
			  GW_STR("dXNlcg"),
		  },
		  1 },
	};
	size_t i, line;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl *sasl = sasl_server_create(gw_str(cases[i].mechanism));
		enum sasl_state want = SASL_MORE, got = SASL_MORE;
		struct gw_str out;
		for (line = 0; line < cases[i].count; line++) {
			want = line + 1 == cases[i].count ? SASL_BAD : SASL_MORE;
			got = sasl_step(sasl, cases[i].lines[line], &out);
			if (got != want)
				fail_msg("case %zu, line %zu: %d", i, line, got);
		}
		if (cases[i].count == 0)
			assert_int_equal(sasl_step(sasl, cases[i].lines[0], &out), SASL_DONE);
		else
			assert_int_equal(sasl_step(sasl, LIT("AHVzZXIAc2VjcmV0"), &out), SASL_BAD);
		sasl_destroy(sasl);
	}
}

static void test_long_lines(void **state)
{
	size_t size = SASL_LINE_MAX + 4, i;
	char *line = malloc(size);
	struct gw_str out;
	struct sasl *sasl;

	assert_non_null(line);
	for (i = 0; i < size; i += 4)
		memcpy(line + i, "YWFh", 4);
	memcpy(line, "AHVzZXIA", 8);
	sasl = sasl_server_create(LIT("PLAIN"));
	assert_int_equal(sasl_step(sasl, gw_str_n(line, SASL_LINE_MAX), &out), SASL_DONE);
	assert_int_equal(sasl_login(sasl)->secret.len, SASL_LINE_MAX / 4 * 3 - 6);
	sasl_destroy(sasl);
	sasl = sasl_server_create(LIT("PLAIN"));
	assert_int_equal(sasl_step(sasl, gw_str_n(line, size), &out), SASL_BAD);
	sasl_destroy(sasl);
	free(line);
}

static void test_clients(void **state)
{
	struct sasl *sasl = sasl_client_create(LIT("PLAIN"), LIT("user"), LIT("secret"));
	struct gw_str out;

	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_DONE);
	expect_str(out, "AHVzZXIAc2VjcmV0");
	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_BAD);
	sasl_destroy(sasl);

	sasl = sasl_client_create(LIT("LOGIN"), LIT("user"), LIT("secret"));
	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
	expect_str(out, "");
	assert_int_equal(sasl_step(sasl, LIT("VXNlcm5hbWU6"), &out), SASL_MORE);
	expect_str(out, "dXNlcg==");
	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_DONE);
	expect_str(out, "c2VjcmV0");
	assert_int_equal(sasl_step(sasl, LIT("UGFzc3dvcmQ6"), &out), SASL_BAD);
	sasl_destroy(sasl);

	sasl = sasl_client_create(LIT("LOGIN"), LIT("user"), LIT("secret"));
	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
	/* any prompt is the next one */
	assert_int_equal(sasl_step(sasl, LIT("not base64"), &out), SASL_MORE);
	expect_str(out, "dXNlcg==");
	assert_int_equal(sasl_step(sasl, LIT("either"), &out), SASL_DONE);
	expect_str(out, "c2VjcmV0");
	sasl_destroy(sasl);
}

static void test_a_client_and_a_server_agree(void **state)
{
	static const char *const names[] = { "PLAIN", "LOGIN" };
	size_t i, line;

	for (i = 0; i < 2; i++) {
		struct sasl *client = sasl_client_create(gw_str(names[i]), LIT("user@example.com"),
							 LIT("pass word"));
		struct sasl *server = sasl_server_create(gw_str(names[i]));
		enum sasl_state got = SASL_MORE;
		struct gw_str asked = LIT(""), answer;
		for (line = 0; line < 4 && got == SASL_MORE; line++) {
			assert_int_not_equal(sasl_step(client, asked, &answer), SASL_BAD);
			got = sasl_step(server, answer, &asked);
		}
		assert_int_equal(got, SASL_DONE);
		expect_str(sasl_login(server)->user, "user@example.com");
		expect_str(sasl_login(server)->secret, "pass word");
		sasl_destroy(client);
		sasl_destroy(server);
	}
}

static void test_tokens(void **state)
{
	static const struct {
		const char *name, *user, *first, *finish;
	} cases[] = {
		{ "XOAUTH2", "a@b.c", "dXNlcj1hQGIuYwFhdXRoPUJlYXJlciB0b2tlbgEB", "" },
		{ "xoauth2", "a@b.c", "dXNlcj1hQGIuYwFhdXRoPUJlYXJlciB0b2tlbgEB", "" },
		{ "OAUTHBEARER", "a=,@b.c", "bixhPWE9M0Q9MkNAYi5jLAFhdXRoPUJlYXJlciB0b2tlbgEB",
		  "AQ==" },
	};
	struct gw_str out;

	for (size_t i = 0; i < 3; i++) {
		struct sasl *sasl = sasl_client_create(gw_str(cases[i].name), gw_str(cases[i].user),
						       LIT("token"));
		assert_true(sasl_is_token(gw_str(cases[i].name)));
		assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
		expect_str(out, cases[i].first);
		expect_str(sasl_complaint(sasl), "");
		/* what is wrong with it, as JSON */
		assert_int_equal(sasl_step(sasl, LIT("eyJzdGF0dXMiOiI0MDAifQ=="), &out), SASL_DONE);
		expect_str(out, cases[i].finish);
		expect_str(sasl_complaint(sasl), "{\"status\":\"400\"}");
		assert_int_equal(sasl_step(sasl, LIT("AAAA"), &out), SASL_BAD);
		sasl_destroy(sasl);
	}
	assert_false(sasl_is_token(LIT("PLAIN")));
}

/* What could begin a field of its own, or end the line. */
static void test_tokens_that_cannot_be_said(void **state)
{
	static char long_token[SASL_LINE_MAX];
	struct sasl *sasl;
	struct gw_str out;

	assert_null(sasl_client_create(LIT("XOAUTH2"), LIT("a\001auth=x"), LIT("token")));
	assert_null(sasl_client_create(LIT("XOAUTH2"), LIT("a"), LIT("to ken")));
	assert_null(sasl_client_create(LIT("XOAUTH2"), LIT("a"), LIT("token\r\nQUIT")));
	assert_null(sasl_client_create(LIT("OAUTHBEARER"), LIT("a"), LIT("")));
	memset(long_token, 'x', sizeof long_token - 1);
	sasl = sasl_client_create(LIT("XOAUTH2"), LIT("a"), gw_str(long_token));
	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_BAD);
	sasl_destroy(sasl);
}

static void test_what_is_not_created(void **state)
{
	assert_null(sasl_server_create(LIT("CRAM-MD5")));
	assert_null(sasl_server_create(LIT("PLAI")));
	assert_null(sasl_server_create(LIT("PLAIN\0")));
	assert_null(sasl_server_create(LIT("")));
	assert_null(sasl_client_create(LIT("NTLM"), LIT("a"), LIT("b")));
	assert_null(sasl_client_create(LIT("PLAIN"), LIT(""), LIT("b")));
	assert_null(sasl_client_create(LIT("PLAIN"), LIT("a\0"), LIT("b")));
	assert_null(sasl_client_create(LIT("PLAIN"), LIT("a"), LIT("b\0c")));
	sasl_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers_take_complete_credentials),
		cmocka_unit_test(test_what_servers_ask),
		cmocka_unit_test(test_odd_lines_are_refused),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_a_client_and_a_server_agree),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_tokens_that_cannot_be_said),
		cmocka_unit_test(test_what_is_not_created),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
