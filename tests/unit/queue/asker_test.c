/* Who waits for what becomes of a message is told once: what the first round gave, or that the
 * message is as accepted. A refusal is told when FINAL is on the disk. */
#include "queue/asker.h"
#include "queue_kit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* While it is closed nothing reaches the disk; broken, every write fails. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool is_closed, is_broken;

static void disk(bool closed, bool broken)
{
	pthread_mutex_lock(&lock);
	is_closed = closed;
	is_broken = broken;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static ssize_t gated_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	pthread_mutex_lock(&lock);
	while (is_closed)
		pthread_cond_wait(&changed, &lock);
	bool broken = is_broken;
	pthread_mutex_unlock(&lock);
	if (!broken)
		return syscall(SYS_pwritev, fd, iov, count, (unsigned long)offset, 0UL);
	errno = EIO;
	return -1;
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	return gated_pwritev(fd, iov, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int count, off_t offset)
{
	return gated_pwritev(fd, iov, count, offset);
}

/* --- the client --- */

static struct asker asker;
static bool is_there;   /* what refuse() says */
static unsigned times;  /* how often it was told */
static unsigned claims; /* how often it was asked whether it is there */
static enum asker_end heard;
static int heard_code;

static bool refuse(struct asker *self, const struct smtp_reply *reply)
{
	claims++;
	heard_code = reply->code;
	return is_there;
}

static void told(struct asker *self, enum asker_end end, const struct smtp_reply *reply)
{
	times++;
	heard = end;
	if (reply)
		heard_code = reply->code;
}

static bool is_worked_on(void)
{
	return runs > 0;
}

static bool is_heard(void)
{
	return times > 0;
}

static void run_until(bool (*done)(void))
{
	for (unsigned turns = 0; !done() && turns < 20000; turns++) {
		timer_set(worker, &later, 1, stop_by_timer);
		worker_run(worker);
	}
	assert_true(done());
}

static void is_told(enum asker_end end)
{
	assert_int_equal(times, 1);
	assert_int_equal(heard, end);
	assert_int_equal(asker.state, ASKER_DONE);
	assert_false(queue_is_asked(worker, asker.id));
	assert_true(queue_unask(worker, &asker));
}

/* Begins a message whose client waits so long, and runs until it was worked on. */
static uint64_t send_asked(void (*runner)(struct gw_message *), int64_t ms)
{
	struct gw_str rcpt = gw_str("b@example.net");
	struct submission submission = {
		.worker = worker,
		.snapshot = &snapshot,
		.sender = gw_str("a@example.com"),
		.rcpts = &rcpt,
		.rcpt_count = 1,
		.bytes = gw_str("Subject: x\r\n\r\nhello\r\n"),
		.id = submit_id(worker),
	};
	act = runner;
	is_there = true;
	runs = times = claims = 0;
	heard_code = 0;
	disk(false, false);
	asker = (struct asker){ .id = submission.id, .refuse = refuse, .told = told };
	assert_int_equal(queue_ask(worker, &asker, ms), 0);
	assert_true(queue_is_asked(worker, submission.id));
	submit(&submission);
	run_until(is_worked_on);
	return submission.id;
}

static const struct smtp_reply no = { .code = 550, .enhanced = { 5, 1, 1 } };
static const struct smtp_reply yes = { .code = 250, .enhanced = { 2, 0, 0 } };

/* --- what the next hop says --- */

static void deliver(struct gw_message *message)
{
	queue_tell(message, ASKER_DELIVERED, &yes);
	queue_final(message);
}

static void a_delivery_is_told_with_its_reply(void **state)
{
	send_asked(deliver, 60000);
	is_told(ASKER_DELIVERED);
	assert_int_equal(heard_code, 250);
}

static void stay(struct gw_message *message)
{
	message->next_at = queue_now() + 3600 * 1000;
	queue_later(message);
}

static void give_up(struct gw_message *message)
{
	if (queue_refuse(message, &no)) {
		assert_int_equal(asker.state, ASKER_CLAIMED);
		queue_final(message);
	} else {
		stay(message);
	}
}

static void a_refusal_survives_a_restart(void **state)
{
	send_asked(give_up, 60000);
	run_until(is_heard);
	is_told(ASKER_REFUSED);
	assert_int_equal(heard_code, 550);
	restart();
	assert_int_equal(recovered, 0);
}

static void give_up_on_a_slow_disk(struct gw_message *message)
{
	disk(true, false);
	give_up(message);
}

static void a_refusal_is_not_told_before_it_is_written(void **state)
{
	uint64_t id = send_asked(give_up_on_a_slow_disk, 60000);
	assert_int_equal(times, 0);
	assert_int_equal(asker.state, ASKER_WRITES);
	assert_null(queue_find(worker, id)); /* no admin and no deadline changes it now */
	assert_false(queue_order(worker, id, ORDER_HOLD));
	queue_tell_all(worker, ASKER_STOPPED);
	assert_int_equal(times, 0);
	disk(false, false);
	run_until(is_heard);
	is_told(ASKER_REFUSED);
}

static void a_client_that_leaves_while_it_is_written_is_told_nothing_sooner(void **state)
{
	send_asked(give_up_on_a_slow_disk, 60000);
	assert_false(queue_unask(worker, &asker));
	assert_int_equal(times, 0);
	disk(false, false);
	run_until(is_heard);
	is_told(ASKER_REFUSED);
	restart();
	assert_int_equal(recovered, 0);
}

static void give_up_on_a_broken_disk(struct gw_message *message)
{
	disk(false, true);
	give_up(message);
}

static void a_refusal_that_is_not_written_is_lost_and_the_message_comes_back(void **state)
{
	uint64_t id = send_asked(give_up_on_a_broken_disk, 60000);
	run_until(is_heard);
	is_told(ASKER_LOST);
	disk(false, false);
	restart();
	assert_int_equal(recovered, 1);
	assert_non_null(queue_find(worker, id));
}

/* --- the message is as accepted --- */

static void give_up_without_client(struct gw_message *message)
{
	is_there = false;
	give_up(message);
}

static void a_client_that_is_gone_is_refused_nothing(void **state)
{
	uint64_t id = send_asked(give_up_without_client, 60000);
	assert_int_equal(claims, 1);
	is_told(ASKER_OPEN);
	assert_int_equal(counted().waiting, 1);
	restart();
	assert_non_null(queue_find(worker, id));
}

static void no_answer_in_time_is_told(void **state)
{
	uint64_t id = send_asked(stay, 1);
	run_until(is_heard);
	is_told(ASKER_LATE);
	assert_non_null(queue_find(worker, id));
}

static void an_order_is_told_whatever_it_is(void **state)
{
	static const enum queue_order orders[] = { ORDER_RETRY, ORDER_HOLD, ORDER_RELEASE,
						   ORDER_BOUNCE, ORDER_DELETE };
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		uint64_t id = send_asked(stay, 60000);
		assert_int_equal(times, 0);
		assert_true(queue_order(worker, id, orders[i]));
		is_told(ASKER_ORDERED);
		queue_order(worker, id, ORDER_DELETE);
	}
	uint64_t id = send_asked(stay, 60000);
	assert_true(queue_set_note(worker, id, gw_str("to"), gw_str("other")));
	is_told(ASKER_ORDERED);
}

static uint64_t active;

static void order_meanwhile(struct gw_message *message)
{
	active = message->id;
	assert_true(queue_order(worker, message->id, ORDER_HOLD));
	give_up(message);
}

static void an_order_in_the_middle_takes_the_refusal_away(void **state)
{
	send_asked(order_meanwhile, 60000);
	is_told(ASKER_ORDERED);
	assert_int_equal(claims, 0);
	assert_int_equal(queue_find(worker, active)->state, ENTRY_HELD);
}

static void a_stop_tells_each(void **state)
{
	send_asked(stay, 60000);
	queue_tell_all(worker, ASKER_STOPPED);
	is_told(ASKER_STOPPED);
	queue_tell_all(worker, ASKER_STOPPED);
	assert_int_equal(times, 1);
}

static void who_left_is_told_nothing(void **state)
{
	send_asked(stay, 60000);
	assert_true(queue_unask(worker, &asker));
	queue_tell_all(worker, ASKER_STOPPED);
	assert_int_equal(times, 0);
	assert_false(queue_is_asked(worker, asker.id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_delivery_is_told_with_its_reply),
		TEST(a_refusal_survives_a_restart),
		TEST(a_refusal_is_not_told_before_it_is_written),
		TEST(a_client_that_leaves_while_it_is_written_is_told_nothing_sooner),
		TEST(a_refusal_that_is_not_written_is_lost_and_the_message_comes_back),
		TEST(a_client_that_is_gone_is_refused_nothing),
		TEST(no_answer_in_time_is_told),
		TEST(an_order_is_told_whatever_it_is),
		TEST(an_order_in_the_middle_takes_the_refusal_away),
		TEST(a_stop_tells_each),
		TEST(who_left_is_told_nothing),
	};
	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
