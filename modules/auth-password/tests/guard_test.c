/* Who has to wait before a password is looked at, and who never has. */
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define DAY (24 * 3600 * 1000LL)
#define BEGIN (20000 * DAY)

static const struct failures_limits by_address = { 3, 6, 60000, 1000, 600000 },
				    by_user = { 5, 10, 60000, 1000, 600000 };
static struct guard guard; /* large */

static int start(void **state)
{
	return guard_init(&guard, &by_address, &by_user) ? 0 : -1;
}

static struct visitor visitor(const char *peer, const char *user)
{
	struct visitor made;

	guard_visitor(&guard, gw_str(peer), gw_str(user), &made);
	assert_true(made.sound);
	return made;
}

static enum guard_rank ask(const char *peer, const char *user, int64_t now)
{
	struct visitor who = visitor(peer, user);

	return guard_ask(&guard, &who, now);
}

static struct guard_reached miss(const char *peer, const char *user, int64_t now)
{
	struct visitor who = visitor(peer, user);

	return guard_failed(&guard, &who, now);
}

static void succeed(const char *peer, const char *user, int64_t now)
{
	struct visitor who = visitor(peer, user);

	guard_succeeded(&guard, &who, now);
}

static void an_address_that_fails_is_slowed_and_then_blocked(void **state)
{
	int64_t now = BEGIN;
	int i;

	assert_int_equal(ask("192.0.2.1", "a", now), GUARD_STRANGER);
	for (i = 0; i < 2; i++)
		assert_int_equal(miss("192.0.2.1", i ? "a" : "b", now).address, FAILURES_COUNTED);
	assert_int_equal(ask("192.0.2.1", "c", now), GUARD_SUSPECT);
	assert_int_equal(miss("192.0.2.1", "c", now).address, FAILURES_SLOW);
	assert_int_equal(ask("192.0.2.1", "d", now), GUARD_LATER);
	assert_int_equal(ask("192.0.2.1", "d", now + 1000), GUARD_SUSPECT);
	assert_int_equal(ask("192.0.2.1", "d", now + 1001), GUARD_LATER); /* that turn is taken */
	for (i = 0; i < 3; i++)
		assert_int_equal(miss("192.0.2.1", "a", now + 2000).address,
				 i < 2 ? FAILURES_COUNTED : FAILURES_BLOCKED);
	assert_int_equal(ask("192.0.2.1", "a", now + 601999), GUARD_LATER);
	assert_int_equal(ask("192.0.2.1", "e", now + 602000), GUARD_STRANGER);
	assert_int_equal(ask("192.0.2.2", "e", now), GUARD_STRANGER);
}

static void a_clock_that_is_set_back_blocks_nobody_for_longer(void **state)
{
	int64_t now = BEGIN, later = BEGIN + 365 * 86400000LL;
	int i;

	for (i = 0; i < 6; i++)
		miss("192.0.2.1", "a", later);
	assert_int_equal(ask("192.0.2.1", "a", later), GUARD_LATER);
	assert_int_equal(ask("192.0.2.1", "a", now), GUARD_STRANGER);
}

static void an_ipv6_network_is_one_address(void **state)
{
	char peer[40];
	int i;

	for (i = 0; i < 3; i++) {
		snprintf(peer, sizeof peer, "2001:db8:0:1::%x", i);
		miss(peer, "a", BEGIN);
	}
	assert_int_equal(ask("2001:db8:0:1:ffff::9", "b", BEGIN), GUARD_LATER);
	assert_int_equal(ask("2001:db8:0:2::9", "b", BEGIN), GUARD_STRANGER);
}

/* Five strangers guess at "anna": a stranger has to wait, and Anna's own address has not. */
static void nobody_is_locked_out_by_failing_in_its_name(void **state)
{
	char peer[40];
	int i;

	succeed("192.0.2.1", "Anna", BEGIN);
	for (i = 0; i < 12; i++) {
		snprintf(peer, sizeof peer, "198.51.100.%d", i);
		assert_int_equal(miss(peer, "anna", BEGIN).user, i == 4   ? FAILURES_SLOW
								 : i == 9 ? FAILURES_BLOCKED
									  : FAILURES_COUNTED);
	}
	assert_int_equal(ask("203.0.113.9", "anna", BEGIN + 300000), GUARD_LATER);
	assert_int_equal(ask("192.0.2.1", "anna", BEGIN), GUARD_KNOWN);
	assert_int_equal(ask("203.0.113.9", "bert", BEGIN), GUARD_STRANGER);
	for (i = 0; i < 20; i++) /* and those behind its address that guess at others */
		miss("192.0.2.1", "bert", BEGIN);
	assert_int_equal(ask("192.0.2.1", "bert", BEGIN), GUARD_LATER);
	assert_int_equal(ask("192.0.2.1", "anna", BEGIN), GUARD_KNOWN);
}

static void a_known_place_that_fails_itself_is_slowed_as_any(void **state)
{
	int i;

	succeed("192.0.2.1", "anna", BEGIN);
	for (i = 0; i < 3; i++)
		miss("192.0.2.1", "anna", BEGIN);
	assert_int_equal(ask("192.0.2.1", "anna", BEGIN), GUARD_LATER);
	assert_int_equal(ask("192.0.2.1", "bert", BEGIN), GUARD_STRANGER);
	assert_int_equal(ask("203.0.113.9", "anna", BEGIN), GUARD_STRANGER);
}

static void a_place_is_known_for_ninety_days_and_over_a_restart(void **state)
{
	static char saved[PLACES_SAVED];

	succeed("192.0.2.1", "anna", BEGIN);
	assert_true(guard.changed);
	guard.changed = false;
	succeed("192.0.2.1", "anna", BEGIN + 1000);
	assert_false(guard.changed); /* once a day is enough */
	memcpy(saved, places_saved(&guard.places).ptr, sizeof saved);
	start(state);
	assert_int_equal(ask("192.0.2.1", "anna", BEGIN), GUARD_STRANGER);
	assert_false(places_restore(&guard.places, gw_str_n(saved, sizeof saved - 1)));
	assert_true(places_restore(&guard.places, gw_str_n(saved, sizeof saved)));
	assert_int_equal(ask("192.0.2.1", "anna", BEGIN + 90 * DAY), GUARD_KNOWN);
	assert_int_equal(ask("192.0.2.1", "anna", BEGIN + 91 * DAY), GUARD_STRANGER);
}

/* Whose last login is longest ago makes room. */
static void very_many_places_take_no_more_room(void **state)
{
	char peer[40];
	int i, known = 0;

	for (i = 0; i < 20000; i++) {
		snprintf(peer, sizeof peer, "10.%d.%d.1", i / 250, i % 250);
		succeed(peer, "anna", BEGIN + i / 200 * DAY);
		assert_int_equal(ask(peer, "anna", BEGIN + i / 200 * DAY), GUARD_KNOWN);
	}
	for (i = 19900; i < 20000; i++) {
		snprintf(peer, sizeof peer, "10.%d.%d.1", i / 250, i % 250);
		known += ask(peer, "anna", BEGIN + 99 * DAY) == GUARD_KNOWN;
	}
	assert_true(known > 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_address_that_fails_is_slowed_and_then_blocked, start),
		cmocka_unit_test_setup(a_clock_that_is_set_back_blocks_nobody_for_longer, start),
		cmocka_unit_test_setup(an_ipv6_network_is_one_address, start),
		cmocka_unit_test_setup(nobody_is_locked_out_by_failing_in_its_name, start),
		cmocka_unit_test_setup(a_known_place_that_fails_itself_is_slowed_as_any, start),
		cmocka_unit_test_setup(a_place_is_known_for_ninety_days_and_over_a_restart, start),
		cmocka_unit_test_setup(very_many_places_take_no_more_room, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
