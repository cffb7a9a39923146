/* report.c - the table of `gatewayctl quota`, and lines for `status` and `relay show`. */
#include "report.h"

#include "ledger.h"
#include "words.h"

#include <stdio.h>

/* --- the table --- */

struct table {
	struct gw_call *call;
	struct gw_str only; /* name of a relay, a limit or a client; empty: all */
	struct gw_json *json;
	size_t rows;
};

/* When the limit will be reached if things go on as they did since the window began; 0: not in this
 * window. */
static int64_t reached_at(const struct applied *applied, const struct view *view, int64_t now)
{
	int64_t left = applied->limit->daily - view->used;
	double pace = now > view->began ? (double)view->used / (double)(now - view->began) : 0;

	if (pace <= 0 || (double)left / pace > (double)(view->opens - now))
		return 0;
	return now + (int64_t)((double)left / pace);
}

static void put_reached(struct table *table, const struct applied *applied, const struct view *view)
{
	int64_t when = reached_at(applied, view, gw->now(table->call));
	char text[WORDS_MAX];

	if (applied->limit->daily == NO_LIMIT)
		snprintf(text, sizeof text, "no limit");
	else if (view->full)
		snprintf(text, sizeof text, "reached");
	else if (when == 0)
		snprintf(text, sizeof text, "not in this window");
	else
		words_time(table->call, applied->limit, when, text);
	gw->json_string(table->json, "reached", gw_str(text));
}

/* "1200/2000"; "1200" without a limit. */
static void say_used(const struct applied *applied, const struct view *view, char text[WORDS_MAX])
{
	int len = snprintf(text, WORDS_MAX, "%lld", (long long)view->used);

	if (applied->limit->daily != NO_LIMIT)
		snprintf(text + len, WORDS_MAX - (size_t)len, "/%lld",
			 (long long)applied->limit->daily);
}

static void put_daily(struct table *table, const struct applied *applied, const struct view *view)
{
	struct gw_json *json = table->json;
	const struct limit *limit = applied->limit;
	char text[WORDS_MAX];

	gw->json_number(json, "used", view->used);
	gw->json_number(json, "reserved", view->reserved);
	if (limit->daily != NO_LIMIT)
		gw->json_number(json, "limit", limit->daily);
	gw->json_number(json, "opens_ms", view->opens);
	say_used(applied, view, text);
	gw->json_string(json, "today", gw_str(text));
	gw->json_string(json, "counts",
			gw_str(limit->counts == COUNT_MESSAGES ? "messages" : "recipients"));
	words_time(table->call, applied->limit, view->opens, text);
	gw->json_string(json, "opens", gw_str(text));
	gw->json_string(json, "timezone", limit->zone);
	put_reached(table, applied, view);
}

static bool is_asked_for(const struct table *table, const struct applied *applied)
{
	return !table->only.len || gw_str_eq(table->only, applied->limit->name) ||
	       gw_str_eq(table->only, applied->limit->client) ||
	       gw_str_eq(table->only, ledger_client(applied->ledger));
}

static void put_row(void *arg, const struct applied *applied)
{
	struct table *table = arg;
	const struct limit *limit = applied->limit;
	char scope[WORDS_MAX];
	struct view view;

	if (!is_asked_for(table, applied))
		return;
	table->rows++;
	ledger_view(table->call, applied, &view);
	words_scope(applied, scope);
	gw->table_row(table->json);
	gw->json_number(table->json, "per_minute", limit->per_minute);
	gw->json_number(table->json, "this_minute", limit->per_minute - view.pace_room);
	gw->json_string(table->json, "scope", gw_str(scope));
	put_daily(table, applied, &view);
}

static void answer(struct gw_call *call, struct gw_str only)
{
	static const struct gw_column columns[] = {
		{ "scope", "SCOPE" },         { "today", "USED" },
		{ "reserved", "ON ITS WAY" }, { "counts", "COUNTS" },
		{ "per_minute", "A MINUTE" }, { "opens", "OPENS" },
		{ "reached", "REACHED" },     { NULL, NULL },
	};
	struct table table = { .call = call, .only = only, .json = gw->table_create(columns) };

	limits_each(call, put_row, &table);
	if (table.rows || !only.len) {
		gw->answer_json(call, table.json);
		return;
	}
	gw->problem(call, true, "no limit is set for a relay, a client or by the name of %.*s",
		    GW_STR_ARGS(only));
	gw->json_destroy(table.json);
}

void on_control(struct gw_call *call, const struct gw_command *command)
{
	if (command->words.count > 1)
		gw->problem(call, true, "gatewayctl quota [NAME]: of a relay, a limit or a client");
	else
		answer(call, command->words.count ? command->words.items[0] : gw_str(""));
}

/* --- lines --- */

struct lines {
	struct gw_call *call;
	size_t limits, full;
};

static void tell_full(void *arg, const struct applied *applied)
{
	struct lines *lines = arg;
	char scope[WORDS_MAX], full[WORDS_MAX];
	struct view view;

	lines->limits += applied->limit->daily != NO_LIMIT || applied->limit->per_minute > 0;
	ledger_view(lines->call, applied, &view);
	if (!view.full)
		return;
	lines->full++;
	words_scope(applied, scope);
	words_full(lines->call, applied, &view, full);
	gw->status_line(lines->call, scope, "%s", full);
}

void on_status(struct gw_call *call)
{
	struct lines lines = { .call = call };

	limits_each(call, tell_full, &lines);
	gw->status_line(call, "limits", "%zu, %zu reached", lines.limits, lines.full);
}

void on_relay_status(struct gw_call *call, struct gw_relay *relay)
{
	struct limit *limit = limit_of_relay(call, relay);
	struct applied applied = { limit, limit->ledger };
	char opens[WORDS_MAX], used[WORDS_MAX];
	struct view view;

	ledger_view(call, &applied, &view);
	say_used(&applied, &view, used);
	gw->status_line(call, "today", "%s", used);
	if (limit->daily != NO_LIMIT) {
		words_time(call, limit, view.opens, opens);
		gw->status_line(call, "limit", "%lld %s %s; opens %s", (long long)limit->daily,
				limit->counts == COUNT_MESSAGES ? "messages" : "recipients",
				limit->window == WINDOW_ROLLING ? "in 24 hours" : "a day", opens);
	}
	if (limit->per_minute > 0)
		gw->status_line(call, "pace", "%lld of %lld messages in this minute",
				(long long)(limit->per_minute - view.pace_room),
				(long long)limit->per_minute);
}
