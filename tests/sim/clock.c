/* clock.c - in the place of base/clock_now.c. */
#include "sim.h"

#include "base/clock.h"

#define BEGAN INT64_C(1795000000000) /* a day in November 2026 */

static int64_t passed = 1000000; /* ms; a monotonic clock is not at 0 when a host has started */

void clock_begin(void)
{
	passed = 1000000;
}

void clock_move(int64_t ms)
{
	passed += ms;
}

int64_t clock_wall(void)
{
	return BEGAN + passed;
}

int64_t clock_monotonic(void)
{
	return passed;
}

int64_t clock_monotonic_us(void)
{
	return passed * 1000;
}
