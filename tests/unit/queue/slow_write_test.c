/* A state that is long on its way to the disk: meanwhile the message is as memory has it, whoever
 * takes it up and whatever an admin does to it. */
#include "queue_kit.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* While it is closed nothing reaches the disk. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool is_closed;

static void gate(bool closed)
{
	pthread_mutex_lock(&lock);
	is_closed = closed;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&lock);
}

static ssize_t slow_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	pthread_mutex_lock(&lock);
	while (is_closed)
		pthread_cond_wait(&opened, &lock);
	pthread_mutex_unlock(&lock);
	return syscall(SYS_pwritev, fd, iov, count, (unsigned long)offset, 0UL);
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return slow_pwritev(fd, iov, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	return slow_pwritev(fd, iov, count, offset);
}

static uint64_t send_to_two(void)
{
	struct gw_str rcpts[] = { gw_str("b@example.net"), gw_str("c@example.net") };
	struct submission submission = {
		.worker = worker,
		.snapshot = &snapshot,
		.sender = gw_str("a@example.com"),
		.rcpts = rcpts,
		.rcpt_count = 2,
		.bytes = gw_str("Subject: x\r\n\r\nhello\r\n"),
		.id = submit_id(worker),
	};
	submit(&submission);
	worker_run(worker);
	return submission.id;
}

/* What the disk has, and no other. */
static void read_back(uint64_t id)
{
	do {
		timer_set(worker, &later, 1, stop_by_timer);
		worker_run(worker);
	} while (counted().in_memory);
	restart();
	assert_true(queue_order(worker, id, ORDER_RETRY));
	worker_run(worker);
	assert_int_equal(runs, 1);
}

static void park(struct gw_message *message)
{
	message->next_at = queue_now() + 3600 * 1000;
	message->wait_on = gw_str("gate");
	queue_later(message);
}

static void assert_first_has_it(const struct gw_message *message)
{
	assert_int_equal(message->rcpts[0]->status, RCPT_DELIVERED);
	assert_int_equal(message->rcpts[1]->status, RCPT_PENDING);
}

/* --- called back twice --- */

static void deliver_to_the_first(struct gw_message *message)
{
	if (runs == 1) {
		gate(true);
		message->rcpts[0]->status = RCPT_DELIVERED;
		message->changed = true;
	}
	assert_first_has_it(message);
	park(message);
	if (runs < 3) {
		assert_int_equal(queue_wake(worker, gw_str("gate"), 1), 1);
		return;
	}
	gate(false);
	stop();
}

static void look_who_has_it(struct gw_message *message)
{
	assert_first_has_it(message);
	finish_it(message);
}

static void who_has_it_is_known_at_every_recall(void **state)
{
	act = deliver_to_the_first;
	uint64_t id = send_to_two();
	assert_int_equal(runs, 3);
	act = look_who_has_it;
	read_back(id);
}

/* --- moved while it is delivered --- */

static struct gw_message *running;

static void begin_it(struct gw_message *message)
{
	running = message;
	stop();
}

static void look_for_both(struct gw_message *message)
{
	assert_first_has_it(message);
	assert_true(gw_str_eq(message_note(message, gw_str("to")), gw_str("second")));
	if (is_closed) {
		gate(false);
		park(message);
		stop();
	} else {
		finish_it(message);
	}
}

static void a_move_outlives_the_end_of_the_delivery_that_runs(void **state)
{
	act = begin_it;
	uint64_t id = send_to_two();
	assert_int_equal(queue_find(worker, id)->state, ENTRY_ACTIVE);
	gate(true);
	assert_true(queue_set_note(worker, id, gw_str("to"), gw_str("second")));
	running->rcpts[0]->status = RCPT_DELIVERED;
	running->changed = true;
	act = look_for_both;
	park(running);
	worker_run(worker);
	assert_int_equal(runs, 2);
	read_back(id);
}

/* --- one by one --- */

static const struct queue_entry *begun(void)
{
	act = begin_it;
	return queue_find(worker, send_to_two());
}

static void until_written(const struct queue_entry *entry)
{
	while (entry->writes) {
		timer_set(worker, &later, 1, stop_by_timer);
		worker_run(worker);
	}
}

static void look_for_all(struct gw_message *message)
{
	assert_int_equal(message->rcpts[0]->status, RCPT_DELIVERED);
	assert_int_equal(message->rcpts[1]->status, RCPT_FAILED);
	finish_it(message);
}

/* As a kill would find it. */
static void read_last(uint64_t id)
{
	restart();
	act = look_for_all;
	assert_true(queue_order(worker, id, ORDER_RETRY));
	worker_run(worker);
	assert_int_equal(runs, 1);
}

static void of_one_message_one_state_is_on_its_way(void **state)
{
	const struct queue_entry *entry = begun();
	uint64_t id = entry->id;
	gate(true);
	running->rcpts[0]->status = RCPT_DELIVERED;
	for (unsigned i = 0; i < 5000; i++) {
		queue_record(running);
		assert_int_equal(entry->writes, 1);
	}
	running->rcpts[1]->status = RCPT_FAILED;
	queue_record(running);
	gate(false);
	until_written(entry);
	assert_false(running->changed || entry->is_late);
	read_last(id);
}

static void at_a_stop_it_waits_for_none(void **state)
{
	const struct queue_entry *entry = begun();
	uint64_t id = entry->id;
	gate(true);
	queue_record_now(running);
	assert_int_equal(entry->writes, 0);
	running->rcpts[0]->status = RCPT_DELIVERED;
	queue_record(running);
	running->rcpts[1]->status = RCPT_FAILED;
	queue_record(running);
	queue_record_now(running);
	queue_record_now(running);
	assert_int_equal(entry->writes, 2);
	gate(false);
	until_written(entry);
	read_last(id);
}

static void what_went_back_to_the_queue_is_not_written_again(void **state)
{
	const struct queue_entry *entry = begun();
	gate(true);
	queue_record(running);
	queue_record(running);
	park(running);
	assert_int_equal(entry->writes, 2);
	gate(false);
	until_written(entry);
	assert_false(entry->is_late);
}

static int open_and_teardown(void **state)
{
	gate(false);
	return teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_has_it_is_known_at_every_recall, setup,
						open_and_teardown),
		cmocka_unit_test_setup_teardown(a_move_outlives_the_end_of_the_delivery_that_runs,
						setup, open_and_teardown),
		cmocka_unit_test_setup_teardown(of_one_message_one_state_is_on_its_way, setup,
						open_and_teardown),
		cmocka_unit_test_setup_teardown(at_a_stop_it_waits_for_none, setup,
						open_and_teardown),
		cmocka_unit_test_setup_teardown(what_went_back_to_the_queue_is_not_written_again,
						setup, open_and_teardown),
	};
	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
