/* Who waits for what, and whose turn it is when that comes. */
#include "queue/wait.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define MANY 100000

static struct waits waits;

static int set_up(void **state)
{
	waits_init(&waits);
	return 0;
}

static int tear_down(void **state)
{
	waits_finish(&waits);
	return 0;
}

static void put(struct queue_entry *entry, uint64_t id, const char *key, const char *client)
{
	entry->id = id;
	waits_put(&waits, entry, gw_str(key), gw_str(client));
}

static uint64_t next(const char *key)
{
	struct queue_entry *entry = waits_next(&waits, gw_str(key));
	return entry ? entry->id : 0;
}

static bool is_key(const void *arg, struct gw_str key)
{
	return gw_str_eq(key, gw_str(arg));
}

static bool is_any(const void *arg, struct gw_str key)
{
	return true;
}

static void what_came_first_goes_first_however_it_was_put(void **state)
{
	struct queue_entry *entries = calloc(MANY, sizeof(*entries));
	assert_non_null(entries);
	srandom(3);
	for (size_t i = 0; i < MANY; i++)
		entries[i].id = i + 1;
	for (size_t i = MANY; i-- > 1;) {
		size_t other = (size_t)random() % (i + 1);
		uint64_t id = entries[i].id;
		entries[i].id = entries[other].id;
		entries[other].id = id;
	}
	for (size_t i = 0; i < MANY; i++)
		put(&entries[i], entries[i].id, "out", "crm");
	for (uint64_t id = 1; id <= MANY; id++)
		assert_int_equal(next("out"), id);
	assert_int_equal(next("out"), 0);
	free(entries);
}

static void clients_take_turns(void **state)
{
	struct queue_entry entries[5] = { 0 };
	put(&entries[0], 1, "out", "many");
	put(&entries[1], 2, "out", "many");
	put(&entries[2], 3, "out", "many");
	put(&entries[3], 4, "out", "one");
	assert_int_equal(next("out"), 1);
	assert_int_equal(next("out"), 4);
	assert_int_equal(next("out"), 2);
	put(&entries[4], 5, "out", "one");
	assert_int_equal(next("out"), 3);
	assert_int_equal(next("out"), 5);
	assert_int_equal(next("out"), 0);
}

static void the_first_key_that_comes_wakes_and_the_others_forget_it(void **state)
{
	struct queue_entry entry = { 0 };
	put(&entry, 1, "open:first", "crm");
	put(&entry, 1, "second", "crm");
	put(&entry, 1, "second", "crm"); /* once is enough */
	assert_int_equal(next("second"), 1);
	assert_null(entry.waits);
	assert_int_equal(next("second"), 0);
	assert_int_equal(next("open:first"), 0);
}

static void what_comes_to_wait_while_others_are_woken_is_not_meant(void **state)
{
	struct queue_entry entries[3] = { 0 };
	put(&entries[0], 1, "out", "crm");
	put(&entries[1], 2, "out", "crm");
	waits_wake(&waits, is_key, "out");
	put(&entries[2], 3, "out", "crm");
	assert_int_equal(waits_next_woken(&waits)->id, 1);
	assert_int_equal(waits_next_woken(&waits)->id, 2);
	assert_null(waits_next_woken(&waits));
	assert_int_equal(next("out"), 3);
}

static void every_key_is_woken_and_none_left_out(void **state)
{
	enum { KEYS = 300 };
	struct queue_entry entries[KEYS] = { 0 };
	char name[20];
	size_t count = 0;
	for (size_t i = 0; i < KEYS; i++) {
		snprintf(name, sizeof(name), "out/%zu", i);
		put(&entries[i], i + 1, name, "crm");
	}
	waits_wake(&waits, is_any, NULL);
	while (waits_next_woken(&waits))
		count++;
	assert_int_equal(count, KEYS);
}

static void one_that_leaves_takes_its_empty_queue_along(void **state)
{
	struct queue_entry entries[3] = { 0 };
	put(&entries[0], 1, "out", "crm");
	put(&entries[1], 2, "out", "crm");
	put(&entries[2], 3, "out", "other");
	waits_take(&waits, &entries[0]);
	waits_take(&waits, &entries[2]);
	assert_int_equal(next("out"), 2);
	assert_int_equal(waits.keys.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_came_first_goes_first_however_it_was_put,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(clients_take_turns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_first_key_that_comes_wakes_and_the_others_forget_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_comes_to_wait_while_others_are_woken_is_not_meant, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_key_is_woken_and_none_left_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_that_leaves_takes_its_empty_queue_along, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
