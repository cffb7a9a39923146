/* token_test.c - a token's life: got, kept, renewed ahead of its end, replaced when it is refused,
 * and what happens when there is none to be had. */
#include "office.h"

#define WAITING 1000

static void one_request_serves_all_that_wait(void **state)
{
	struct testkit *kit = office("client_credentials");
	struct gw_delivery *deliveries[WAITING];
	struct stat status;

	assert_int_equal(testkit_start(kit), 0);
	for (int i = 0; i < WAITING; i++) {
		deliveries[i] = delivery_of(kit);
		assert_int_equal(log_in(kit, deliveries[i]), GW_PENDING);
	}
	assert_int_equal(testkit_requests(kit), 1);
	assert_string_equal(testkit_request(kit)->url.ptr, "https://login.example/token");
	assert_string_equal(
		testkit_request(kit)->body.ptr,
		"grant_type=client_credentials&scope=smtp.send%20offline&client_id=app-1&client_secret=SECRET-client");
	token(kit, "SECRET-one", NULL, 3600);
	for (int i = 0; i < WAITING; i++) {
		assert_int_equal(testkit_resume(kit, 5000), GW_ACCEPT);
	}
	for (int i = 0; i < WAITING; i++) {
		assert_string_equal(testkit_login(deliveries[i])->secret.ptr, "SECRET-one");
		assert_string_equal(testkit_login(deliveries[i])->mechanism.ptr, "XOAUTH2");
		assert_string_equal(testkit_login(deliveries[i])->user.ptr, "relay@example.com");
	}
	assert_int_equal(testkit_requests(kit), 0);
	assert_int_equal(stat(testkit_file(kit, "oauth/m365.token", NULL), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	keeps_secrets(kit);
	testkit_destroy(kit);
}

static void a_token_is_renewed_ahead_of_its_end(void **state)
{
	struct testkit *kit = logged_in("login");
	struct gw_delivery *delivery = delivery_of(kit);

	assert_int_equal(log_in(kit, delivery), GW_ACCEPT);
	assert_string_equal(testkit_login(delivery)->secret.ptr, "SECRET-one");
	testkit_advance(kit, 49 * MINUTE);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_advance(kit, 2 * MINUTE);
	testkit_run_tick(kit);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 1);
	assert_true(asked(kit, "grant_type=refresh_token&refresh_token=SECRET-r1&client_id=app-1"));
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_ACCEPT); /* meanwhile */
	token(kit, "SECRET-two", "SECRET-r2", 3600);
	assert_true(gives(kit, "SECRET-two"));
	assert_true(file_gets(kit, "SECRET-r2")); /* rotated: kept before it is used */
	assert_null(strstr(file_text(kit), "SECRET-r1"));
	testkit_advance(kit, 51 * MINUTE);
	testkit_run_tick(kit);
	assert_true(asked(kit, "refresh_token=SECRET-r2&"));
	token(kit, "SECRET-three", NULL, 3600); /* not rotated: the one before stays */
	assert_true(gives(kit, "SECRET-three"));
	assert_true(file_gets(kit, "SECRET-r2"));
	keeps_secrets(kit);
	testkit_destroy(kit);
}

static void a_restart_needs_no_new_token(void **state)
{
	struct testkit *kit = logged_in("login");

	testkit_run_tick(kit);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_ACCEPT);
	testkit_restart(kit);
	testkit_run_tick(kit);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_ACCEPT);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_destroy(kit);
}

static void an_end_point_that_is_down_is_asked_less_and_less(void **state)
{
	static const int waits[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	struct testkit *kit = logged_in("login");

	testkit_advance(kit, 51 * MINUTE);
	testkit_run_tick(kit);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		assert_int_equal(testkit_requests(kit), 1);
		assert_true(testkit_run_http(kit, i % 2 ? 503 : 0, "", "<html>SECRET-no"));
		assert_int_equal(log_in(kit, delivery_of(kit)), i < 4 ? GW_ACCEPT : GW_NEXT);
		testkit_run_tick(kit);
		assert_int_equal(testkit_requests(kit), 0);
		testkit_advance(kit, waits[i] * MINUTE - 1000);
		testkit_run_tick(kit);
		assert_int_equal(testkit_requests(kit), 0);
		/* closed only once the old token has ended */
		assert_int_equal(testkit_closed(relay) != NULL, i >= 3);
		testkit_advance(kit, 1000);
		testkit_run_tick(kit);
	}
	assert_int_equal(testkit_submissions(kit), 0); /* nobody has to do anything */
	token(kit, "SECRET-two", NULL, 3600);
	assert_true(gives(kit, "SECRET-two"));
	testkit_run_tick(kit);
	assert_null(testkit_closed(relay));
	testkit_destroy(kit);
}

static void retry_after_is_kept(void **state)
{
	struct testkit *kit = logged_in("login");

	testkit_advance(kit, 51 * MINUTE);
	testkit_run_tick(kit);
	testkit_run_http(kit, 429, "Retry-After: 300", "");
	testkit_advance(kit, 299000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_advance(kit, 1000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 1);
	testkit_destroy(kit);
}

static void who_cannot_get_a_token_needs_a_login(void **state)
{
	static const char *const errors[] = { "invalid_grant", "invalid_client",
					      "unauthorized_client" };

	for (size_t i = 0; i < 3; i++) {
		struct testkit *kit = logged_in("login");

		testkit_advance(kit, 51 * MINUTE);
		testkit_run_tick(kit);
		no(kit, 400, errors[i]);
		assert_non_null(testkit_closed(relay));
		assert_int_equal(testkit_closed(relay)->until, 0);
		assert_int_equal(testkit_closed(relay)->cause, GW_CAUSE_FAILURE);
		assert_non_null(strstr(testkit_closed(relay)->why.ptr, errors[i]));
		assert_true(testkit_has(kit, TESTKIT_EVENT, "relay-needs-login"));
		assert_int_equal(testkit_submissions(kit), 1);
		assert_int_equal(log_in(kit, delivery_of(kit)), GW_NEXT);
		testkit_run_tick(kit);
		testkit_run_status(kit);
		assert_true(testkit_has(kit, TESTKIT_STATUS, "m365: needs login"));
		assert_int_equal(testkit_submissions(kit), 1);
		testkit_restart(kit); /* tried once more, and no second mail */
		testkit_run_tick(kit);
		no(kit, 400, errors[i]);
		assert_int_equal(testkit_submissions(kit), 1);
		assert_non_null(testkit_closed(relay));
		keeps_secrets(kit);
		testkit_destroy(kit);
	}
}

static void waiting_mail_goes_on_by_itself_after_all(void **state)
{
	struct testkit *kit = logged_in("login");

	testkit_advance(kit, 61 * MINUTE);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_PENDING);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_PENDING);
	no(kit, 400, "invalid_grant");
	assert_int_equal(testkit_resume(kit, 5000), GW_NEXT);
	assert_int_equal(testkit_resume(kit, 5000), GW_NEXT);
	testkit_advance(kit, 61 * MINUTE); /* looked at again now and then */
	testkit_run_tick(kit);
	token(kit, "SECRET-two", NULL, 3600);
	assert_true(gives(kit, "SECRET-two"));
	testkit_run_tick(kit);
	assert_null(testkit_closed(relay));
	assert_true(testkit_has(kit, TESTKIT_EVENT, "relay-login"));
	testkit_destroy(kit);
}

static void a_refused_token_is_replaced_once(void **state)
{
	struct testkit *kit = logged_in("login");
	struct gw_delivery *first = delivery_of(kit), *second = delivery_of(kit);

	assert_int_equal(log_in(kit, first), GW_ACCEPT);
	assert_int_equal(log_in(kit, second), GW_ACCEPT);
	testkit_advance(kit, 2 * MINUTE);
	testkit_delivery_fact(first, GW_DELIVERY_LOGIN_REFUSED, "535 5.7.3 no");
	testkit_delivery_fact(second, GW_DELIVERY_LOGIN_REFUSED, "535 5.7.3 no");
	assert_int_equal(log_in(kit, first), GW_PENDING);
	assert_int_equal(log_in(kit, second), GW_PENDING);
	assert_int_equal(testkit_requests(kit), 1);
	token(kit, "SECRET-two", NULL, 3600);
	assert_int_equal(testkit_resume(kit, 5000), GW_ACCEPT);
	assert_int_equal(testkit_resume(kit, 5000), GW_ACCEPT);
	assert_string_equal(testkit_login(second)->secret.ptr, "SECRET-two");
	/* and that one too: the token is young, the fault lies elsewhere */
	assert_int_equal(log_in(kit, first), GW_CONTINUE);
	assert_int_equal(testkit_requests(kit), 0);
	testkit_destroy(kit);
}

static void who_was_refused_with_the_token_before_gets_the_new_one(void **state)
{
	struct testkit *kit = logged_in("login");
	struct gw_delivery *late = delivery_of(kit);

	assert_int_equal(log_in(kit, late), GW_ACCEPT);
	testkit_advance(kit, 51 * MINUTE);
	testkit_run_tick(kit);
	token(kit, "SECRET-two", NULL, 3600);
	assert_true(gives(kit, "SECRET-two"));
	testkit_delivery_fact(late, GW_DELIVERY_LOGIN_REFUSED, "535 5.7.3 no");
	assert_int_equal(log_in(kit, late), GW_ACCEPT);
	assert_string_equal(testkit_login(late)->secret.ptr, "SECRET-two");
	testkit_destroy(kit);
}

static void a_clock_that_is_off_harms_nothing(void **state)
{
	struct testkit *kit = logged_in("login");

	testkit_advance(kit, 30 * MINUTE);
	testkit_set_time(kit,
			 1767225600000LL - 10 * MINUTE); /* set back behind the token's making */
	testkit_run_tick(kit);
	assert_int_equal(testkit_requests(kit), 1);
	token(kit, "SECRET-two", NULL, 3600);
	assert_true(gives(kit, "SECRET-two"));
	testkit_destroy(kit);
}

static void sealed_files_are_read_with_their_key_alone(void **state)
{
	static const char *const keys[] = {
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	};
	struct testkit *kit = logged_in("login");

	assert_true(file_gets(kit, "SECRET-r1"));
	testkit_option(kit, "seal", keys[0]);
	testkit_restart(kit); /* what lies there in clear is sealed */
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_ACCEPT);
	testkit_run_tick(kit);
	testkit_advance(kit, 51 * MINUTE);
	testkit_run_tick(kit);
	token(kit, "SECRET-two", NULL, 3600);
	assert_true(gives(kit, "SECRET-two"));
	assert_true(file_gets(kit, "GWSEAL1"));
	testkit_restart(kit);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_ACCEPT);
	testkit_option(kit, "seal", keys[1]);
	testkit_restart(kit);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "sealed with another key"));
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_NEXT);
	assert_true(file_gets(kit, "GWSEAL1")); /* not lost */
	testkit_option(kit, "seal", keys[0]);
	testkit_restart(kit);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_ACCEPT);
	testkit_destroy(kit);
}

static void a_file_that_others_may_read_is_not_taken(void **state)
{
	struct testkit *kit = logged_in("login");

	chmod(testkit_file(kit, "oauth/m365.token", NULL), 0644);
	testkit_restart(kit);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "others may read it"));
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_NEXT);
	testkit_destroy(kit);
}

static void a_disk_that_takes_nothing_stops_no_mail(void **state)
{
	struct testkit *kit = office("client_credentials");

	testkit_file(kit, "oauth", "a file where the folder should be");
	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_PENDING);
	token(kit, "SECRET-one", NULL, 3600);
	assert_int_equal(testkit_resume(kit, 5000), GW_ACCEPT);
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "cannot be stored"));
	unlink(testkit_file(kit, "oauth", NULL));
	testkit_advance(kit, MINUTE);
	testkit_run_tick(kit);
	assert_true(file_gets(kit, "SECRET-one"));
	testkit_destroy(kit);
}

static void a_stop_leaves_nobody_behind(void **state)
{
	struct testkit *kit = logged_in("login");

	testkit_advance(kit, 61 * MINUTE);
	assert_int_equal(log_in(kit, delivery_of(kit)), GW_PENDING);
	testkit_destroy(kit); /* a leak is seen by the sanitizer */
}

static void what_cannot_work_is_told_at_the_start(void **state)
{
	static const char *const cases[][3] = {
		{ "auth.token_url", "http://login.example/", "https://" },
		{ "auth.user", "", "needs user" },
		{ "auth.client_id", "", "client_id" },
	};

	for (size_t i = 0; i < 3; i++) {
		struct testkit *kit = office("client_credentials");

		testkit_relay_option(relay, cases[i][0], cases[i][1]);
		assert_int_equal(testkit_start(kit), -1);
		assert_true(testkit_has(kit, TESTKIT_PROBLEM, cases[i][2]));
		testkit_destroy(kit);
	}
	struct testkit *kit = office("login");
	testkit_option(kit, "seal", "too short");
	assert_int_equal(testkit_start(kit), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "openssl rand -hex 32"));
	testkit_destroy(kit);
}

static void a_new_client_secret_is_tried_at_once(void **state)
{
	struct testkit *kit = office("client_credentials");
	char path[300];

	snprintf(path, sizeof path, "file:%s", testkit_file(kit, "secret", "SECRET-old\n"));
	testkit_relay_option(relay, "auth.client_secret", path);
	assert_int_equal(testkit_start(kit), 0);
	testkit_run_tick(kit);
	assert_true(asked(kit, "client_secret=SECRET-old"));
	no(kit, 401, "invalid_client"); /* it has expired */
	testkit_run_tick(kit);
	assert_non_null(testkit_closed(relay));
	assert_int_equal(testkit_requests(kit), 0);
	testkit_file(kit, "secret", "SECRET-new\n");
	testkit_run_tick(kit);
	assert_true(asked(kit, "client_secret=SECRET-new"));
	token(kit, "SECRET-one", NULL, 3600);
	assert_true(gives(kit, "SECRET-one"));
	assert_null(testkit_closed(relay));
	assert_int_equal(unlink(path + 5), 0);
	testkit_run_tick(kit);
	assert_true(testkit_has(kit, TESTKIT_LOG, "m365 keeps its client_secret"));
	testkit_advance(kit, 55 * MINUTE);
	testkit_run_tick(kit);
	assert_true(asked(kit, "client_secret=SECRET-new"));
	keeps_secrets(kit);
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_request_serves_all_that_wait),
		cmocka_unit_test(a_token_is_renewed_ahead_of_its_end),
		cmocka_unit_test(a_restart_needs_no_new_token),
		cmocka_unit_test(an_end_point_that_is_down_is_asked_less_and_less),
		cmocka_unit_test(retry_after_is_kept),
		cmocka_unit_test(who_cannot_get_a_token_needs_a_login),
		cmocka_unit_test(waiting_mail_goes_on_by_itself_after_all),
		cmocka_unit_test(a_refused_token_is_replaced_once),
		cmocka_unit_test(who_was_refused_with_the_token_before_gets_the_new_one),
		cmocka_unit_test(a_clock_that_is_off_harms_nothing),
		cmocka_unit_test(sealed_files_are_read_with_their_key_alone),
		cmocka_unit_test(a_file_that_others_may_read_is_not_taken),
		cmocka_unit_test(a_disk_that_takes_nothing_stops_no_mail),
		cmocka_unit_test(a_stop_leaves_nobody_behind),
		cmocka_unit_test(what_cannot_work_is_told_at_the_start),
		cmocka_unit_test(a_new_client_secret_is_tried_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
