#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "receive/client_limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>

#define MANY 50000

static const struct sockaddr *v4(uint32_t host)
{
	static _Thread_local struct sockaddr_in address;

	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_port = htons((uint16_t)host),
					.sin_addr.s_addr = htonl(0x0a000000 + host) };
	return (struct sockaddr *)&address;
}

static const struct sockaddr *v6(unsigned char last)
{
	static struct sockaddr_in6 address;

	address = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					 .sin6_addr.s6_addr = { 0x20, 1, 0xd, 0xb8, [15] = last } };
	return (struct sockaddr *)&address;
}

static int nobody_is_there(void **state)
{
	return client_limits_count() == 0 ? 0 : -1;
}

static void an_address_has_so_many_and_no_more(void **state)
{
	struct peer *peers[3], *more;

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(client_limits_enter(v4(1), 3, &peers[i]), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_enter(v4(1), 3, &more), CLIENT_LIMITS_FULL_FIRST);
	assert_null(more);
	assert_int_equal(client_limits_enter(v4(1), 3, &more), CLIENT_LIMITS_FULL);
	client_limits_leave(peers[0]);
	assert_int_equal(client_limits_enter(v4(1), 3, &peers[0]), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_enter(v4(1), 3, &more), CLIENT_LIMITS_FULL);
	assert_int_equal(client_limits_count(), 1);
	for (size_t i = 0; i < 3; i++)
		client_limits_leave(peers[i]);
}

static void other_addresses_do_not_suffer(void **state)
{
	struct peer *one, *other, *six, *more;

	assert_int_equal(client_limits_enter(v4(1), 1, &one), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_enter(v4(2), 1, &other), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_enter(v6(1), 1, &six), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_enter(v6(1), 1, &more), CLIENT_LIMITS_FULL_FIRST);
	assert_int_equal(client_limits_count(), 3);
	client_limits_leave(one);
	client_limits_leave(other);
	client_limits_leave(six);
}

/* The limit is the configuration's of now: with less than there are nobody new comes in. */
static void a_limit_may_sink(void **state)
{
	struct peer *peers[2], *more;

	assert_int_equal(client_limits_enter(v4(1), 10, &peers[0]), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_enter(v4(1), 10, &peers[1]), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_enter(v4(1), 1, &more), CLIENT_LIMITS_FULL_FIRST);
	client_limits_leave(peers[0]);
	client_limits_leave(peers[1]);
}

static void what_has_no_address_is_not_counted(void **state)
{
	const struct sockaddr local = { .sa_family = AF_UNIX };
	struct peer *peer;

	assert_int_equal(client_limits_enter(&local, 1, &peer), CLIENT_LIMITS_ENTERED);
	assert_null(peer);
	client_limits_leave(peer);
	client_limits_leave(NULL);
}

static void many_addresses_are_told_apart(void **state)
{
	static struct peer *peers[MANY];
	struct peer *more;

	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(client_limits_enter(v4(i), 1, &peers[i]), CLIENT_LIMITS_ENTERED);
	assert_int_equal(client_limits_count(), MANY);
	for (uint32_t i = 0; i < MANY; i += 1000)
		assert_int_equal(client_limits_enter(v4(i), 1, &more), CLIENT_LIMITS_FULL_FIRST);
	for (uint32_t i = 0; i < MANY; i++)
		client_limits_leave(peers[i]);
}

static void *come_and_go(void *arg)
{
	uint32_t *entered = arg;
	struct peer *peer;

	for (uint32_t i = 0; i < 20000; i++) {
		if (client_limits_enter(v4(i % 7), 2, &peer) != CLIENT_LIMITS_ENTERED)
			continue;
		(*entered)++;
		client_limits_leave(peer);
	}
	return NULL;
}

static void workers_share_the_count(void **state)
{
	pthread_t threads[4];
	uint32_t entered[4] = { 0 };

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &entered[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(entered[i] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(an_address_has_so_many_and_no_more, nobody_is_there),
		cmocka_unit_test_teardown(other_addresses_do_not_suffer, nobody_is_there),
		cmocka_unit_test_teardown(a_limit_may_sink, nobody_is_there),
		cmocka_unit_test_teardown(what_has_no_address_is_not_counted, nobody_is_there),
		cmocka_unit_test_teardown(many_addresses_are_told_apart, nobody_is_there),
		cmocka_unit_test_teardown(workers_share_the_count, nobody_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
