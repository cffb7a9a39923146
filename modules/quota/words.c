#include "words.h"

#include <stdio.h>
#include <time.h>

#define DATE_MAX 16
#define MINUTE ((int64_t)60000)
#define HOUR (60 * MINUTE)

/* What the clocks show. They change in the small hours: before, minutes count from the day's begin,
 * after, to its end. */
static int minute_of_day(const struct gw_day *day, int64_t when)
{
	int64_t since = when - day->begins;

	return (int)((since < 2 * HOUR ? since : 24 * HOUR - (day->ends - when)) / MINUTE);
}

/* "2026-11-29 " where that is not today; the end of today is known by its hour. */
static void write_date(const struct gw_call *call, const struct limit *limit, int64_t when,
		       char date[DATE_MAX])
{
	struct gw_day day = { .size = sizeof day }, today = { .size = sizeof today };
	time_t seconds;
	struct tm tm;

	date[0] = '\0';
	if (gw->day(call, limit->zone, when, &day) != 0 ||
	    gw->day(call, limit->zone, gw->now(call), &today) != 0 || day.number == today.number ||
	    when == today.ends)
		return;
	seconds = (time_t)(day.number * 24 * (HOUR / 1000));
	if (gmtime_r(&seconds, &tm))
		strftime(date, DATE_MAX, "%Y-%m-%d ", &tm);
}

void words_time(const struct gw_call *call, struct limit *limit, int64_t when, char text[WORDS_MAX])
{
	struct gw_day day = { .size = sizeof day };
	char date[DATE_MAX];
	int minute;

	if (limit->window == WINDOW_DAY && when == limit_day(call, limit, when - 1).ends)
		minute = 0;
	else
		minute = gw->day(call, limit->zone, when, &day) == 0 ? minute_of_day(&day, when)
								     : 0;
	write_date(call, limit, when, date);
	snprintf(text, WORDS_MAX, "%s%02d:%02d %.*s", date, minute / 60, minute % 60,
		 GW_STR_ARGS(limit->zone));
}

void words_full(const struct gw_call *call, const struct applied *applied, const struct view *view,
		char text[WORDS_MAX])
{
	char until[WORDS_MAX];

	words_time(call, applied->limit, view->opens, until);
	snprintf(text, WORDS_MAX, "%lld/%lld until %.200s", (long long)view->used,
		 (long long)applied->limit->daily, until);
}

void words_scope(const struct applied *applied, char text[WORDS_MAX])
{
	struct gw_str client = ledger_client(applied->ledger);

	snprintf(text, WORDS_MAX, "%s %.*s%s%.*s", applied->limit->of_relay ? "relay" : "limit",
		 GW_STR_ARGS(applied->limit->name), client.len ? ", client " : "",
		 GW_STR_ARGS(client));
}

void words_whose(const struct applied *applied, char text[WORDS_MAX])
{
	const struct limit *limit = applied->limit;
	struct gw_str client = limit->ledger ? limit->client : ledger_client(applied->ledger);
	const char *of = limit->type.len ? " mail of client " : "client ";

	if (client.len)
		snprintf(text, WORDS_MAX, "%.*s%s%.*s", GW_STR_ARGS(limit->type), of,
			 GW_STR_ARGS(client));
	else if (limit->type.len)
		snprintf(text, WORDS_MAX, "%.*s mail", GW_STR_ARGS(limit->type));
	else
		snprintf(text, WORDS_MAX, "all mail");
}
