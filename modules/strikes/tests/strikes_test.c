/* strikes_test.c - what counts against us, when somebody is warned, and who hears 250 for what is
 * refused. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define DAY_MS (24 * 3600 * 1000LL)
#define MESSAGE_STAGE "{\"stage\":\"message\",\"peer\":\"192.0.2.1\"}"

static struct testkit *kit_of(const char *const *options)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].policy_reject", "accept+dsn");
	testkit_option(kit, "clients[1].name", "shop");
	testkit_option(kit, "clients[1].limit", "5");
	for (; options && options[0]; options += 2)
		testkit_option(kit, options[0], options[1]);
	return kit;
}

static void happens(struct testkit *kit, const char *name, const char *client, int code,
		    const char *text, const char *json, const struct gw_message *message)
{
	struct gw_event event = {
		.size = sizeof event,
		.name = gw_str(name),
		.client = gw_str(client),
		.code = code,
		.text = gw_str(text),
		.json = gw_str(json),
		.message = message,
	};

	testkit_run_event(kit, &event);
}

static void refused(struct testkit *kit, const char *client)
{
	happens(kit, "refused", client, 550, "not you",
		"{\"stage\":\"mail\",\"peer\":\"192.0.2.1\"}", NULL);
}

/* The row of a client in what the verb gave. */
static bool reported(struct testkit *kit, const char *part)
{
	testkit_forget(kit);
	testkit_run_control(kit, "", false);
	return testkit_has(kit, TESTKIT_REPLY, part);
}

static void refusals_of_each_client_are_counted(void **state)
{
	struct testkit *kit = kit_of(NULL);

	assert_int_equal(testkit_start(kit), 0);
	refused(kit, "crm");
	refused(kit, "crm");
	refused(kit, "shop");
	refused(kit, ""); /* a stranger */
	assert_true(reported(
		kit,
		"{\"client\":\"crm\",\"messages\":0,\"refused\":2,\"limit\":3,\"policy\":\"accept+dsn\",\"seen\":null,"
		"\"refused_at\":\"2026-01-01T00:00:00.000Z\",\"stage\":\"mail\",\"code\":550,\"words\":\"not you\"}"));
	assert_true(reported(
		kit,
		"{\"client\":\"shop\",\"messages\":0,\"refused\":1,\"limit\":5,\"policy\":\"refuse\""));
	assert_false(reported(kit, "\"client\":\"\""));
	testkit_destroy(kit);
}

static void what_is_accepted_is_seen(void **state)
{
	struct testkit *kit = kit_of(NULL);

	assert_int_equal(testkit_start(kit), 0);
	happens(kit, "accepted", "other", 0, "", "", NULL);
	testkit_advance(kit, 60000);
	happens(kit, "accepted", "other", 0, "", "{\"discarded\":true}", NULL);
	happens(kit, "delivered", "other", 250, "", "", NULL);
	assert_true(reported(
		kit,
		"{\"client\":\"other\",\"messages\":2,\"refused\":0,\"limit\":3,\"policy\":\"refuse\","
		"\"seen\":\"2026-01-01T00:01:00.000Z\""));
	/* configured and silent */
	assert_true(reported(kit, "{\"client\":\"crm\",\"messages\":0"));
	testkit_destroy(kit);
}

static void a_mail_counts_once(void **state)
{
	struct testkit *kit = kit_of(NULL);
	struct gw_message *first = testkit_message(kit, NULL, "a@example.com", "\r\n");
	struct gw_message *second = testkit_message(kit, NULL, "a@example.com", "\r\n");

	assert_int_equal(testkit_start(kit), 0);
	happens(kit, "refused", "crm", 550, "no such rcpt", "{\"stage\":\"rcpt\"}", first);
	happens(kit, "refused", "crm", 550, "no such rcpt", "{\"stage\":\"rcpt\"}", first);
	happens(kit, "refused", "crm", 554, "a virus", MESSAGE_STAGE, first);
	assert_true(reported(kit, "\"client\":\"crm\",\"messages\":0,\"refused\":1"));
	happens(kit, "refused", "crm", 554, "a virus", MESSAGE_STAGE, second);
	assert_true(reported(kit, "\"client\":\"crm\",\"messages\":0,\"refused\":2"));
	testkit_destroy(kit);
}

static void a_client_that_heard_nothing_counts_it_too(void **state)
{
	struct testkit *kit = kit_of(NULL);

	assert_int_equal(testkit_start(kit), 0);
	happens(kit, "accepted", "crm", 0, "", "{\"answered\":false}",
		testkit_message(kit, NULL, "a@example.com", "\r\n"));
	assert_true(reported(kit, "\"client\":\"crm\",\"messages\":1,\"refused\":1"));
	assert_true(reported(
		kit,
		"\"stage\":\"message\",\"code\":0,\"words\":\"it did not wait for the answer\""));
	testkit_destroy(kit);
}

static void warns_once_a_day_and_client(void **state)
{
	struct testkit *kit = kit_of(NULL);
	int i;

	assert_int_equal(testkit_start(kit), 0);
	refused(kit, "crm");
	refused(kit, "shop");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
	refused(kit, "crm");
	assert_string_equal(
		testkit_line(kit, TESTKIT_LOG, 0),
		"warning client crm was refused 2 times today, and may go another way at 3; the last time: 550 not you");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 1);
	assert_true(testkit_has(kit, TESTKIT_EVENT,
				"strike-warning client crm was refused 2 times today"));
	for (i = 0; i < 5; i++)
		refused(kit, "crm");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 2);
	assert_true(testkit_has(
		kit, TESTKIT_EVENT,
		"strike-limit client crm was refused 3 times today, so that its mail may go round"));

	testkit_forget(kit);
	testkit_advance(kit, DAY_MS);
	refused(kit, "crm");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
	refused(kit, "crm");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 1);
	testkit_destroy(kit);
}

static void the_day_is_that_of_the_zone(void **state)
{
	struct testkit *kit = kit_of((const char *[]){ "timezone", "Asia/Tokyo", NULL });

	assert_int_equal(testkit_start(kit), 0);
	testkit_advance(kit, DAY_MS * 14 / 24);
	refused(kit, "crm");
	testkit_advance(kit, DAY_MS * 2 / 24); /* midnight in Tokyo is at 15:00 UTC */
	refused(kit, "crm");
	assert_true(reported(kit, "\"client\":\"crm\",\"messages\":0,\"refused\":1"));
	testkit_destroy(kit);
}

static void all_is_kept_over_a_restart(void **state)
{
	struct testkit *kit = kit_of(NULL);

	assert_int_equal(testkit_start(kit), 0);
	happens(kit, "accepted", "crm", 0, "", "", NULL);
	refused(kit, "crm");
	assert_int_equal(testkit_restart(kit), 0);
	refused(kit, "crm");
	assert_true(testkit_has(kit, TESTKIT_EVENT, "strike-warning"));
	assert_true(reported(kit, "\"client\":\"crm\",\"messages\":1,\"refused\":2"));
	testkit_destroy(kit);
}

static void only_who_asks_for_it_hears_250_for_what_is_refused(void **state)
{
	static const struct {
		const char *client;
		bool takes;
	} rows[] = { { "crm", true }, { "CRM", true }, { "shop", false }, { "", false } };
	struct testkit *kit = kit_of(NULL);
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_message *message = testkit_message(kit, NULL, "a@example.com", "\r\n");

		testkit_message_fact(message, GW_MESSAGE_CLIENT, rows[i].client);
		assert_int_equal(testkit_run_mail(kit, message), GW_CONTINUE);
		assert_int_equal(testkit_takes_refused(message), rows[i].takes);
	}
	testkit_destroy(kit);
}

static void a_client_hears_its_next_hop_where_it_asks_for_that(void **state)
{
	static const struct {
		const char *client, *accept;
		int64_t awaits;
	} rows[] = { { "shop", NULL, -1 },           { "shop", "listener", -1 },
		     { "shop", "cutthrough", 2000 }, { "shop", "queued", 0 },
		     { "crm", "cutthrough", -1 },    { "", "cutthrough", -1 } };
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *options[] = { "clients[1].accept_wait", "2s",
					  rows[i].accept ? "clients[1].accept" : NULL,
					  rows[i].accept, NULL };
		struct testkit *kit = kit_of(options);
		struct gw_message *message = testkit_message(kit, NULL, "a@example.com", "\r\n");

		assert_int_equal(testkit_start(kit), 0);
		testkit_message_fact(message, GW_MESSAGE_CLIENT, rows[i].client);
		assert_int_equal(testkit_run_mail(kit, message), GW_CONTINUE);
		assert_int_equal(testkit_awaits_next_hop(message), rows[i].awaits);
		testkit_destroy(kit);
	}
}

static void odd_names_and_words_do_no_harm(void **state)
{
	struct testkit *kit = kit_of(NULL);
	char name[400], text[3000];

	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	memset(text, '"', sizeof text);
	text[sizeof text - 1] = '\0';
	assert_int_equal(testkit_start(kit), 0);
	happens(kit, "refused", name, 450, text, "no JSON", NULL);
	happens(kit, "refused", name, 450, text, "{\"stage\":\"averyveryverylongstagename\"}",
		NULL);
	happens(kit, "refused", "a \"b\"\xff", 450, "", "", NULL);
	assert_true(reported(kit, "\"client\":\"a \\\"b\\\"\xef\xbf\xbd\""));
	assert_true(reported(kit, "\"stage\":\"averyveryverylo\""));
	testkit_destroy(kit);
}

static void what_is_wrong_is_said(void **state)
{
	struct testkit *kit = kit_of((const char *[]){ "timezone", "Mars/Olympus", NULL });

	assert_int_equal(testkit_start(kit), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "there is no time zone \"Mars/Olympus\""));
	testkit_option(kit, "timezone", "UTC");
	assert_int_equal(testkit_start(kit), 0);
	testkit_forget(kit);
	testkit_run_control(kit, "what now", true);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "usage: strikes [list]"));
	testkit_fail(kit, "record_each", 1);
	testkit_run_control(kit, "list", true);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "the gateway's store does not answer"));
	testkit_fail(kit, "counter_add", 1);
	refused(kit, "crm");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_of_each_client_are_counted),
		cmocka_unit_test(what_is_accepted_is_seen),
		cmocka_unit_test(a_mail_counts_once),
		cmocka_unit_test(a_client_that_heard_nothing_counts_it_too),
		cmocka_unit_test(warns_once_a_day_and_client),
		cmocka_unit_test(the_day_is_that_of_the_zone),
		cmocka_unit_test(all_is_kept_over_a_restart),
		cmocka_unit_test(only_who_asks_for_it_hears_250_for_what_is_refused),
		cmocka_unit_test(a_client_hears_its_next_hop_where_it_asks_for_that),
		cmocka_unit_test(odd_names_and_words_do_no_harm),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
