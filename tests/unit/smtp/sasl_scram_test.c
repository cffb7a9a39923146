#include "smtp/sasl.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define LIT(text) gw_str_n((text), sizeof(text) - 1)
#define SECRET "p\xc3\xa4sswort"

static int start(void **state)
{
	return sasl_init();
}

/* What a users file has of SECRET. */
static char stored[SASL_KEY], server_key[SASL_KEY];
static const struct sasl_keys keys = {
	4096, GW_STR("0123456789abcdef"), { stored, SASL_KEY }, { server_key, SASL_KEY }
};

static void make_keys(const char *secret)
{
	char salted[SASL_KEY], client_key[SASL_KEY];

	assert_int_equal(gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, secret, 4096,
							   keys.salt.ptr, keys.salt.len, salted,
							   client_key, server_key, stored),
			 GSASL_OK);
}

/* One exchange, both sides ours. */
struct pair {
	struct sasl *client, *server;
	char line[512];
};

static void pair_begin(struct pair *pair, const char *mechanism, const char *secret)
{
	pair->client = sasl_client_create(gw_str(mechanism), LIT("j\xc3\xbcrgen,=x"),
					  gw_str(secret));
	pair->server = sasl_server_create(gw_str(mechanism));
	assert_non_null(pair->client);
	assert_non_null(pair->server);
}

static void pair_end(struct pair *pair)
{
	sasl_destroy(pair->client);
	sasl_destroy(pair->server);
}

static struct gw_str carried(struct pair *pair, struct gw_str line)
{
	assert_true(line.len < sizeof(pair->line));
	memcpy(pair->line, line.ptr, line.len);
	return gw_str_n(pair->line, line.len);
}

/* Until the server has the client's name. */
static enum sasl_state say_first(struct pair *pair)
{
	struct gw_str out;

	assert_int_equal(sasl_step(pair->client, LIT(""), &out), SASL_MORE);
	return sasl_step(pair->server, carried(pair, out), &out);
}

/* Until the server has the client's proof: what it makes of it. */
static enum sasl_state say_proof(struct pair *pair, struct gw_str *out)
{
	char salted[SASL_KEY];

	assert_true(sasl_give_keys(pair->server, &keys));
	assert_int_equal(sasl_proceed(pair->server, out), SASL_MORE);
	assert_int_equal(sasl_step(pair->client, carried(pair, *out), out), SASL_ASK);
	assert_true(sasl_salt(sasl_salting(pair->client), sasl_secret(pair->client), salted));
	assert_int_equal(sasl_salted(pair->client, salted, out), SASL_MORE);
	assert_false(sasl_is_done(pair->client));
	return sasl_step(pair->server, carried(pair, *out), out);
}

static void bind_both(struct pair *pair, const char *clients, const char *servers)
{
	struct sasl_binding one = { gw_str(clients), gw_str("") },
			    other = { gw_str(servers), gw_str("") };

	assert_int_equal(sasl_bind(pair->client, &one), 0);
	assert_int_equal(sasl_bind(pair->server, &other), 0);
}

static void test_both_sides_prove_that_they_know_the_password(void **state)
{
	static const char *const mechanisms[] = { "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS" };
	struct gw_str out;
	struct pair pair;
	size_t i;

	make_keys(SECRET);
	for (i = 0; i < 2; i++) {
		pair_begin(&pair, mechanisms[i], SECRET);
		if (i == 1)
			bind_both(&pair, "this link", "this link");
		assert_int_equal(say_first(&pair), SASL_ASK);
		assert_true(gw_str_eq(sasl_login(pair.server)->user, LIT("j\xc3\xbcrgen,=x")));
		assert_int_equal(sasl_login(pair.server)->secret.len, 0);
		assert_int_equal(say_proof(&pair, &out), SASL_MORE);
		assert_int_equal(sasl_login(pair.server)->proof, SASL_PROOF_WANTED);
		assert_int_equal(sasl_step(pair.client, carried(&pair, out), &out), SASL_DONE);
		assert_int_equal(out.len, 0);
		assert_true(sasl_is_done(pair.client));
		assert_int_equal(sasl_step(pair.server, LIT(""), &out), SASL_DONE);
		assert_int_equal(sasl_login(pair.server)->proof, SASL_PROOF_RIGHT);
		assert_true(gw_str_eq(sasl_login(pair.server)->user, LIT("j\xc3\xbcrgen,=x")));
		pair_end(&pair);
	}
}

static void test_a_wrong_password_and_another_link_are_wrong_proofs(void **state)
{
	static const struct {
		const char *mechanism, *secret, *client, *server;
	} cases[] = {
		{ "SCRAM-SHA-256", "wrong", NULL, NULL },
		{ "SCRAM-SHA-256-PLUS", "wrong", "this link", "this link" },
		{ "SCRAM-SHA-256-PLUS", SECRET, "this link", "that link" },
		{ "SCRAM-SHA-256-PLUS", SECRET, "this link", "this link and more" },
	};
	struct gw_str out;
	struct pair pair;
	size_t i;

	make_keys(SECRET);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair_begin(&pair, cases[i].mechanism, cases[i].secret);
		if (cases[i].client)
			bind_both(&pair, cases[i].client, cases[i].server);
		assert_int_equal(say_first(&pair), SASL_ASK);
		assert_int_equal(say_proof(&pair, &out), SASL_DONE);
		assert_int_equal(sasl_login(pair.server)->proof, SASL_PROOF_WRONG);
		assert_int_equal(out.len, 0);
		assert_int_equal(sasl_step(pair.server, LIT(""), &out), SASL_BAD);
		pair_end(&pair);
	}
}

static void test_nothing_goes_on_without_keys(void **state)
{
	struct sasl_keys bad = keys;
	struct gw_str out;
	struct pair pair;

	make_keys(SECRET);
	pair_begin(&pair, "SCRAM-SHA-256", SECRET);
	assert_int_equal(say_first(&pair), SASL_ASK);
	assert_int_equal(sasl_step(pair.server, LIT("QUJD"), &out), SASL_BAD);
	pair_end(&pair);
	pair_begin(&pair, "SCRAM-SHA-256", SECRET);
	assert_int_equal(say_first(&pair), SASL_ASK);
	bad.stored_key.len--;
	assert_false(sasl_give_keys(pair.server, &bad));
	assert_int_equal(sasl_proceed(pair.server, &out), SASL_BAD);
	assert_int_equal(sasl_step(pair.server, LIT(""), &out), SASL_BAD);
	pair_end(&pair);
}

static struct gw_str base64(char *room, size_t size, const char *text)
{
	char *line = NULL;
	size_t len;

	assert_int_equal(gsasl_base64_to(text, strlen(text), &line, &len), GSASL_OK);
	assert_true(len < size);
	memcpy(room, line, len);
	gsasl_free(line);
	return gw_str_n(room, len);
}

static void test_first_messages_that_a_server_does_not_take(void **state)
{
	static const char *const messages[] = {
		"",
		"n",
		"n,,",
		"n,,n=anna",
		"n,,n=,r=abc",
		"x,,n=a,r=b",
		"n,,n=a\nb,r=c",
		"p=tls-unique,,n=a,r=b",
		"n,,m=x,n=a,r=b",
		"n,a=b\r,n=a,r=b",
	};
	char room[512];
	struct gw_str out;
	size_t i;

	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct sasl *sasl = sasl_server_create(LIT("SCRAM-SHA-256-PLUS"));
		struct gw_str line = i == 0 ? LIT("=") : base64(room, sizeof(room), messages[i]);

		if (sasl_step(sasl, line, &out) != SASL_BAD)
			fail_msg("bound: \"%s\" is taken", messages[i]);
		sasl_destroy(sasl);
		if (messages[i][0] == 'p')
			continue; /* who binds to what is not asked for fails at the proof */
		sasl = sasl_server_create(LIT("SCRAM-SHA-256"));
		if (sasl_step(sasl, line, &out) != SASL_BAD)
			fail_msg("\"%s\" is taken", messages[i]);
		sasl_destroy(sasl);
	}
}

/* Who is between took the bound form off the list: the client says ("y") that it saw none, and the
 * server knows better. One that cannot be bound says so ("n"). */
static void test_a_bound_form_taken_off_the_list_is_found_out(void **state)
{
	static const struct {
		const char *message, *binding;
		enum sasl_state state;
	} cases[] = {
		{ "y,,n=anna,r=abc", "this link", SASL_BAD },
		{ "n,,n=anna,r=abc", "this link", SASL_ASK },
		{ "y,,n=anna,r=abc", "", SASL_ASK },
	};
	char room[64];
	struct gw_str out;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl *sasl = sasl_server_create(LIT("SCRAM-SHA-256"));
		struct sasl_binding binding = { gw_str(cases[i].binding), gw_str("") };

		assert_int_equal(sasl_bind(sasl, &binding), 0);
		assert_int_equal(
			sasl_step(sasl, base64(room, sizeof(room), cases[i].message), &out),
			cases[i].state);
		sasl_destroy(sasl);
	}
}

/* A next hop must not have a thread work for hours, nor get at the password by a cheap hash. */
static void test_what_a_client_lets_a_server_ask_for(void **state)
{
	static const struct {
		const char *rest;
		enum sasl_state state;
	} cases[] = {
		{ "s=c2FsdA==,i=4096", SASL_ASK },
		{ "s=c2FsdA==,i=2000000", SASL_ASK },
		{ "s=c2FsdA==,i=4095", SASL_BAD },
		{ "s=c2FsdA==,i=2000001", SASL_BAD },
		{ "s=c2FsdA==,i=99999999999", SASL_BAD },
		{ "s=c2FsdA==,i=-1", SASL_BAD },
		{ "s=c2FsdA==,i=0x2000", SASL_BAD },
		{ "s=c2FsdA==,i=", SASL_BAD },
		{ "s=c2FsdA==", SASL_BAD },
		{ "s=,i=4096", SASL_BAD },
		{ "s=!!!!,i=4096", SASL_BAD },
		{ "i=4096", SASL_BAD },
		{ "", SASL_BAD },
	};
	char text[256], room[512];
	struct gw_str out;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl *sasl = sasl_client_create(LIT("SCRAM-SHA-256"), LIT("a"), LIT("b"));

		assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
		snprintf(text, sizeof(text), "r=abc,%s", cases[i].rest);
		if (sasl_step(sasl, base64(room, sizeof(room), text), &out) != cases[i].state)
			fail_msg("%s", cases[i].rest);
		sasl_destroy(sasl);
	}
}

/* Somebody else's nonce, and a server that does not know the password. */
static void test_a_client_does_not_believe_a_server_that_proves_nothing(void **state)
{
	char salted[SASL_KEY], room[512];
	struct gw_str out;
	struct pair pair;
	struct sasl *sasl = sasl_client_create(LIT("SCRAM-SHA-256"), LIT("a"), LIT("b"));

	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
	assert_int_equal(
		sasl_step(sasl, base64(room, sizeof(room), "r=abc,s=c2FsdA==,i=4096"), &out),
		SASL_ASK);
	assert_true(sasl_salt(sasl_salting(sasl), sasl_secret(sasl), salted));
	assert_int_equal(sasl_salted(sasl, salted, &out), SASL_BAD);
	sasl_destroy(sasl);
	make_keys(SECRET);
	pair_begin(&pair, "SCRAM-SHA-256", SECRET);
	assert_int_equal(say_first(&pair), SASL_ASK);
	assert_int_equal(say_proof(&pair, &out), SASL_MORE);
	assert_int_equal(sasl_step(pair.client,
				   base64(room, sizeof(room),
					  "v=rmF9pqV8S7suAoZWja4dJRkFsKQm2Bp+c9i1sSb2cZk="),
				   &out),
			 SASL_BAD);
	assert_false(sasl_is_done(pair.client));
	pair_end(&pair);
}

static void test_cram_md5_is_for_clients(void **state)
{
	struct sasl *sasl = sasl_client_create(LIT("CRAM-MD5"), LIT("tim"),
					       LIT("tanstaaftanstaaf"));
	char room[128], *text = NULL;
	struct gw_str out;
	size_t len;

	assert_int_equal(sasl_step(sasl, LIT(""), &out), SASL_MORE);
	assert_int_equal(out.len, 0);
	assert_int_equal(
		sasl_step(sasl,
			  base64(room, sizeof(room), "<1896.697170952@postoffice.reston.mci.net>"),
			  &out),
		SASL_DONE);
	assert_int_equal(gsasl_base64_from(out.ptr, out.len, &text, &len), GSASL_OK);
	assert_true(gw_str_eq(gw_str_n(text, len), LIT("tim b913a602c7eda7a495b4e6e7334d3890")));
	gsasl_free(text);
	sasl_destroy(sasl);
	assert_null(sasl_server_create(LIT("CRAM-MD5")));
	assert_false(sasl_server_has((size_t)sasl_mechanism_number(LIT("cram-md5"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_prove_that_they_know_the_password),
		cmocka_unit_test(test_a_wrong_password_and_another_link_are_wrong_proofs),
		cmocka_unit_test(test_a_bound_form_taken_off_the_list_is_found_out),
		cmocka_unit_test(test_nothing_goes_on_without_keys),
		cmocka_unit_test(test_first_messages_that_a_server_does_not_take),
		cmocka_unit_test(test_what_a_client_lets_a_server_ask_for),
		cmocka_unit_test(test_a_client_does_not_believe_a_server_that_proves_nothing),
		cmocka_unit_test(test_cram_md5_is_for_clients),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
