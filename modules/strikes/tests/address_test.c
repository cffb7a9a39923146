/* address_test.c - who hears 421 before anybody knows who it is: counted by address, told, bounded.
 */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define DAY_MS (24 * 3600 * 1000LL)

static void turned_away(struct testkit *kit, const char *stage, const char *peer)
{
	char json[128];
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str("refused"),
				  .code = 421,
				  .text = gw_str("too many sessions from your address") };

	snprintf(json, sizeof json, "{\"stage\":\"%s\",\"peer\":\"%s\"}", stage, peer);
	event.json = gw_str(json);
	testkit_run_event(kit, &event);
}

static struct testkit *started(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static bool reported(struct testkit *kit, const char *part)
{
	testkit_forget(kit);
	testkit_run_control(kit, "", false);
	return testkit_has(kit, TESTKIT_REPLY, part);
}

static void addresses_are_counted_and_warned_of(void **state)
{
	struct testkit *kit = started();

	turned_away(kit, "sessions", "192.0.2.1");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
	turned_away(kit, "sessions", "192.0.2.1");
	assert_true(testkit_has(
		kit, TESTKIT_EVENT,
		"strike-warning address [192.0.2.1] was refused 2 times today, and may go another way at 3; "
		"the last time: 421 too many sessions from your address"));
	turned_away(kit, "sessions", "192.0.2.1");
	turned_away(kit, "sessions", "192.0.2.1");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 2);
	assert_true(reported(
		kit, "{\"client\":\"[192.0.2.1]\",\"messages\":0,\"refused\":4,\"limit\":3"));
	assert_true(reported(kit, "\"stage\":\"sessions\",\"code\":421,\"words\":\"too many"));
	testkit_destroy(kit);
}

static void of_ipv6_the_network_counts(void **state)
{
	struct testkit *kit = started();

	turned_away(kit, "sessions", "2001:db8:0:7::1");
	turned_away(kit, "sessions", "2001:db8:0:7:ffff::2");
	turned_away(kit, "sessions", "2001:db8:0:8::1");
	assert_true(
		reported(kit, "{\"client\":\"[2001:db8:0:7::/64]\",\"messages\":0,\"refused\":2"));
	assert_true(
		reported(kit, "{\"client\":\"[2001:db8:0:8::/64]\",\"messages\":0,\"refused\":1"));
	testkit_destroy(kit);
}

static void other_refusals_of_strangers_count_for_nobody(void **state)
{
	struct testkit *kit = started();

	turned_away(kit, "auth", "192.0.2.1");
	turned_away(kit, "connect", "192.0.2.1");
	turned_away(kit, "sessions", "?");
	turned_away(kit, "sessions", "");
	assert_true(reported(kit, "\"rows\":[]"));
	testkit_destroy(kit);
}

static void yesterday_is_over_and_a_restart_is_not(void **state)
{
	struct testkit *kit = started();

	turned_away(kit, "sessions", "192.0.2.1");
	assert_int_equal(testkit_restart(kit), 0);
	turned_away(kit, "sessions", "192.0.2.1");
	assert_true(reported(kit, "\"refused\":2"));
	testkit_advance(kit, DAY_MS);
	assert_true(reported(kit, "\"rows\":[]"));
	turned_away(kit, "sessions", "192.0.2.1");
	assert_true(reported(kit, "\"refused\":1"));
	testkit_destroy(kit);
}

static void from_many(struct testkit *kit, int subnet, int count)
{
	char peer[40];
	int i;

	for (i = 0; i < count; i++) {
		snprintf(peer, sizeof peer, "10.%d.%d.%d", subnet, i / 256, i % 256);
		turned_away(kit, "sessions", peer);
	}
}

static void who_has_many_addresses_fills_nothing(void **state)
{
	struct testkit *kit = started();
	char answer[80];

	from_many(kit, 1, 300);
	assert_true(reported(kit, "{\"client\":\"[10.1.0.255]\",\"messages\":0,\"refused\":1"));
	assert_false(reported(kit, "[10.1.1.0]"));
	snprintf(answer, sizeof answer, "{\"client\":\"[others]\",\"messages\":0,\"refused\":%d",
		 300 - 256);
	assert_true(reported(kit, answer));
	testkit_advance(kit, DAY_MS); /* places of another day are given away */
	from_many(kit, 2, 256);
	assert_true(reported(kit, "{\"client\":\"[10.2.0.250]\",\"messages\":0,\"refused\":1"));
	testkit_destroy(kit);
}

static void a_store_that_fails_warns_of_nothing(void **state)
{
	struct testkit *kit = started();

	turned_away(kit, "sessions", "192.0.2.1");
	testkit_fail(kit, "record_put", 1);
	turned_away(kit, "sessions", "192.0.2.1");
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_counted_and_warned_of),
		cmocka_unit_test(of_ipv6_the_network_counts),
		cmocka_unit_test(other_refusals_of_strangers_count_for_nobody),
		cmocka_unit_test(yesterday_is_over_and_a_restart_is_not),
		cmocka_unit_test(who_has_many_addresses_fills_nothing),
		cmocka_unit_test(a_store_that_fails_warns_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
