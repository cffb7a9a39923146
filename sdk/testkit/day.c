/* day.c - calendar days by the C library, which knows one zone at a time: nobody else in a test
 * asks it for local times meanwhile. */
#include "kit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static bool is_zone(struct gw_str zone)
{
	char path[300];
	size_t i;

	for (i = 0; i < zone.len; i++)
		if (!isalnum((unsigned char)zone.ptr[i]) && !memchr("/_-+", zone.ptr[i], 4))
			return false;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", GW_STR_ARGS(zone));
	return zone.len != 0 && isalpha((unsigned char)zone.ptr[0]) && access(path, R_OK) == 0;
}

static int64_t date_at(int64_t second)
{
	time_t when = (time_t)second;
	struct tm local;

	localtime_r(&when, &local);
	second = timegm(&local);
	return (second - (second < 0 ? DAY - 1 : 0)) / DAY;
}

/* A date begins within a day of its begin in UTC. */
static int64_t first_second(int64_t date)
{
	int64_t before = (date - 1) * DAY, from = (date + 1) * DAY;

	while (from - before > 1) {
		int64_t middle = before + (from - before) / 2;
		if (date_at(middle) < date)
			before = middle;
		else
			from = middle;
	}
	return from;
}

static void find_day(int64_t second, struct gw_day *day)
{
	day->number = date_at(second);
	day->begins = first_second(day->number) * 1000;
	day->ends = first_second(day->number + 1) * 1000;
}

/* Runs under the kit's lock, with the zone as the program's. */
static void find_day_in(const char *zone, int64_t second, struct gw_day *day)
{
	const char *was = getenv("TZ");
	char *before = was ? strdup(was) : NULL;

	setenv("TZ", zone, 1);
	tzset();
	find_day(second, day);
	if (before)
		setenv("TZ", before, 1);
	else
		unsetenv("TZ");
	tzset();
	free(before);
}

int service_day(const struct gw_call *call, struct gw_str zone, int64_t when, struct gw_day *day)
{
	const char *name = kit_str(call->kit, zone).ptr;

	if (kit_unsized(call, "gw_day", day->size) || !is_zone(zone) || kit_fails(call->kit, "day"))
		return -1;
	kit_lock();
	find_day_in(name, when / 1000 - (when % 1000 < 0), day);
	kit_unlock();
	return 0;
}
