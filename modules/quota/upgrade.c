/* upgrade.c - counts of releases before this one: a day had one counter, by its date in the limit's
 * zone; the last 24 hours had 145 of ten minutes. They are taken over once, so that a limit is not
 * passed on the day of an upgrade. */
#include "tally.h"

#include <stdio.h>

#define TEN_MINUTES ((int64_t)600000)
#define BUCKETS 145

/* A kill between the two counts it twice, which passes no limit. */
static void take_over(struct gw_call *call, struct tally *tally, const char *name, int64_t period,
		      int64_t when)
{
	int64_t count = gw->counter_get(call, gw_str(name), period);

	if (count > 0 && ring_add(call, tally->ring, when, count, 0))
		gw->counter_add(call, gw_str(name), period, -count, -1);
}

static void take_over_day(struct gw_call *call, struct limit *limit, struct tally *tally,
			  const char *name)
{
	struct gw_day day = limit_day(call, limit, gw->now(call));

	take_over(call, tally, name, day.number, day.begins);
}

static void take_over_rolling(struct gw_call *call, struct tally *tally, const char *name)
{
	int64_t now = gw->now(call), newest = now / TEN_MINUTES, number;
	char text[300];

	for (number = newest - BUCKETS + 1; number <= newest; number++) {
		int64_t last = (number + 1) * TEN_MINUTES - 1;

		snprintf(text, sizeof text, "%s@%d", name, (int)(number % BUCKETS));
		take_over(call, tally, text, number, last < now ? last : now);
	}
}

void tally_upgrade(struct gw_call *call, struct limit *limit, struct tally *tally, const char *name)
{
	if (limit->window == WINDOW_ROLLING)
		take_over_rolling(call, tally, name);
	else
		take_over_day(call, limit, tally, name);
}
