/* What a counter that only grows counted within the last hour: it begins, lasts and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "admin/recent.h"

#define MINUTE ((int64_t)60 * 1000)
#define HOUR (60 * MINUTE)
#define BEGIN (1000 * HOUR)

static void what_came_is_recent_for_an_hour(void **state)
{
	struct recent recent = { 0 };
	assert_int_equal(recent_count(&recent, "a", 0, BEGIN), 0);
	assert_int_equal(recent_count(&recent, "a", 2, BEGIN + MINUTE), 2);
	assert_int_equal(recent_count(&recent, "a", 5, BEGIN + 30 * MINUTE), 5);
	assert_int_equal(recent_count(&recent, "a", 5, BEGIN + HOUR), 5);
	assert_int_equal(recent_count(&recent, "a", 5, BEGIN + HOUR + MINUTE), 3);
	assert_int_equal(recent_count(&recent, "a", 5, BEGIN + 89 * MINUTE), 3);
	assert_int_equal(recent_count(&recent, "a", 5, BEGIN + 90 * MINUTE), 0);
	assert_int_equal(recent_count(&recent, "a", 6, BEGIN + 90 * MINUTE), 1);
	recent_finish(&recent);
}

static void a_long_pause_forgets_all_that_was_before(void **state)
{
	struct recent recent = { 0 };
	for (int64_t minute = 0; minute < 60; minute++)
		recent_count(&recent, "a", (uint64_t)minute + 1, BEGIN + minute * MINUTE);
	assert_int_equal(recent_count(&recent, "a", 60, BEGIN + 59 * MINUTE), 60);
	assert_int_equal(recent_count(&recent, "a", 61, BEGIN + 1000 * HOUR), 1);
	recent_finish(&recent);
}

static void a_counter_that_begins_anew_is_counted_from_0(void **state)
{
	struct recent recent = { 0 };
	assert_int_equal(recent_count(&recent, "a", 7, BEGIN), 7);
	assert_int_equal(recent_count(&recent, "a", 3, BEGIN), 10);
	assert_int_equal(recent_count(&recent, "a", 4, BEGIN), 11);
	recent_finish(&recent);
}

static void each_name_has_its_own(void **state)
{
	struct recent recent = { 0 };
	char name[2] = "a";
	for (; *name <= 'z'; ++*name)
		assert_int_equal(recent_count(&recent, name, (uint64_t)*name, BEGIN), *name);
	for (*name = 'a'; *name <= 'z'; ++*name)
		assert_int_equal(recent_count(&recent, name, (uint64_t)*name, BEGIN + HOUR), 0);
	recent_finish(&recent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_came_is_recent_for_an_hour),
		cmocka_unit_test(a_long_pause_forgets_all_that_was_before),
		cmocka_unit_test(a_counter_that_begins_anew_is_counted_from_0),
		cmocka_unit_test(each_name_has_its_own),
	};
	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
