#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/zone.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>

#define HOUR ((int64_t)3600000)

static int64_t at(const char *text)
{
	int64_t when = clock_parse_rfc3339(gw_str(text));

	assert_true(when >= 0);
	return when;
}

/* 2018-03-25 is the 17615th day. */
static int64_t number_of(const char *date)
{
	char text[CLOCK_RFC3339];

	snprintf(text, sizeof(text), "%.10sT00:00:00.000Z", date);
	return at(text) / (24 * HOUR);
}

static void a_day_has_a_begin_and_an_end(void **state)
{
	static const struct {
		const char *zone, *date, *begins;
		int minutes;
	} cases[] = {
		{ "UTC", "2026-11-23", "2026-11-23T00:00:00.000Z", 1440 },
		{ "Europe/Berlin", "2026-11-23", "2026-11-22T23:00:00.000Z", 1440 },
		/* clocks go forward */
		{ "Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00.000Z", 1380 },
		{ "Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00.000Z", 1500 }, /* and back */
		/* past the table, by its rule */
		{ "Europe/Berlin", "2046-07-01", "2046-06-30T22:00:00.000Z", 1440 },
		{ "America/New_York", "2026-03-08", "2026-03-08T05:00:00.000Z", 1380 },
		{ "America/New_York", "2026-11-01", "2026-11-01T04:00:00.000Z", 1500 },
		/* begins at 01:00 */
		{ "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00.000Z", 1380 },
		/* 23:00 comes twice */
		{ "America/Sao_Paulo", "2018-02-17", "2018-02-17T02:00:00.000Z", 1500 },
		{ "America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00.000Z", 1440 },
		/* begins at 01:00 */
		{ "Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00.000Z", 1380 },
		/* 00:00 comes twice, the first one counts */
		{ "America/Havana", "2026-11-01", "2026-11-01T04:00:00.000Z", 1500 },
		/* 00:01 becomes 23:01: the first midnight ended it */
		{ "America/St_Johns", "2006-10-28", "2006-10-28T02:30:00.000Z", 1440 },
		{ "America/St_Johns", "2006-10-29", "2006-10-29T02:30:00.000Z", 1500 },
		/* half an hour back */
		{ "Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00:00.000Z", 1470 },
		{ "Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00.000Z", 1410 },
		{ "Asia/Kolkata", "2026-11-23", "2026-11-22T18:30:00.000Z", 1440 },
		{ "Asia/Kathmandu", "2026-11-23", "2026-11-22T18:15:00.000Z", 1440 },
		/* there was no 30th */
		{ "Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00.000Z", 1440 },
		{ "Pacific/Kiritimati", "2026-11-23", "2026-11-22T10:00:00.000Z", 1440 },
		{ "Etc/GMT+12", "2026-11-23", "2026-11-23T12:00:00.000Z", 1440 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t begins = at(cases[i].begins),
			ends = begins + cases[i].minutes * (HOUR / 60);
		const int64_t asked[] = { begins, begins + 1, (begins + ends) / 2, ends - 1 };
		for (size_t k = 0; k < 4; k++) {
			struct zone_day day;
			assert_int_equal(zone_day(gw_str(cases[i].zone), asked[k], &day), 0);
			if (day.number != number_of(cases[i].date) || day.begins != begins ||
			    day.ends != ends)
				fail_msg("%s %s: day %lld from %lld to %lld", cases[i].zone,
					 cases[i].date, (long long)day.number,
					 (long long)day.begins, (long long)day.ends);
		}
	}
}

/* Every moment is in one day, and the next day begins where one ends: also while clocks change,
 * leave dates out, and before 1970. */
static void days_follow_each_other(void **state)
{
	static const char *const names[] = { "Europe/Berlin", "America/St_Johns", "Pacific/Apia",
					     "America/Sao_Paulo", "Europe/Dublin" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone_day before, day;
		assert_int_equal(zone_day(gw_str(names[i]), -400 * 24 * HOUR, &before), 0);
		for (int n = 0; n < 70 * 366; n++, before = day) {
			assert_int_equal(zone_day(gw_str(names[i]), before.ends, &day), 0);
			assert_int_equal(day.begins, before.ends);
			assert_true(day.ends > day.begins && day.number > before.number);
		}
	}
}

static void what_is_no_zone_is_refused(void **state)
{
	static const struct gw_str names[] = {
		GW_STR(""),
		GW_STR("Europe"),
		GW_STR("Europe/Atlantis"),
		GW_STR("europe berlin"),
		GW_STR("XYZ5"),
		GW_STR("+05:00"),
		GW_STR("Z"),
		GW_STR("../zoneinfo/UTC"),
		GW_STR("/usr/share/zoneinfo/UTC"),
		GW_STR("UTC\0"),
		GW_STR("zone.tab"),
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone_day day;
		assert_int_equal(zone_day(names[i], 0, &day), -1);
	}
}

static void *ask(void *arg)
{
	static const char *const names[] = { "Asia/Tokyo", "Europe/London", "America/Bogota",
					     "Africa/Lagos" };
	int64_t when = at("2026-11-23T12:00:00.000Z");

	for (int i = 0; i < 2000; i++) {
		struct zone_day day;
		int64_t asked = when + i % 7 * 24 * HOUR;
		if (zone_day(gw_str(names[i % 4]), asked, &day) != 0 || day.begins > asked ||
		    day.ends <= asked)
			return arg;
	}
	return NULL;
}

static void any_thread_may_ask(void **state)
{
	pthread_t threads[4];
	void *wrong;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, threads), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_has_a_begin_and_an_end),
		cmocka_unit_test(days_follow_each_other),
		cmocka_unit_test(what_is_no_zone_is_refused),
		cmocka_unit_test(any_thread_may_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
