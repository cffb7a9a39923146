/* module_test.c - a relay without a host, where a module delivers with a login: whatever it says
 * and whenever, nobody gets a message twice, and what it said is kept. */
#include "world.h"

static void check_kept(void)
{
	for (size_t i = 0; i < RCPTS; i++)
		assert_true(!world.delivered[i] || world.recorded_mask & (uint64_t)1 << i);
}

static void deliver_by_module(void)
{
	world.by_module = true;
	world.message = make_message();
	round_begin(world.message);
	world_run();
	check_kept();
	assert_true(world.ended == 1 || world.stopped);
	assert_true(list_empty(&deliveries_of(worker)->rounds));
	assert_true(list_empty(&deliveries_of(worker)->ready));
}

static void what_a_module_delivered_is_kept_and_never_sent_twice(void **state)
{
	relays[0].hosts.count = 0;
	relays[0].auth = true;
	assert_true(world_each(deliver_by_module, 3) > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_module_delivered_is_kept_and_never_sent_twice),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
