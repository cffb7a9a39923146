#include "services/services.h"

#include "base/zone.h"

int services_day(const struct gw_call *call, struct gw_str zone, int64_t when, struct gw_day *day)
{
	struct zone_day found;
	if (zone_day(zone, when, &found) != 0)
		return -1;
	day->number = found.number;
	day->begins = found.begins;
	day->ends = found.ends;
	return 0;
}
