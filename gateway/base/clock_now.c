/* clock_now.c - what time it is. Nothing but the two clocks is here, so that a test can put others
 * in their place, and what waits for an hour is looked at in no time. */
#include "base/clock.h"

#include <time.h>

int64_t clock_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic(void)
{
	return clock_monotonic_us() / 1000;
}
