/* tally.c - the calendar day, or the last 24 hours, of a count. */
#include "tally.h"

#define ROLLING 97 /* a quarter counts until all of it is older than 24 hours */

int tally_init(struct gw_call *call, struct limit *limit, struct tally *tally, const char *name)
{
	tally->ring = ring_create(name);
	if (!tally->ring)
		return -1;
	tally_upgrade(call, limit, tally, name);
	return 0;
}

void tally_finish(struct tally *tally)
{
	ring_destroy(tally->ring);
}

static struct span span_of(const struct gw_call *call, struct limit *limit, int64_t when)
{
	struct gw_day day = { 0 };
	int64_t newest = when / QUARTER_MS;

	if (limit->window == WINDOW_DAY)
		day = limit_day(call, limit, when);
	if (day.ends <= day.begins)
		return (struct span){ newest - ROLLING + 1, newest + 1 };
	return (struct span){ day.begins / QUARTER_MS, (day.ends + QUARTER_MS - 1) / QUARTER_MS };
}

struct sum tally_sum(const struct gw_call *call, struct limit *limit, struct tally *tally,
		     int64_t now)
{
	return ring_sum(call, tally->ring, span_of(call, limit, now), now);
}

bool tally_reserve(const struct gw_call *call, struct limit *limit, struct tally *tally,
		   int64_t now, int64_t amount)
{
	if (limit->daily != NO_LIMIT &&
	    tally_sum(call, limit, tally, now).count + amount > limit->daily)
		return false;
	if (ring_add(call, tally->ring, now, amount, amount))
		return true;
	return limit->daily == NO_LIMIT && ring_add(call, tally->ring, now, 0, amount);
}

void tally_settle(const struct gw_call *call, struct tally *tally, int64_t when, int64_t amount,
		  int64_t back)
{
	if (!ring_add(call, tally->ring, when, -back, -amount))
		ring_add(call, tally->ring, when, 0, -amount);
}

int64_t tally_began(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now)
{
	if (limit->window == WINDOW_DAY)
		return limit_day(call, limit, now).begins;
	return ring_oldest(tally->ring, span_of(call, limit, now), now);
}

int64_t tally_opens(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now)
{
	if (limit->window == WINDOW_DAY)
		return limit_day(call, limit, now).ends;
	return ring_oldest(tally->ring, span_of(call, limit, now), now - ROLLING * QUARTER_MS) +
	       ROLLING * QUARTER_MS;
}
