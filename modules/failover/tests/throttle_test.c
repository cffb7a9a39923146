/* throttle_test.c - a next hop that says we are too fast is given less, and after a while more
 * again. */
#include "office.h"

static void too_fast(void)
{
	attempt(GW_DEFERRED, "mail", GW_FAULT_MESSAGE, 454,
		"Throttling failure: Maximum sending rate exceeded.");
}

static void begin_throttling(void)
{
	testkit_option(kit, "replies[0].class", "throttle");
	testkit_option(kit, "replies[0].codes", "454");
	testkit_option(kit, "replies[0].status", "none");
	testkit_option(kit, "replies[0].words", "\"maximum sending rate\"");
	testkit_option(kit, "replies[0].fault", "account");
	testkit_option(kit, "replies[0].action", "throttle");
	begin();
}

/* As long as told, once a second. */
static void quiet(int64_t ms)
{
	for (; ms > 0; ms -= 1000) {
		pass(1000);
		testkit_run_tick(kit);
	}
}

static void connections_are_halved_down_to_one(void **state)
{
	static const int64_t paces[] = { 4, 2, 1, 1 };
	size_t i;

	begin_throttling();
	for (i = 0; i < sizeof paces / sizeof *paces; i++) {
		too_fast();
		assert_int_equal(testkit_pace(relay), paces[i]);
		assert_int_equal(testkit_fault(kit), GW_FAULT_ACCOUNT);
	}
	assert_told(TESTKIT_LOG, "warning relay main is slowed to 4 connections");
	assert_told(TESTKIT_LOG,
		    "warning relay main is slowed to 1 connection, one message each 1 s");
	assert_false(suspended());
	assert_int_equal(testkit_metric(kit, "throttled"), 4);
	assert_int_equal(testkit_metric(kit, "failures"), 0);
}

static void what_was_under_way_slows_down_once(void **state)
{
	int64_t began;
	int i;

	begin_throttling();
	began = now;
	pass(1000);
	for (i = 0; i < 8; i++)
		result_since(began, GW_DEFERRED, "mail", GW_FAULT_MESSAGE, 454,
			     "Maximum sending rate exceeded");
	assert_int_equal(testkit_pace(relay), 4);
}

static void then_messages_are_spaced(void **state)
{
	int i;

	begin_throttling();
	for (i = 0; i < 3; i++)
		too_fast();
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	too_fast();
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_WAIT);
	assert_int_equal(testkit_answer(kit)->cause, GW_CAUSE_RATE);
	assert_string_equal(testkit_answer(kit)->wait_on, "pace/main");
	assert_true(testkit_answer(kit)->wait_until > now);
	assert_told(TESTKIT_REASON, "one message each 1 s");
	testkit_run_tick(kit);
	assert_int_equal(testkit_lines(kit, TESTKIT_NOTIFIED), 0);
	quiet(1000);
	assert_string_equal(testkit_line(kit, TESTKIT_NOTIFIED, 0), "pace/main 1");
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_WAIT);
}

static void a_question_takes_nobodys_turn(void **state)
{
	int i;

	begin_throttling();
	for (i = 0; i < 4; i++)
		too_fast();
	pass(2000);
	testkit_message_fact(message, GW_MESSAGE_DRY, "1");
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
}

static void the_pause_doubles_up_to_a_minute(void **state)
{
	int i;

	begin_throttling();
	for (i = 0; i < 20; i++)
		too_fast();
	testkit_run_relay_status(kit, relay);
	assert_string_equal(testkit_line(kit, TESTKIT_STATUS, 0),
			    "state: slowed to 1 connection, one message each 60 s");
	testkit_run_status(kit);
	assert_told(TESTKIT_STATUS, "main: slowed to 1 connection");
}

static void quiet_minutes_bring_it_back(void **state)
{
	int i;

	begin_throttling();
	for (i = 0; i < 5; i++)
		too_fast(); /* one connection, 2 s */
	quiet(59 * 1000);
	assert_told(TESTKIT_LOG, "one message each 2 s");
	testkit_forget(kit);
	quiet(1000);
	assert_told(TESTKIT_LOG, "info relay main is slowed to 1 connection, one message each 1 s");
	testkit_forget(kit);
	quiet(MINUTE);
	assert_told(TESTKIT_LOG, "info relay main is slowed to 1 connection");
	assert_told(TESTKIT_NOTIFIED, "pace/main 1073741824"); /* all that wait */
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	quiet(MINUTE);
	assert_int_equal(testkit_pace(relay), 2);
	quiet(MINUTE);
	assert_int_equal(testkit_pace(relay), 4);
	quiet(MINUTE);
	assert_int_equal(testkit_pace(relay), 0);
	assert_told(TESTKIT_LOG, "info relay main is as fast as configured again");
	testkit_run_relay_status(kit, relay);
	assert_string_equal(testkit_line(kit, TESTKIT_STATUS, 0), "state: up");
}

static void a_clock_that_is_set_back_holds_nothing_up(void **state)
{
	int i;

	begin_throttling();
	for (i = 0; i < 3; i++)
		too_fast();
	now -= DAY;
	testkit_set_time(kit, now);
	too_fast();
	assert_told(TESTKIT_LOG, "one message each 1 s");
	now -= DAY;
	testkit_set_time(kit, now);
	testkit_run_tick(kit);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	quiet(4 * MINUTE);
	assert_int_equal(testkit_pace(relay), 0);
}

static void an_admin_lets_it_go_at_once(void **state)
{
	begin_throttling();
	too_fast();
	resume();
	assert_int_equal(testkit_pace(relay), 0);
	assert_told(TESTKIT_NOTIFIED, "pace/main 1073741824");
}

static void without_the_module_it_is_as_configured(void **state)
{
	begin_throttling();
	too_fast();
	testkit_stop(kit);
	assert_int_equal(testkit_pace(relay), 0);
}

static void other_instances_know_of_it(void **state)
{
	struct testkit *old = kit;
	int i;

	begin_throttling();
	for (i = 0; i < 4; i++)
		too_fast();
	open_office(state);
	begin_throttling();
	testkit_destroy(old);
	pass(4 * MINUTE + 500);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFICE_TEST(connections_are_halved_down_to_one),
		OFFICE_TEST(what_was_under_way_slows_down_once),
		OFFICE_TEST(then_messages_are_spaced),
		OFFICE_TEST(a_question_takes_nobodys_turn),
		OFFICE_TEST(the_pause_doubles_up_to_a_minute),
		OFFICE_TEST(quiet_minutes_bring_it_back),
		OFFICE_TEST(a_clock_that_is_set_back_holds_nothing_up),
		OFFICE_TEST(an_admin_lets_it_go_at_once),
		OFFICE_TEST(without_the_module_it_is_as_configured),
		OFFICE_TEST(other_instances_know_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
