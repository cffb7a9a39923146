/* When an instance counts as broken: so many deaths, so near to each other, its own. */
#include "supervisor/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>

static struct breaker breaker;

static void die(const char *instance, const char *other, int64_t now)
{
	struct death death = { .places_count = other ? 2 : 1 };
	snprintf(death.places[0].instance, sizeof(death.places[0].instance), "%s", instance);
	snprintf(death.places[1].instance, sizeof(death.places[1].instance), "%s",
		 other ? other : "");
	death.places[0].hook = death.places[1].hook = GW_HOOK_prepare;
	breaker_count(&breaker, &death, now);
}

static bool open_at(const char *instance, int64_t now)
{
	return breaker_is_open(breaker_row(&breaker, instance), now);
}

static int begin(void **state)
{
	breaker = (struct breaker){ 0 };
	return 0;
}

static void fourth_death_within_the_window_opens_it(void **state)
{
	assert_false(open_at("30-x", 0));
	for (int i = 0; i < 3; i++) {
		die("30-x", NULL, i);
		assert_false(open_at("30-x", i));
	}
	die("30-x", NULL, 3);
	assert_true(open_at("30-x", 3));
	assert_false(open_at("31-y", 3));
	assert_string_equal(breaker_row(&breaker, "30-x")->hook, "prepare");
	assert_int_equal(breaker_row(&breaker, "30-x")->deaths, 4);
}

static void deaths_far_apart_do_not(void **state)
{
	for (int i = 0; i < 20; i++) {
		die("30-x", NULL, i * (BREAKER_WINDOW_MS / 2));
		assert_false(open_at("30-x", i * (BREAKER_WINDOW_MS / 2)));
	}
}

static void time_closes_it(void **state)
{
	for (int i = 0; i < 4; i++)
		die("30-x", NULL, 1000);
	assert_true(open_at("30-x", 1000 + BREAKER_WINDOW_MS));
	assert_false(open_at("30-x", 1001 + BREAKER_WINDOW_MS));
}

static void one_death_counts_once_for_each_instance(void **state)
{
	die("30-x", "30-x", 1);
	assert_int_equal(breaker_row(&breaker, "30-x")->deaths, 1);
	die("30-x", "31-y", 1);
	assert_int_equal(breaker_row(&breaker, "30-x")->deaths, 2);
	assert_int_equal(breaker_row(&breaker, "31-y")->deaths, 1);
}

static void memory_is_bounded_and_the_oldest_goes(void **state)
{
	char name[20];
	for (int i = 0; i <= BREAKER_INSTANCES; i++) {
		snprintf(name, sizeof(name), "%d", i);
		die(name, NULL, i);
	}
	assert_int_equal(breaker.count, BREAKER_INSTANCES);
	assert_null(breaker_row(&breaker, "0"));
	assert_non_null(breaker_row(&breaker, "1"));
	assert_non_null(breaker_row(&breaker, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fourth_death_within_the_window_opens_it, begin),
		cmocka_unit_test_setup(deaths_far_apart_do_not, begin),
		cmocka_unit_test_setup(time_closes_it, begin),
		cmocka_unit_test_setup(one_death_counts_once_for_each_instance, begin),
		cmocka_unit_test_setup(memory_is_bounded_and_the_oldest_goes, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
