#include "failover.h"

#include <stdlib.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)

static int64_t unit_ms(const char *unit)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{ "s", 1000 },
		{ "m", 60 * 1000 },
		{ "h", 3600 * 1000 },
		{ "d", DAY_MS },
	};
	size_t i;

	for (i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].ms;
	return 0;
}

int period_parse(struct gw_str text, int64_t *ms)
{
	char *end;
	long number;

	*ms = 0;
	if (gw_str_eq(text, gw_str("day")) || gw_str_eq(text, gw_str("0")))
		return 0;
	number = strtol(text.ptr, &end, 10);
	if (number <= 0 || number > 1000000)
		return -1;
	*ms = number * unit_ms(end);
	return *ms ? 0 : -1;
}

void relay_day(const struct gw_call *call, const struct gw_relay *relay, int64_t when,
	       struct gw_day *day)
{
	*day = (struct gw_day){ .size = sizeof *day };
	if (gw->day(call, gw->relay_fact(relay, GW_RELAY_TIMEZONE), when, day) == 0)
		return;
	day->begins = when - DAY_MS;
	day->ends = when + DAY_MS;
}

bool relay_is_mx(const struct gw_relay *relay)
{
	return gw->relay_number(relay, GW_RELAY_MX) == 1;
}
