/* tally.c - a count in the state store, of the calendar day or of the last 24 hours. */
#include "tally.h"

#include "ring.h"

int tally_init(struct gw_call *call, const struct limit *limit, struct tally *tally,
	       const char *name)
{
	*tally = (struct tally){ .name = name };
	if (limit->window == WINDOW_ROLLING)
		tally->ring = ring_create(call, name, gw->now(call));
	return limit->window == WINDOW_ROLLING && !tally->ring ? -1 : 0;
}

void tally_finish(struct tally *tally)
{
	ring_destroy(tally->ring);
}

/* A rolling window is one period for ever. */
static int64_t period_of(const struct gw_call *call, struct limit *limit, const struct tally *tally,
			 int64_t when)
{
	return tally->ring ? 0 : limit_day(call, limit, when).number;
}

static int64_t *reserved_in(struct tally *tally, int64_t period)
{
	if (period < tally->period)
		return &tally->before;
	if (period > tally->period) {
		tally->before += tally->reserved;
		tally->reserved = 0;
		tally->period = period;
	}
	return &tally->reserved;
}

int64_t tally_total(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now)
{
	return tally->ring ? ring_total(tally->ring, now)
			   : gw->counter_get(call, gw_str(tally->name),
					     period_of(call, limit, tally, now));
}

int64_t tally_reserved(const struct gw_call *call, struct limit *limit, struct tally *tally,
		       int64_t now)
{
	return *reserved_in(tally, period_of(call, limit, tally, now));
}

static bool add(const struct gw_call *call, struct limit *limit, struct tally *tally, int64_t when,
		int64_t amount)
{
	if (!tally->ring)
		return gw->counter_add(call, gw_str(tally->name),
				       period_of(call, limit, tally, when), amount,
				       limit->daily) >= 0;
	if (amount > 0 && limit->daily != NO_LIMIT &&
	    ring_total(tally->ring, when) + amount > limit->daily)
		return false;
	ring_add(call, tally->ring, tally->name, when, amount);
	return true;
}

bool tally_reserve(const struct gw_call *call, struct limit *limit, struct tally *tally,
		   int64_t now, int64_t amount)
{
	if (!add(call, limit, tally, now, amount) && limit->daily != NO_LIMIT)
		return false;
	*reserved_in(tally, period_of(call, limit, tally, now)) += amount;
	return true;
}

void tally_settle(const struct gw_call *call, struct limit *limit, struct tally *tally,
		  int64_t when, int64_t amount, int64_t back)
{
	*reserved_in(tally, period_of(call, limit, tally, when)) -= amount;
	if (back > 0)
		add(call, limit, tally, when, -back);
}

int64_t tally_began(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now)
{
	return tally->ring ? ring_began(tally->ring, now) : limit_day(call, limit, now).begins;
}

int64_t tally_opens(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now)
{
	return tally->ring ? ring_opens(tally->ring, now) : limit_day(call, limit, now).ends;
}
