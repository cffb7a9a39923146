/* sasl_token_test.c - logins with a token as a server sees them (RFC 7628). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "smtp/sasl.h"

#include <gsasl.h>
#include <stdlib.h>

static const struct {
	const char *mechanism, *said; /* before base64; '^' is \001 */
	const char *user, *token;     /* token NULL: it is refused */
} rows[] = {
	{ "XOAUTH2", "user=a@b.example^auth=Bearer abc.def^^", "a@b.example", "abc.def" },
	{ "xoauth2", "user=a@b.example^auth=bearer abc^^", "a@b.example", "abc" },
	{ "OAUTHBEARER", "n,a=a@b.example,^auth=Bearer abc^^", "a@b.example", "abc" },
	{ "OAUTHBEARER", "n,a=a=2Cb=3Dc,^host=x^port=587^auth=Bearer abc^^", "a,b=c", "abc" },
	{ "OAUTHBEARER", "n,,^auth=Bearer abc^^", "", "abc" },
	{ "OAUTHBEARER", "y,,^auth=Bearer abc^^", "", "abc" },
	{ "XOAUTH2", "user=^auth=Bearer abc^^", NULL, NULL },
	{ "XOAUTH2", "auth=Bearer abc^^", NULL, NULL },
	{ "XOAUTH2", "user=a^auth=Basic abc^^", NULL, NULL },
	{ "XOAUTH2", "user=a^^", NULL, NULL },
	{ "XOAUTH2", "user=a^auth=Bearer ^^", NULL, NULL },
	{ "XOAUTH2", "user=a^auth=Bearer a b^^", NULL, NULL },
	{ "XOAUTH2", "user=a^auth=Bearer abc", NULL, NULL },
	{ "XOAUTH2", "user=a^auth=Bearer abc^^more", NULL, NULL },
	{ "XOAUTH2", "user=a^auth=Bearer abc^auth=Bearer def^^", NULL, NULL },
	{ "XOAUTH2", "user=a\nb^auth=Bearer abc^^", NULL, NULL },
	{ "OAUTHBEARER", "p=tls-exporter,a=a,^auth=Bearer abc^^", NULL, NULL },
	{ "OAUTHBEARER", "n,a=,^auth=Bearer abc^^", NULL, NULL },
	{ "OAUTHBEARER", "n,a=a=41,^auth=Bearer abc^^", NULL, NULL },
	{ "OAUTHBEARER", "n,a=a^auth=Bearer abc^^", NULL, NULL },
	{ "OAUTHBEARER", "user=a^auth=Bearer abc^^", NULL, NULL },
	{ "OAUTHBEARER", "^", NULL, NULL },
	{ "OAUTHBEARER", "", NULL, NULL },
};

static char *encode(const char *said)
{
	char *copy = strdup(said), *line;
	size_t len;

	for (char *at = copy; *at; at++)
		*at = *at == '^' ? '\001' : *at;
	assert_int_equal(gsasl_base64_to(copy, strlen(copy), &line, &len), GSASL_OK);
	free(copy);
	return line;
}

static void what_a_client_says_is_read(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int initial = 0; initial < 2; initial++) {
			struct sasl *sasl = sasl_server_create(gw_str(rows[i].mechanism));
			char *line = encode(*rows[i].said ? rows[i].said : "x");
			struct gw_str out;

			assert_non_null(sasl);
			if (!initial)
				assert_int_equal(sasl_step(sasl, gw_str(""), &out), SASL_MORE);
			if ((sasl_step(sasl, gw_str(line), &out) == SASL_DONE) !=
			    (rows[i].token != NULL))
				fail_msg("%s", rows[i].said);
			if (rows[i].token) {
				const struct sasl_login *login = sasl_login(sasl);

				assert_true(gw_str_eq(login->user, gw_str(rows[i].user)));
				assert_true(gw_str_eq(login->secret, gw_str(rows[i].token)));
				assert_int_equal(login->proof, SASL_PROOF_NONE);
			}
			assert_int_equal(sasl_step(sasl, gw_str(line), &out), SASL_BAD);
			gsasl_free(line);
			sasl_destroy(sasl);
		}
}

static void a_refusal_says_why(void **state)
{
	static const struct {
		const char *mechanism, *scope, *said;
	} cases[] = {
		{ "OAUTHBEARER", "smtp", "{\"status\":\"invalid_token\",\"scope\":\"smtp\"}" },
		{ "OAUTHBEARER", "", "{\"status\":\"invalid_token\"}" },
		{ "OAUTHBEARER", "a\"b\\c\r\nd",
		  "{\"status\":\"invalid_token\",\"scope\":\"abcd\"}" },
		{ "XOAUTH2", "smtp",
		  "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"smtp\"}" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sasl *sasl = sasl_server_create(gw_str(cases[i].mechanism));
		struct gw_str line = sasl_refuse_token(sasl, gw_str("invalid_token"),
						       gw_str(cases[i].scope));
		char *text;
		size_t len;

		assert_int_equal(gsasl_base64_from(line.ptr, line.len, &text, &len), GSASL_OK);
		assert_int_equal(len, strlen(cases[i].said));
		assert_memory_equal(text, cases[i].said, len);
		gsasl_free(text);
		sasl_destroy(sasl);
	}
	struct sasl *plain = sasl_server_create(gw_str("PLAIN"));
	assert_int_equal(sasl_refuse_token(plain, gw_str("x"), gw_str("")).len, 0);
	sasl_destroy(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_client_says_is_read),
		cmocka_unit_test(a_refusal_says_why),
	};

	sasl_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
