#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/listening.h"

#include "loop/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

/* Binds port 0 of an address of our own, which then has the port that the kernel chose. */
static struct channel_order order_for_free_port(unsigned count)
{
	struct channel_order order = { .kind = CHANNEL_LISTEN, .count = count };
	socklen_t len = sizeof(order.address);
	assert_true(listener_address(gw_str("127.0.0.1"), 0, &order.address, &len));
	int fd = listener_bind((struct sockaddr *)&order.address, len, true, 1);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&order.address, &len), 0);
	order.len = len;
	close(fd);
	return order;
}

static bool connects(const struct channel_order *order)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (const struct sockaddr *)&order->address, order->len) == 0;
	close(fd);
	return connected;
}

static int end(void **state)
{
	listening_close();
	return 0;
}

static void the_same_sockets_are_given_again(void **state)
{
	struct channel_order order = order_for_free_port(3);
	unsigned count;
	const int *fds = listening_give(&order, &count);
	assert_non_null(fds);
	assert_int_equal(count, 3);
	int first = fds[0];
	listening_settle(true);
	fds = listening_give(&order, &count);
	assert_int_equal(count, 3);
	assert_int_equal(fds[0], first);
	listening_settle(true);
	assert_true(connects(&order));
}

static void what_is_no_longer_asked_for_closes(void **state)
{
	struct channel_order stays = order_for_free_port(1), goes = order_for_free_port(1);
	unsigned count;
	listening_give(&stays, &count);
	listening_give(&goes, &count);
	listening_settle(true);
	listening_give(&stays, &count);
	listening_settle(true);
	assert_true(connects(&stays));
	assert_false(connects(&goes));
}

static void what_is_undone_was_never_there(void **state)
{
	struct channel_order stays = order_for_free_port(1), new = order_for_free_port(1);
	unsigned count;
	listening_give(&stays, &count);
	listening_settle(true);
	listening_give(&new, &count);
	listening_settle(false);
	assert_true(connects(&stays));
	assert_false(connects(&new));
}

static void other_numbers_of_workers_get_other_numbers_of_sockets(void **state)
{
	struct channel_order order = order_for_free_port(2);
	unsigned count;
	for (size_t i = 0; i < 4; i++) {
		order.count = (unsigned[]){ 2, 4, 1, 3 }[i];
		assert_non_null(listening_give(&order, &count));
		assert_int_equal(count, order.count);
		listening_settle(true);
	}
}

static void given_sockets_come_first_and_stay(void **state)
{
	struct channel_order order = order_for_free_port(4);
	int fd = listener_bind((struct sockaddr *)&order.address, order.len, false, 1);
	unsigned count;
	listening_adopt(&fd, 1);
	const int *fds = listening_give(&order, &count);
	assert_non_null(fds);
	assert_int_equal(count, 1);
	assert_int_equal(fds[0], fd);
	listening_settle(true);
	listening_settle(true);
	assert_true(connects(&order));
}

static void a_taken_address_is_an_error(void **state)
{
	struct channel_order order = order_for_free_port(1);
	int fd = listener_bind((struct sockaddr *)&order.address, order.len, false, 1);
	unsigned count;
	assert_null(listening_give(&order, &count));
	assert_int_equal(errno, EADDRINUSE);
	listening_settle(false);
	close(fd);
	assert_non_null(listening_give(&order, &count));
}

/* Who asks may have been taken over. */
static void orders_that_make_no_sense_are_refused(void **state)
{
	const struct channel_order good = order_for_free_port(1);
	struct channel_order orders[] = { good, good, good, good };
	unsigned count;
	orders[0].count = 0;
	orders[1].count = CHANNEL_SOCKETS + 1;
	orders[2].len = sizeof(struct sockaddr_storage);
	orders[3].address.ss_family = AF_UNIX;
	for (size_t i = 0; i < 4; i++) {
		assert_null(listening_give(&orders[i], &count));
		assert_int_equal(errno, EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_same_sockets_are_given_again, end),
		cmocka_unit_test_teardown(what_is_no_longer_asked_for_closes, end),
		cmocka_unit_test_teardown(what_is_undone_was_never_there, end),
		cmocka_unit_test_teardown(other_numbers_of_workers_get_other_numbers_of_sockets,
					  end),
		cmocka_unit_test_teardown(given_sockets_come_first_and_stay, end),
		cmocka_unit_test_teardown(a_taken_address_is_an_error, end),
		cmocka_unit_test_teardown(orders_that_make_no_sense_are_refused, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
