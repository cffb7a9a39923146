/* The queue over a real spool. */
#include "queue_kit.h"

/* --- acts --- */

static void defer_once(struct gw_message *message)
{
	if (message->attempts++ == 0) {
		message->next_at = queue_now() + 30;
		queue_later(message);
	} else {
		finish_it(message);
	}
}

static void hold_it(struct gw_message *message)
{
	queue_hold(message, gw_str("the test says so"));
	stop();
}

static void look_for_note(struct gw_message *message)
{
	assert_int_equal(message->attempts, 3);
	assert_true(gw_str_eq(message_note(message, gw_str("test.note")), gw_str("kept")));
	finish_it(message);
}

static void park_it_and_call_it_back(struct gw_message *message)
{
	if (runs > 1) {
		look_for_note(message);
		return;
	}
	message->attempts = 3;
	message_note_set(message, gw_str("test.note"), gw_str("kept"));
	message->next_at = queue_now() + 3600 * 1000;
	message->changed = true;
	message->wait_on = gw_str("gate");
	queue_later(message);
	assert_int_equal(queue_wake(worker, gw_str("gate"), 1), 1);
}

/* --- the tests --- */

static void a_new_message_is_worked_on(void **state)
{
	struct queue_counts counts;
	act = finish_it;
	uint64_t id = send_in("a@example.com");
	assert_int_equal(runs, 1);
	assert_int_equal(last_id, id);
	queue_count(worker, &counts);
	assert_int_equal(counts.waiting + counts.active + counts.held + counts.in_memory, 0);
	assert_null(queue_find(worker, id));
}

static void a_deferred_one_comes_back_when_it_is_due(void **state)
{
	act = defer_once;
	int64_t before = queue_now();
	send_in("a@example.com");
	assert_int_equal(runs, 2);
	assert_true(queue_now() - before >= 25);
}

/* The disk does not have the state yet. */
static void one_that_is_called_back_at_once_has_its_state(void **state)
{
	struct queue_counts counts;
	act = park_it_and_call_it_back;
	send_in("a@example.com");
	assert_int_equal(runs, 2);
	queue_count(worker, &counts);
	assert_int_equal(counts.waiting + counts.active + counts.held + counts.in_memory, 0);
}

static void a_message_leaves_memory_when_its_state_is_on_disk(void **state)
{
	struct queue_counts counts;
	act = keep_it;
	send_in("a@example.com");
	do {
		timer_set(worker, &later, 5, stop_by_timer);
		worker_run(worker);
		queue_count(worker, &counts);
	} while (counts.in_memory);
	assert_int_equal(counts.waiting, 1);
}

static void what_was_recorded_survives_a_restart(void **state)
{
	act = keep_it;
	uint64_t id = send_in("a@example.com");
	end();
	begin();
	assert_int_equal(recovered, 1);
	struct queue_entry *entry = queue_find(worker, id);
	assert_non_null(entry);
	assert_int_equal(entry->attempts, 3);
	assert_true(entry->due.order > queue_now() + 3000 * 1000);
	act = look_for_note;
	assert_true(queue_order(worker, id, ORDER_RETRY));
	worker_run(worker);
	assert_int_equal(runs, 1);
}

static void a_finished_one_does_not_come_back(void **state)
{
	act = finish_it;
	send_in("a@example.com");
	end();
	begin();
	assert_int_equal(recovered, 0);
}

static void a_held_one_waits_for_its_release(void **state)
{
	struct queue_counts counts;
	act = hold_it;
	uint64_t id = send_in("a@example.com");
	queue_count(worker, &counts);
	assert_int_equal(counts.held, 1);
	end();
	begin();
	queue_count(worker, &counts);
	assert_int_equal(counts.held, 1); /* over a restart too */
	act = finish_it;
	timer_set(worker, &later, 50, stop_by_timer);
	worker_run(worker);
	assert_int_equal(runs, 0);
	assert_true(queue_order(worker, id, ORDER_RELEASE));
	worker_run(worker);
	assert_int_equal(runs, 1);
}

static void an_admin_may_hold_and_bounce(void **state)
{
	act = keep_it;
	uint64_t id = send_in("a@example.com");
	assert_true(queue_order(worker, id, ORDER_HOLD));
	assert_int_equal(queue_find(worker, id)->state, ENTRY_HELD);
	assert_false(queue_order(worker, id + 1, ORDER_HOLD));
	act = finish_it;
	assert_true(queue_order(worker, id, ORDER_BOUNCE));
	assert_true(queue_find(worker, id)->wants_bounce);
	worker_run(worker);
	assert_int_equal(runs, 2);
}

static void what_is_deleted_is_gone_wherever_it_stood(void **state)
{
	act = keep_it;
	uint64_t waiting = send_in("a@example.com");
	assert_true(queue_order(worker, waiting, ORDER_DELETE));
	assert_null(queue_find(worker, waiting));
	act = hold_it;
	uint64_t held = send_in("b@example.com");
	assert_true(queue_order(worker, held, ORDER_DELETE));
	assert_int_equal(counted().held + counted().waiting + counted().in_memory, 0);
	restart();
	assert_int_equal(recovered, 0);
}

static void delete_it_and_keep(struct gw_message *message)
{
	assert_true(queue_order(worker, message->id, ORDER_DELETE));
	assert_non_null(queue_find(worker, message->id)); /* whoever works on it still has it */
	keep_it(message);
}

static void what_is_worked_on_is_deleted_at_the_end_of_it(void **state)
{
	act = delete_it_and_keep;
	uint64_t id = send_in("a@example.com");
	assert_null(queue_find(worker, id));
	assert_int_equal(counted().active + counted().waiting + counted().in_memory, 0);
	restart();
	assert_int_equal(recovered, 0);
}

static void backoff_follows_the_schedule(void **state)
{
	for (unsigned attempts = 0; attempts < 10; attempts++) {
		int64_t base = retry_ms[attempts < 3 ? (attempts ? attempts - 1 : 0) : 1],
			given = queue_backoff(&snapshot.settings, attempts);
		assert_in_range(given, base - base / 10, base + base / 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_message_is_worked_on, setup, teardown),
		cmocka_unit_test_setup_teardown(a_deferred_one_comes_back_when_it_is_due, setup,
						teardown),
		cmocka_unit_test_setup_teardown(one_that_is_called_back_at_once_has_its_state,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_message_leaves_memory_when_its_state_is_on_disk,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_recorded_survives_a_restart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_finished_one_does_not_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_held_one_waits_for_its_release, setup, teardown),
		cmocka_unit_test_setup_teardown(an_admin_may_hold_and_bounce, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_deleted_is_gone_wherever_it_stood, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_worked_on_is_deleted_at_the_end_of_it,
						setup, teardown),
		cmocka_unit_test_setup_teardown(backoff_follows_the_schedule, setup, teardown),
	};
	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
