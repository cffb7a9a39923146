#include "base/zone.h"

#include "base/map.h"

#include <ctype.h>
#include <glib.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAY 86400

/* Kept as long as the process runs: there are a few hundred names at most. `name` first, for the
 * map. */
struct zone {
	struct gw_str name;
	GTimeZone *times;
	struct zone_day day; /* asked for last */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct str_map zones;

/* GLib would take a rule ("XYZ5"), an offset or a path as well, and none of them is the name of a
 * zone. */
static bool is_zone(struct gw_str name)
{
	const char *folder = getenv("TZDIR");
	char path[PATH_MAX];

	if (!name.len || !isalpha((unsigned char)name.ptr[0]))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.ptr[i]) && !memchr("/_-+", name.ptr[i], 4))
			return false;
	snprintf(path, sizeof(path), "%s/%.*s", folder ? folder : "/usr/share/zoneinfo",
		 GW_STR_ARGS(name));
	return gw_str_eq(name, gw_str("UTC")) || access(path, R_OK) == 0;
}

static struct zone *make_zone(struct gw_str name)
{
	struct zone *zone = calloc(1, sizeof(*zone) + name.len + 1);
	char *text = (char *)(zone + 1);

	if (!zone)
		return NULL;
	memcpy(text, name.ptr, name.len);
	zone->name = gw_str_n(text, name.len);
	zone->times = g_time_zone_new_identifier(text);
	if (zone->times && str_map_put(&zones, zone) == 0)
		return zone;
	if (zone->times)
		g_time_zone_unref(zone->times);
	free(zone);
	return NULL;
}

static struct zone *find_zone(struct gw_str name)
{
	struct zone *zone = str_map_get(&zones, name);

	return zone || !is_zone(name) ? zone : make_zone(name);
}

/* Rounds down, before 1970 too. */
static int64_t date_of(int64_t local)
{
	return (local - (local < 0 ? DAY - 1 : 0)) / DAY;
}

/* The first second of a date: midnight, or where the clocks skip that, what they show next. Where
 * they show it twice, the first time. */
static int64_t first_second(GTimeZone *times, int64_t date)
{
	gint64 local = date * DAY;
	int interval = g_time_zone_adjust_time(times, G_TIME_TYPE_DAYLIGHT, &local);

	return local - g_time_zone_get_offset(times, interval);
}

/* A minute past midnight the clocks may go back into the day before: what the first midnight began
 * goes on. */
static struct zone_day find_day(GTimeZone *times, int64_t second)
{
	int interval = g_time_zone_find_interval(times, G_TIME_TYPE_UNIVERSAL, second);
	int64_t date = date_of(second + g_time_zone_get_offset(times, interval));

	while (first_second(times, date) > second)
		date--;
	while (first_second(times, date + 1) <= second)
		date++;
	return (struct zone_day){ date, first_second(times, date) * 1000,
				  first_second(times, date + 1) * 1000 };
}

int zone_day(struct gw_str name, int64_t when, struct zone_day *day)
{
	struct zone *zone;

	pthread_mutex_lock(&lock);
	zone = find_zone(name);
	if (zone && (when < zone->day.begins || when >= zone->day.ends))
		zone->day = find_day(zone->times, when / 1000 - (when % 1000 < 0));
	if (zone)
		*day = zone->day;
	pthread_mutex_unlock(&lock);
	return zone ? 0 : -1;
}
