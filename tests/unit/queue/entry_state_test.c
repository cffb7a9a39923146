/* entry_state_test.c - what may happen to an entry in each state, and what follows. */
#include "queue/queue_private.h"
#include "queue_kit.h"

static const struct row {
	enum entry_state state;
	enum entry_event event;
	enum entry_state next;
} rows[] = {
	/* it comes in */
	{ ENTRY_NEW, ENTRY_ON_ADD, ENTRY_WAITING },
	{ ENTRY_NEW, ENTRY_ON_HOLD, ENTRY_HELD },
	{ ENTRY_NEW, ENTRY_ON_NOT_NOW, ENTRY_WAITING },
	{ ENTRY_NEW, ENTRY_ON_DAMAGED, ENTRY_HELD },
	/* due */
	{ ENTRY_WAITING, ENTRY_ON_READ, ENTRY_READING },
	{ ENTRY_WAITING, ENTRY_ON_BEGIN, ENTRY_ACTIVE },
	{ ENTRY_WAITING, ENTRY_ON_WAKE, ENTRY_WAITING },
	/* read: here, not now, damaged */
	{ ENTRY_READING, ENTRY_ON_BEGIN, ENTRY_ACTIVE },
	{ ENTRY_READING, ENTRY_ON_NOT_NOW, ENTRY_WAITING },
	{ ENTRY_READING, ENTRY_ON_DAMAGED, ENTRY_HELD },
	{ ENTRY_WAITING, ENTRY_ON_NOT_NOW, ENTRY_WAITING },
	{ ENTRY_WAITING, ENTRY_ON_DAMAGED, ENTRY_HELD },
	/* what the runner says */
	{ ENTRY_ACTIVE, ENTRY_ON_LATER, ENTRY_WAITING },
	{ ENTRY_ACTIVE, ENTRY_ON_HOLD, ENTRY_HELD },
	{ ENTRY_ACTIVE, ENTRY_ON_FINAL, ENTRY_GONE },
	/* on hold it is looked at for its sender, and stays so where it cannot be read */
	{ ENTRY_HELD, ENTRY_ON_READ, ENTRY_READING },
	{ ENTRY_HELD, ENTRY_ON_BEGIN, ENTRY_ACTIVE },
	{ ENTRY_HELD, ENTRY_ON_NOT_NOW, ENTRY_HELD },
	{ ENTRY_HELD, ENTRY_ON_DAMAGED, ENTRY_HELD },
	/* an admin's word */
	{ ENTRY_WAITING, ENTRY_ON_HOLD, ENTRY_HELD },
	{ ENTRY_HELD, ENTRY_ON_RELEASE, ENTRY_WAITING },
	{ ENTRY_WAITING, ENTRY_ON_DELETE, ENTRY_GONE },
	{ ENTRY_READING, ENTRY_ON_DELETE, ENTRY_GONE },
	{ ENTRY_ACTIVE, ENTRY_ON_DELETE, ENTRY_GONE },
	{ ENTRY_HELD, ENTRY_ON_DELETE, ENTRY_GONE },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static enum entry_state expected(enum entry_state state, enum entry_event event)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].state == state && rows[i].event == event)
			return rows[i].next;
	return ENTRY_FORBIDDEN;
}

static void each_pair_is_in_the_table_or_forbidden(void **state)
{
	for (enum entry_state from = 0; from < ENTRY_STATES; from++)
		for (enum entry_event event = 0; event < ENTRY_EVENTS; event++)
			assert_int_equal(entry_next(from, event), expected(from, event));
}

static void each_has_a_name(void **state)
{
	for (enum entry_state at = 0; at < ENTRY_STATES; at++)
		assert_non_null(entry_state_name(at));
	for (enum entry_event event = 0; event < ENTRY_EVENTS; event++)
		assert_non_null(entry_event_name(event));
}

static void what_is_forbidden_changes_nothing(void **state)
{
#ifdef GATEWAY_STRICT
	skip(); /* it aborts there */
#endif
	act = keep_it;
	uint64_t id = send_in("a@example.com");
	struct queue_entry *entry = queue_find(worker, id);
	int64_t due = entry->due.order;
	assert_int_equal(entry->state, ENTRY_WAITING);
	assert_false(entry_change(queue_of(worker), entry, ENTRY_ON_FINAL, 0));
	assert_false(entry_change(queue_of(worker), entry, ENTRY_ON_LATER, 1));
	assert_false(entry_change(queue_of(worker), entry, ENTRY_ON_RELEASE, 1));
	assert_int_equal(entry->state, ENTRY_WAITING);
	assert_true(entry->in_heap);
	assert_int_equal(entry->due.order, due);
	assert_int_equal(counted().waiting, 1);
}

static void each_state_is_counted(void **state)
{
	act = keep_it;
	uint64_t id = send_in("a@example.com");
	assert_int_equal(counted().waiting, 1);
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_int_equal(counted().waiting, 0);
	assert_int_equal(counted().held, 1);
	assert_true(queue_order(worker, id, ORDER_DELETE));
	for (size_t i = 0; i < ENTRY_STATES; i++)
		assert_int_equal(queue_of(worker)->in[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pair_is_in_the_table_or_forbidden),
		cmocka_unit_test(each_has_a_name),
		cmocka_unit_test_setup_teardown(what_is_forbidden_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(each_state_is_counted, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
