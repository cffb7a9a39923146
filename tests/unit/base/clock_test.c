#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static const struct {
	int64_t ms;
	const char *rfc3339, *rfc5322;
} times[] = {
	{ 0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 +0000" },
	{ 951782399999, "2000-02-28T23:59:59.999Z", "Mon, 28 Feb 2000 23:59:59 +0000" },
	{ 951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 +0000" },
	{ 1795455612345, "2026-11-23T17:40:12.345Z", "Mon, 23 Nov 2026 17:40:12 +0000" },
	{ 4107542400000, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 +0000" },
	{ 253402300799999, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000" },
};

static void times_have_two_texts(void **state)
{
	char text[CLOCK_RFC5322];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_string_equal(clock_rfc3339(times[i].ms, text), times[i].rfc3339);
		assert_string_equal(clock_rfc5322(times[i].ms, text), times[i].rfc5322);
		assert_int_equal(clock_parse_rfc3339(gw_str(times[i].rfc3339)), times[i].ms);
	}
}

/* The library's calendar is the judge. */
static void every_day_is_the_calendars(void **state)
{
	char text[CLOCK_RFC5322], expected[CLOCK_RFC5322];

	for (time_t day = 0; day < 60000; day++) {
		time_t at = day * 86400 + day % 86400;
		struct tm tm;
		gmtime_r(&at, &tm);
		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S +0000", &tm);
		assert_string_equal(clock_rfc5322(at * 1000, text), expected);
		assert_int_equal(clock_parse_rfc3339(gw_str(clock_rfc3339(at * 1000, text))),
				 at * 1000);
	}
}

static void times_out_of_range_stay_within_the_text(void **state)
{
	char text[CLOCK_RFC5322];

	assert_string_equal(clock_rfc3339(-1, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(clock_rfc3339(INT64_MAX, text), "9999-12-31T23:59:59.999Z");
	assert_string_equal(clock_rfc5322(INT64_MIN, text), "Thu, 01 Jan 1970 00:00:00 +0000");
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-11-23",
		"2026-11-23T17:40:12Z",
		"2026-11-23 17:40:12.345Z",
		"2026-11-23T17:40:12.345+",
		"2026-13-23T17:40:12.345Z",
		"2026-00-23T17:40:12.345Z",
		"2026-02-29T17:40:12.345Z",
		"2026-04-31T17:40:12.345Z",
		"2026-11-23T24:40:12.345Z",
		"2026-11-23T17:60:12.345Z",
		"2026-11-23T17:40:60.345Z",
		"1969-11-23T17:40:12.345Z",
		"20a6-11-23T17:40:12.345Z",
		"2026-11-23T17:40:12.345Z0",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clock_parse_rfc3339(gw_str(bad[i])), -1);
}

static void clocks_run(void **state)
{
	int64_t first = clock_monotonic();

	assert_true(clock_monotonic() >= first);
	assert_true(clock_wall() > 1700000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_have_two_texts),
		cmocka_unit_test(every_day_is_the_calendars),
		cmocka_unit_test(times_out_of_range_stay_within_the_text),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
