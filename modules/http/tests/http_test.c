/* Tokens, and what of the configuration is refused. */
#include "token.h"

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HASH "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" /* "foo" */

static void a_token_is_known_by_its_hash(void **state)
{
	static const struct token_conf tokens[] = { { .name = GW_STR("a"), .hash = GW_STR(HASH) },
						    { .name = GW_STR("b"),
						      .hash = GW_STR("sha256:00") } };
	struct http_conf conf = { .tokens = { tokens, 2 } };
	static const char *const wrong[] = { "",          "foo",          "Bearer ", "Bearer fo",
					     "Basic foo", "Bearer foo x", "Bearer" };
	char token[TOKEN_TEXT], hash[TOKEN_HASH], other[TOKEN_TEXT];
	size_t i;

	(void)state;
	assert_ptr_equal(token_find(&conf, gw_str("Bearer foo")), &tokens[0]);
	assert_ptr_equal(token_find(&conf, gw_str("bearer  foo ")), &tokens[0]);
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_null(token_find(&conf, gw_str(wrong[i])));
	token_hash_write(gw_str("foo"), hash);
	assert_string_equal(hash, HASH);
	assert_true(token_make(token) && token_make(other));
	assert_int_equal(strlen(token), 46);
	assert_string_not_equal(token, other);
}

static void where_it_listens_is_this_machine(void **state)
{
	static const char *const right[] = { "127.0.0.1:8025", "127.1.2.3:1", "[::1]:65535",
					     "unix:/run/gateway/http.sock" },
				 *const wrong[] = {
					 "",          "8025",         "0.0.0.0:8025",    "[::]:1",
					 "127.0.0.1", "127.0.0.1:0",  "127.0.0.1:65536", "::1:80",
					 "unix:x",    "localhost:80", "127.0.0.1:80x",   "[::1]",
					 "[",         "10.0.0.1:80"
				 };
	struct listen_address address;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof right / sizeof *right; i++)
		assert_true(listen_address_read(gw_str(right[i]), &address));
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(listen_address_read(gw_str(wrong[i]), &address));
}

static void what_is_wrong_is_told_with_its_key(void **state)
{
	static const struct {
		const char *key, *value, *told;
	} cases[] = {
		{ "listen", "0.0.0.0:1", "error: listen: \"0.0.0.0:1\"" },
		{ "tokens[0].hash", "gw_secret", "error: tokens[0].hash: the hash of \"a\"" },
		{ "tokens[1].name", "a", "error: tokens[1].name: two tokens" },
		{ "webhooks[0].url", "http://hooks.example.com/",
		  "webhooks[0].url: webhook \"w\": events go by https" },
		{ "webhooks[0].url", "https://127.0.0.1/x", "that address is private" },
		{ "webhooks[0].url", "https://[::ffff:10.0.0.1]/", "that address is private" },
		{ "webhooks[0].url", "https://localhost:8443/", "that address is private" },
		{ "webhooks[0].url", "file:///etc/passwd", "webhooks[0].url: webhook" },
		{ "webhooks[0].url", "hooks", "webhooks[0].url" },
		{ "webhooks[0].secret", "short", "webhooks[0].secret: webhook \"w\": the secret" }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);

		testkit_option(kit, "tokens[0].name", "a");
		testkit_option(kit, "tokens[0].hash", HASH);
		testkit_option(kit, "tokens[1].name", "b");
		testkit_option(kit, "tokens[1].hash", HASH);
		testkit_option(kit, "webhooks[0].name", "w");
		testkit_option(kit, "webhooks[0].url", "https://hooks.example.com/x");
		testkit_option(kit, "webhooks[0].secret", "0123456789abcdef");
		testkit_option(kit, cases[i].key, cases[i].value);
		assert_int_equal(testkit_start(kit), -1);
		assert_true(testkit_has(kit, TESTKIT_PROBLEM, cases[i].told));
		assert_false(testkit_has(kit, TESTKIT_PROBLEM, "gw_secret"));
		testkit_destroy(kit);
	}
}

static void a_new_token_is_shown_once_with_its_row(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	(void)state;
	assert_int_equal(testkit_start(kit), 0);
	testkit_run_control(kit, "token crm", true);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"token\":\"gw_"));
	assert_true(testkit_has(kit, TESTKIT_REPLY, "name = \\\"crm\\\"; hash = \\\"sha256:"));
	testkit_run_control(kit, "token", true);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "token NAME"));
	testkit_destroy(kit);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_known_by_its_hash),
		cmocka_unit_test(where_it_listens_is_this_machine),
		cmocka_unit_test(what_is_wrong_is_told_with_its_key),
		cmocka_unit_test(a_new_token_is_shown_once_with_its_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
