/* What an admin orders of messages that are not in memory, and what a disk that does not answer
 * makes of those that are to be read. */
#include "../spool/pread.h"
#include "queue_kit.h"

/* So many reads from now on end with that errno; 0: what is read is not what was written. */
static unsigned failing_reads;
static int fail_errno;

/* Told once, behind the next read and before whoever asked for it has it. */
static struct post *behind_read;

static ssize_t failing_pread(int fd, void *out, size_t len, off_t offset)
{
	long got = syscall(SYS_pread64, fd, out, len, offset);
	if (behind_read)
		worker_post(worker, behind_read);
	behind_read = NULL;
	if (failing_reads == 0 || got <= 0)
		return got;
	failing_reads--;
	errno = fail_errno;
	if (!fail_errno)
		((char *)out)[0] ^= 1;
	return fail_errno ? -1 : got;
}

static void fail_reads(unsigned count, int error)
{
	failing_reads = count;
	fail_errno = error;
}

/* One that waits for an hour, on the disk alone. */
static uint64_t one_on_disk(void)
{
	act = keep_it;
	uint64_t id = send_in("a@example.com");
	restart();
	assert_int_equal(counted().waiting, 1);
	assert_int_equal(counted().in_memory, 0);
	act = finish_it;
	return id;
}

static void turn(void)
{
	timer_set(worker, &later, 1, stop_by_timer);
	worker_run(worker);
}

/* Until all that was ordered stands on the disk. */
static void settle(void)
{
	do
		turn();
	while (queue_orders_open(worker) || counted().in_memory);
}

static uint8_t state_of(uint64_t id)
{
	const struct queue_entry *entry = queue_find(worker, id);
	assert_non_null(entry);
	return entry->state;
}

static void an_order_is_read_for_and_survives_a_restart(void **state)
{
	uint64_t id = one_on_disk();
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_int_equal(state_of(id), ENTRY_HELD);
	assert_int_equal(counted().in_memory, 0); /* nothing was read on the spot */
	assert_int_equal(queue_orders_open(worker), 1);
	settle();
	restart();
	assert_int_equal(state_of(id), ENTRY_HELD);
	assert_true(queue_order(worker, id, ORDER_RELEASE));
	worker_run(worker);
	assert_int_equal(runs, 1);
}

static void the_last_of_two_orders_holds(void **state)
{
	uint64_t id = one_on_disk();
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_true(queue_order(worker, id, ORDER_RELEASE));
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_int_equal(queue_orders_open(worker), 1);
	settle();
	assert_int_equal(runs, 0);
	restart();
	assert_int_equal(state_of(id), ENTRY_HELD);
}

static void look_for_the_move(struct gw_message *message)
{
	assert_false(message->held);
	assert_true(gw_str_eq(message_note(message, gw_str("to")), gw_str("second")));
	finish_it(message);
}

static void a_move_and_a_release_come_together(void **state)
{
	uint64_t id = one_on_disk();
	act = look_for_the_move;
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_true(queue_set_note(worker, id, gw_str("to"), gw_str("first")));
	assert_true(queue_set_note(worker, id, gw_str("to"), gw_str("second")));
	assert_int_equal(state_of(id), ENTRY_HELD);
	assert_true(queue_order(worker, id, ORDER_RELEASE));
	worker_run(worker);
	assert_int_equal(runs, 1);
}

static void move_it(struct post *post)
{
	size_t at = 0;
	struct queue_entry *entry = queue_next(worker, &at);
	assert_int_equal(entry->state, ENTRY_READING);
	assert_true(queue_set_note(worker, entry->id, gw_str("to"), gw_str("second")));
}

static void a_move_while_it_is_read_is_not_lost(void **state)
{
	struct post post = { .run = move_it };
	uint64_t id = one_on_disk();
	act = look_for_the_move;
	behind_read = &post;
	assert_true(queue_order(worker, id, ORDER_RETRY));
	worker_run(worker);
	assert_int_equal(runs, 1);
	assert_null(behind_read);
}

static void what_is_deleted_meanwhile_is_gone(void **state)
{
	uint64_t id = one_on_disk();
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_true(queue_order(worker, id, ORDER_DELETE));
	assert_null(queue_find(worker, id));
	settle();
	restart();
	assert_int_equal(recovered, 0);
}

static void an_order_is_carried_out_though_all_stops(void **state)
{
	uint64_t id = one_on_disk();
	assert_true(queue_order(worker, id, ORDER_HOLD));
	atomic_store(&runtime.stopping, true);
	settle();
	restart();
	assert_int_equal(state_of(id), ENTRY_HELD);
}

static void many_are_read_a_few_at_a_time(void **state)
{
	enum { COUNT = 50 };
	uint64_t ids[COUNT];
	act = keep_it;
	for (unsigned i = 0; i < COUNT; i++)
		ids[i] = send_in("a@example.com");
	restart();
	for (unsigned i = 0; i < COUNT; i++)
		assert_true(queue_order(worker, ids[i], ORDER_HOLD));
	assert_int_equal(queue_orders_open(worker), COUNT);
	settle();
	restart();
	assert_int_equal(counted().held, COUNT);
}

/* --- the disk does not answer --- */

static void what_cannot_be_read_now_comes_later(void **state)
{
	static const int errors[] = { EIO, ENOMEM };
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		uint64_t id = one_on_disk();
		fail_reads(1, errors[i]);
		assert_true(queue_order(worker, id, ORDER_RETRY));
		while (failing_reads || state_of(id) == ENTRY_READING)
			turn();
		assert_int_equal(state_of(id), ENTRY_WAITING);
		assert_true(queue_find(worker, id)->due.order > queue_now());
		assert_true(queue_order(worker, id, ORDER_RETRY));
		worker_run(worker);
		assert_int_equal(runs, 1);
	}
}

static void an_order_outlives_a_disk_that_does_not_answer(void **state)
{
	uint64_t id = one_on_disk();
	fail_reads(1, EIO);
	act = look_for_the_move;
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_true(queue_set_note(worker, id, gw_str("to"), gw_str("second")));
	settle();
	assert_int_equal(failing_reads, 0);
	assert_int_equal(state_of(id), ENTRY_HELD);
	assert_true(queue_order(worker, id, ORDER_RELEASE));
	worker_run(worker);
	assert_int_equal(runs, 1);
}

static void what_is_damaged_is_held_whatever_was_ordered(void **state)
{
	uint64_t id = one_on_disk();
	assert_true(queue_order(worker, id, ORDER_HOLD));
	settle();
	fail_reads(1, 0);
	assert_true(queue_order(worker, id, ORDER_RELEASE));
	settle();
	assert_int_equal(failing_reads, 0);
	assert_int_equal(state_of(id), ENTRY_HELD);
	assert_int_equal(runs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(an_order_is_read_for_and_survives_a_restart),
		TEST(the_last_of_two_orders_holds),
		TEST(a_move_and_a_release_come_together),
		TEST(a_move_while_it_is_read_is_not_lost),
		TEST(what_is_deleted_meanwhile_is_gone),
		TEST(an_order_is_carried_out_though_all_stops),
		TEST(many_are_read_a_few_at_a_time),
		TEST(what_cannot_be_read_now_comes_later),
		TEST(an_order_outlives_a_disk_that_does_not_answer),
		TEST(what_is_damaged_is_held_whatever_was_ordered),
	};
	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
