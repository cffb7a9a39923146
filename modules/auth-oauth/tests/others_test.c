/* others_test.c - what an end point repeats of what it was asked with, and relays that log in
 * otherwise. */
#include "office.h"

/* Longer than what is kept of an answer, as some providers' refresh tokens are. */
static void a_secret_that_is_repeated_is_told_nobody(void **state)
{
	struct testkit *kit = office("client_credentials");
	char secret[701], json[1000];

	memset(secret, 'x', sizeof secret - 1);
	memcpy(secret, "SECRET-and-then-", 16);
	secret[sizeof secret - 1] = '\0';
	testkit_relay_option(relay, "auth.client_secret", secret);
	assert_int_equal(testkit_start(kit), 0);
	testkit_run_tick(kit);
	assert_true(asked(kit, "SECRET-and-then-"));
	snprintf(json, sizeof json,
		 "{\"error\":\"invalid_client\",\"error_description\":\"it is not %s\"}", secret);
	assert_true(testkit_run_http(kit, 401, "", json));
	testkit_run_tick(kit);
	assert_true(testkit_has(kit, TESTKIT_LOG, "invalid_client"));
	keeps_secrets(kit);
	assert_null(strstr(testkit_closed(relay)->why.ptr, "SECRET"));
	testkit_destroy(kit);
}

/* It was closed for want of a token, and then the configuration said otherwise. */
static void a_relay_that_logs_in_by_password_is_opened(void **state)
{
	struct testkit *kit = office("login");

	testkit_relay_option(relay, "auth.method", "password");
	testkit_close(relay, GW_CAUSE_FAILURE, 0, "auth-oauth", "needs a login");
	assert_int_equal(testkit_start(kit), 0);
	testkit_run_tick(kit);
	assert_null(testkit_closed(relay));
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_that_is_repeated_is_told_nobody),
		cmocka_unit_test(a_relay_that_logs_in_by_password_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
