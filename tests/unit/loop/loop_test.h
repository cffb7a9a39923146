/* loop_test.h - what the tests of loop/ share: a worker that runs in the test's thread until
 * something is so. */
#ifndef LOOP_TEST_H
#define LOOP_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "loop/worker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define UNUSED __attribute__((unused))

struct watch {
	struct timer tick;
	bool (*is_so)(void *arg);
	void *arg;
	int64_t until;
	bool was_so;
};

UNUSED static void watch_tick(struct timer *timer)
{
	struct watch *watch = (struct watch *)timer;

	watch->was_so = watch->is_so(watch->arg);
	if (watch->was_so || clock_monotonic() > watch->until)
		worker_stop(timer->worker);
	else
		timer_set(timer->worker, timer, 1, watch_tick);
}

/* Runs the loop until it is so; false: it never was. */
UNUSED static bool run_until(struct worker *worker, bool (*is_so)(void *arg), void *arg)
{
	struct watch watch = { .is_so = is_so,
			       .arg = arg,
			       .until = clock_monotonic() + PATIENCE_MS };

	timer_set(worker, &watch.tick, 0, watch_tick);
	worker_run(worker);
	timer_clear(&watch.tick);
	return watch.was_so;
}

UNUSED static bool is_past(void *arg)
{
	return clock_monotonic() >= *(int64_t *)arg;
}

/* Lets the loop run for a while, to see that something does not happen. */
UNUSED static void run_for(struct worker *worker, int64_t ms)
{
	int64_t until = clock_monotonic() + ms;

	run_until(worker, is_past, &until);
}

UNUSED static bool is_set(void *arg)
{
	return *(bool *)arg;
}

UNUSED static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

UNUSED static uint16_t port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

#endif
