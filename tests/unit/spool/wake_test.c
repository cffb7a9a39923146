/* For whom a sync is put off, and for how long. */
#include "spool_kit.h"

#include "spool/wake.h"

#include "base/clock.h"

#define FOREVER_US 20000000

static struct kit *open_with(unsigned gather_us)
{
	struct kit *kit = malloc(sizeof(*kit));

	kit_init(kit);
	kit->options.gather_us = gather_us;
	kit_open(kit);
	assert_non_null(kit->spool);
	return kit;
}

static void close_it(struct kit *kit)
{
	kit_finish(kit);
	free(kit);
}

static void begin(struct kit *kit, struct waited *waited, uint64_t id)
{
	*waited = (struct waited){ .append = { .type = SPOOL_MESSAGE, .id = id, .durable = true } };
	spool_expect(kit->spool, -1);
	waited_start(kit->spool, waited);
}

static void who_is_expected_shares_the_sync(void **state)
{
	struct kit *kit = open_with(FOREVER_US);
	struct waited first, second;
	int64_t began = clock_monotonic();

	kit_message(kit, 3, 100, 1024); /* from here on the thread runs */
	spool_expect(kit->spool, 2);
	begin(kit, &first, 1);
	usleep(20000);
	assert_false(waited_is_over(&first));
	begin(kit, &second, 2);
	assert_int_equal(waited_end(&first), SPOOL_OK);
	assert_int_equal(waited_end(&second), SPOOL_OK);
	assert_true(clock_monotonic() - began < FOREVER_US / 1000);
	close_it(kit);
}

static void nobody_is_waited_for_who_is_not_expected(void **state)
{
	struct kit *kit = open_with(FOREVER_US);
	int64_t began = clock_monotonic();

	kit_message(kit, 1, 100, 1024);
	assert_true(clock_monotonic() - began < FOREVER_US / 1000);
	close_it(kit);
}

static void enough_of_them_wait_for_no_more(void **state)
{
	struct kit *kit = open_with(FOREVER_US);
	int64_t began = clock_monotonic();
	struct waited all[BATCH_ENOUGH];

	spool_expect(kit->spool, 100);
	for (uint64_t i = 0; i < BATCH_ENOUGH; i++)
		begin(kit, &all[i], 1 + i);
	for (size_t i = 0; i < BATCH_ENOUGH; i++)
		assert_int_equal(waited_end(&all[i]), SPOOL_OK);
	assert_true(clock_monotonic() - began < FOREVER_US / 1000);
	close_it(kit);
}

static void a_client_that_stops_is_waited_for_less_and_less(void **state)
{
	enum { LONGEST_MS = 200, MESSAGES = 30 };
	struct kit *kit = open_with(LONGEST_MS * 1000);
	int64_t began = clock_monotonic();

	spool_expect(kit->spool, 1);
	for (uint64_t i = 0; i < MESSAGES; i++)
		kit_message(kit, 1 + i, 100, 1024);
	assert_true(clock_monotonic() - began < LONGEST_MS * MESSAGES / 2);
	close_it(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_expected_shares_the_sync),
		cmocka_unit_test(nobody_is_waited_for_who_is_not_expected),
		cmocka_unit_test(enough_of_them_wait_for_no_more),
		cmocka_unit_test(a_client_that_stops_is_waited_for_less_and_less),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
