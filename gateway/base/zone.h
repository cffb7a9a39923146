/* zone.h - calendar days in the zones of the IANA database. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <gateway/str.h>

/* 23 or 25 hours long where clocks change; where midnight is left out, it begins with the first
 * time of its date. */
struct zone_day {
	int64_t number;       /* of the local date, days since 1970-01-01 */
	int64_t begins, ends; /* ms since 1970 UTC */
};

/* The day that `when` (ms since 1970 UTC) is in; -1: there is no zone of that name. Cheap for the
 * day that was asked for before. [any thread] */
int zone_day(struct gw_str name, int64_t when, struct zone_day *day);

#endif
