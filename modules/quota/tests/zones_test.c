/* zones_test.c - a day is a span of time, whatever zone names it: limits and zones that change see
 * what went out in their own window. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)
#define NOVEMBER_28 ((int64_t)1795824000000) /* 2026, 00:00 UTC */

static struct testkit *kit;
static struct gw_relay *out;

/* --- a release before this one, whose counters are in the store --- */

static struct {
	const char *name;
	int64_t period, count;
} before[2];
static int (*starts)(struct gw_call *call);

static int start_after_it(struct gw_call *call)
{
	size_t i;

	for (i = 0; i < 2 && before[i].name; i++)
		gw->counter_add(call, gw_str(before[i].name), before[i].period, before[i].count,
				-1);
	before[0].name = NULL;
	return starts(call);
}

static const struct gw_module *entry(const struct gw_services *services)
{
	static struct gw_module table;

	table = *gw_module_v1(services);
	starts = table.start;
	table.start = start_after_it;
	return &table;
}

/* --- */

static int begin(void **state)
{
	kit = testkit_create(entry);
	out = testkit_relay(kit, "out");
	return 0;
}

static int end(void **state)
{
	testkit_destroy(kit);
	return 0;
}

static void set(const char *limit, const char *zone)
{
	if (limit)
		testkit_relay_option(out, "daily_limit", limit);
	testkit_relay_fact(out, GW_RELAY_TIMEZONE, zone);
}

static void start(const char *limit, const char *zone)
{
	set(limit, zone);
	assert_int_equal(testkit_start(kit), 0);
}

static void restart(const char *limit, const char *zone)
{
	testkit_stop(kit);
	start(limit, zone);
}

static bool sends(struct gw_relay *relay)
{
	const struct gw_outcome sent = { .size = sizeof sent, .status = GW_DELIVERED };
	struct gw_result result = { .size = sizeof result, .outcome = &sent };
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com",
						     "Subject: x\r\n\r\nbody\r\n");
	struct gw_delivery *delivery;

	testkit_rcpt(message, "b@example.net");
	delivery = testkit_delivery(message, relay);
	if (testkit_run_admit(kit, delivery, relay) != GW_CONTINUE)
		return false;
	testkit_run_result(kit, delivery, &result);
	testkit_run_leave(kit, delivery, relay);
	return true;
}

static void send_at(int64_t when, int count)
{
	testkit_set_time(kit, when);
	while (count-- > 0)
		assert_true(sends(out));
}

static void is_today(struct gw_relay *relay, const char *used)
{
	char text[40];

	snprintf(text, sizeof text, "today: %s", used);
	testkit_forget(kit);
	testkit_run_relay_status(kit, relay);
	assert_true(testkit_has(kit, TESTKIT_STATUS, text));
}

/* --- */

static void a_limit_with_a_zone_that_is_new_knows_what_went_out_since_its_midnight(void **state)
{
	start(NULL, "UTC");
	send_at(NOVEMBER_28 + 22 * HOUR + 59 * MINUTE, 5); /* 23:59 in Berlin */
	send_at(NOVEMBER_28 + 23 * HOUR + 14 * MINUTE, 20);
	send_at(NOVEMBER_28 + 23 * HOUR + 26 * MINUTE, 10);
	is_today(out, "35");
	restart("33", "Europe/Berlin");
	is_today(out, "30/33");
	send_at(NOVEMBER_28 + 23 * HOUR + 30 * MINUTE, 3);
	assert_false(sends(out));
	restart("33", "UTC");
	is_today(out, "38/33");
}

static void the_next_day_of_another_zone_begins_with_nothing(void **state)
{
	start("30", "Europe/Berlin");
	send_at(NOVEMBER_28 + 23 * HOUR + 14 * MINUTE, 30);
	assert_false(sends(out));
	restart("33", "UTC");
	is_today(out, "30/33");
	testkit_set_time(kit, NOVEMBER_28 + 24 * HOUR);
	is_today(out, "0/33");
	assert_true(sends(out));
}

static void midnights_are_at_quarters_of_an_hour(void **state)
{
	static const struct {
		const char *zone;
		int64_t midnight; /* minutes of the day in UTC */
	} rows[] = {
		{ "Asia/Kathmandu", 18 * 60 + 15 },  { "Asia/Kolkata", 18 * 60 + 30 },
		{ "Australia/Eucla", 15 * 60 + 15 }, { "Pacific/Chatham", 10 * 60 + 15 },
		{ "America/St_Johns", 3 * 60 + 30 }, { "Pacific/Kiritimati", 10 * 60 },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t midnight = NOVEMBER_28 + (int64_t)i * 48 * HOUR + rows[i].midnight * MINUTE;

		start(NULL, "UTC");
		send_at(midnight - 1, 4);
		send_at(midnight, 2);
		restart("9", rows[i].zone);
		is_today(out, "2/9");
		testkit_stop(kit);
		testkit_relay_option(out, "daily_limit", "unlimited");
	}
}

/* As two configurations at a reload: of one count each sees its own day. */
static void relays_of_one_count_have_days_of_their_own(void **state)
{
	struct gw_relay *twin = testkit_relay(kit, "twin");

	testkit_relay_option(twin, "counted_as", "out");
	testkit_relay_option(twin, "daily_limit", "10");
	testkit_relay_fact(twin, GW_RELAY_TIMEZONE, "Asia/Kathmandu");
	start("10", "UTC");
	send_at(NOVEMBER_28 + 18 * HOUR, 5);
	send_at(NOVEMBER_28 + 18 * HOUR + 20 * MINUTE, 3);
	assert_true(sends(twin));
	is_today(out, "9/10");
	is_today(twin, "4/10");
	assert_true(sends(out));
	assert_false(sends(out));
	assert_true(sends(twin));
	testkit_set_time(kit, NOVEMBER_28 + 24 * HOUR);
	is_today(out, "0/10");
	is_today(twin, "6/10");
}

static void a_window_that_rolls_from_now_on_knows_the_day_before(void **state)
{
	start("10", "UTC");
	send_at(NOVEMBER_28 + 20 * HOUR, 4);
	send_at(NOVEMBER_28 + 25 * HOUR, 1);
	testkit_stop(kit);
	testkit_relay_option(out, "limit_window", "rolling");
	start("10", "UTC");
	is_today(out, "5/10");
	testkit_set_time(kit, NOVEMBER_28 + 44 * HOUR + 15 * MINUTE);
	is_today(out, "1/10");
}

static void a_day_of_an_older_release_is_taken_over_once(void **state)
{
	before[0].name = "relay/out";
	before[0].period = NOVEMBER_28 / (24 * HOUR);
	before[0].count = 7;
	before[1].name = NULL;
	testkit_set_time(kit, NOVEMBER_28 + 12 * HOUR);
	start("10", "UTC");
	is_today(out, "7/10");
	assert_true(sends(out));
	restart("10", "UTC");
	is_today(out, "8/10");
	testkit_set_time(kit, NOVEMBER_28 + 24 * HOUR);
	is_today(out, "0/10");
}

static void a_rolling_window_of_an_older_release_is_taken_over(void **state)
{
	int64_t number = (NOVEMBER_28 + 12 * HOUR) / 600000;
	char name[40];

	snprintf(name, sizeof name, "relay/out@%d", (int)(number % 145));
	before[0].name = name;
	before[0].period = number;
	before[0].count = 7;
	testkit_set_time(kit, NOVEMBER_28 + 13 * HOUR);
	testkit_relay_option(out, "limit_window", "rolling");
	start("10", "UTC");
	is_today(out, "7/10");
	restart("10", "UTC");
	is_today(out, "7/10");
	testkit_set_time(kit, NOVEMBER_28 + 36 * HOUR + 15 * MINUTE);
	is_today(out, "0/10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_limit_with_a_zone_that_is_new_knows_what_went_out_since_its_midnight,
			begin, end),
		cmocka_unit_test_setup_teardown(the_next_day_of_another_zone_begins_with_nothing,
						begin, end),
		cmocka_unit_test_setup_teardown(midnights_are_at_quarters_of_an_hour, begin, end),
		cmocka_unit_test_setup_teardown(relays_of_one_count_have_days_of_their_own, begin,
						end),
		cmocka_unit_test_setup_teardown(
			a_window_that_rolls_from_now_on_knows_the_day_before, begin, end),
		cmocka_unit_test_setup_teardown(a_day_of_an_older_release_is_taken_over_once, begin,
						end),
		cmocka_unit_test_setup_teardown(a_rolling_window_of_an_older_release_is_taken_over,
						begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
