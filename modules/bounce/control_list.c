#include "control_list.h"

#include "instance.h"
#include "item.h"
#include "query.h"

#include <stdio.h>

#define LIST_DEFAULT 100
#define LIST_MOST 500 /* a program asks again */

static struct store *store_of(struct gw_call *call)
{
	struct store *store = instance_store(gw->instance_data(call));

	if (!store)
		gw->problem(call, true, "no bounces are remembered: the store cannot be opened");
	return store;
}

/* --- list: its words --- */

static bool take_since(struct gw_call *call, void *query, struct gw_str value)
{
	return query_time(call, value, &((struct query *)query)->since);
}

static bool take_until(struct gw_call *call, void *query, struct gw_str value)
{
	return query_time(call, value, &((struct query *)query)->until);
}

static bool take_after(struct gw_call *call, void *query, struct gw_str value)
{
	((struct query *)query)->ascending = true;
	return query_number(call, value, 0, INT64_MAX, &((struct query *)query)->after);
}

static bool take_before(struct gw_call *call, void *query, struct gw_str value)
{
	return query_number(call, value, 1, INT64_MAX, &((struct query *)query)->before);
}

static bool take_limit(struct gw_call *call, void *query, struct gw_str value)
{
	return query_number(call, value, 1, LIST_MOST, &((struct query *)query)->limit);
}

static bool take_unread(struct gw_call *call, void *query, struct gw_str value)
{
	(void)call;
	(void)value;
	return ((struct query *)query)->unread = true;
}

static bool take_infrastructure(struct gw_call *call, void *query, struct gw_str value)
{
	(void)call;
	(void)value;
	return ((struct query *)query)->infrastructure = true;
}

static bool take_bare(struct gw_call *call, void *query, struct gw_str value)
{
	(void)call;
	(void)value;
	return ((struct query *)query)->bare = true;
}

static const struct word list_words[] = {
	{ "bare", true, take_bare },
	{ "since", false, take_since },
	{ "until", false, take_until },
	{ "after", false, take_after },
	{ "before", false, take_before },
	{ "limit", false, take_limit },
	{ "unread", true, take_unread },
	{ "infrastructure", true, take_infrastructure },
	{ NULL, false, NULL },
};

/* The words of the item are known too: "id" of the message, "return_path", "from". */
static const char *column_of(struct gw_str name)
{
	static const struct {
		struct gw_str name;
		const char *column;
	} others[] = { { GW_STR("return_path"), "sender" },
		       { GW_STR("from"), "author" },
		       { GW_STR("message"), "queue_id" } };
	size_t i;

	for (i = 0; i < sizeof others / sizeof *others; i++)
		if (gw_str_eq(name, others[i].name))
			return others[i].column;
	return name.ptr;
}

/* One that no record has would be answered with nothing, as one of which there is nothing. */
static bool may_be(struct gw_call *call, bool is_kind, bool is_reason, const char *value)
{
	int i;

	for (i = KIND_UNKNOWN; is_kind && i <= KIND_INFO; i++)
		if (strcmp(kind_name((enum kind)i), value) == 0)
			return true;
	if (is_kind)
		gw->problem(call, true, "\"%s\" is no kind: say hard, soft, block, info or unknown",
			    value);
	if (is_reason && reason_named(value) == REASON_UNKNOWN &&
	    strcmp(value, reason_name(REASON_UNKNOWN)) != 0) {
		gw->problem(call, true, "\"%s\" is no reason: there are " REASONS, value);
		return false;
	}
	return !is_kind;
}

static bool take_field(struct gw_call *call, void *into, struct gw_str name, struct gw_str value)
{
	struct query *query = into;
	char key[40];
	int i;

	snprintf(key, sizeof key, "%.*s", GW_STR_ARGS(name));
	for (i = 0; i < ROW_TEXT_COUNT; i++)
		if (strcmp(column_of(gw_str(key)), row_names[i]) == 0 && i != ROW_diagnostic) {
			query->texts[i] = value.ptr;
			return may_be(call, i == ROW_kind, i == ROW_reason, value.ptr);
		}
	gw->problem(
		call, true,
		"\"%s\" is no field: say recipient, domain, kind, reason, status, client, type, relay, message, message_id, event, source, ..., since, until, after, before, limit, unread or infrastructure",
		key);
	return false;
}

/* --- list: its answer --- */

/* What the store told, kept until the answer is written. */
struct listing {
	GArray *rows; /* of struct row */
	GStringChunk *texts;
};

static void listing_init(struct listing *listing)
{
	listing->rows = g_array_new(FALSE, FALSE, sizeof(struct row));
	listing->texts = g_string_chunk_new(8192);
}

static void listing_finish(struct listing *listing)
{
	g_array_free(listing->rows, TRUE);
	g_string_chunk_free(listing->texts);
}

static void listing_add(void *arg, const struct row *told)
{
	struct listing *listing = arg;
	struct row row = *told;
	int i;

	for (i = 0; i < ROW_TEXT_COUNT; i++)
		row.texts[i] = g_string_chunk_insert_const(listing->texts, told->texts[i]);
	g_array_append_val(listing->rows, row);
}

/* A line for people: what it has room for. */
static void write_line(struct gw_json *json, const struct row *row)
{
	static const enum row_text texts[] = { ROW_recipient, ROW_kind,   ROW_reason,
					       ROW_status,    ROW_client, ROW_relay };
	size_t i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_number(json, "id", row->number);
	gw->json_time(json, "time", row->time);
	for (i = 0; i < G_N_ELEMENTS(texts); i++)
		item_text(json, row_names[texts[i]], row->texts[texts[i]]);
	item_text(json, "mark", row->is_unread ? "unread" : "");
	gw->json_end(json);
}

static void write_data(struct gw_json *json, const struct listing *listing, const struct page *page)
{
	guint i;

	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_begin(json, "items", GW_JSON_ARRAY);
	for (i = 0; i < listing->rows->len; i++)
		item_write(json, NULL, &g_array_index(listing->rows, struct row, i));
	gw->json_end(json);
	gw->json_number(json, "next", page->next);
	gw->json_bool(json, "more", page->more);
	if (page->more && page->older)
		gw->json_number(json, "older", page->older);
	gw->json_number(json, "newest", page->newest);
	gw->json_end(json);
}

static void write_table(struct gw_json *json, const struct listing *listing)
{
	static const struct gw_column columns[] = {
		{ "id", "ID" },         { "time", "TIME" },     { "recipient", "RECIPIENT" },
		{ "kind", "KIND" },     { "reason", "REASON" }, { "status", "STATUS" },
		{ "client", "CLIENT" }, { "relay", "RELAY" },   { "mark", "" },
		{ NULL, NULL }
	};
	guint i;

	item_columns(json, columns);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
	for (i = 0; i < listing->rows->len; i++)
		write_line(json, &g_array_index(listing->rows, struct row, i));
	gw->json_end(json);
}

static void answer_list(struct gw_call *call, const struct query *query, const struct page *page,
			const struct listing *listing)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	if (!query->bare)
		write_table(json, listing);
	write_data(json, listing, page);
	if (page->more)
		gw->json_format(json, "text", "there are more: --%s %lld",
				query->ascending ? "after" : "before",
				(long long)(query->ascending ? page->next : page->older));
	gw->json_end(json);
	gw->answer_json(call, json);
}

void control_list(struct gw_call *call, struct gw_list words)
{
	struct query query = { .limit = LIST_DEFAULT };
	struct store *store = store_of(call);
	struct listing listing;
	struct page page = { 0 };
	int result;

	if (!store || !query_words(call, words, list_words, take_field, &query))
		return;
	listing_init(&listing);
	result = rows_list(store, &query, &page, listing_add, &listing);
	if (result > 0)
		gw->problem(
			call, true,
			"%lld is after all bounces that there ever were (%lld): was the store made anew? Begin with --after 0",
			(long long)query.after, (long long)page.newest);
	else if (result < 0)
		gw->problem(call, true, "the store cannot be read");
	else
		answer_list(call, &query, &page, &listing);
	listing_finish(&listing);
}

/* --- get --- */

struct getting {
	struct gw_json *json;
	bool admin;
};

static void write_report(struct gw_json *json, const struct row *row, bool admin)
{
	if (!row->report_number)
		item_text(json, "report", "");
	else if (admin)
		gw->json_string(json, "report", row->report);
	else
		item_text(json, "report", "(what came is for admins)");
}

static void write_one(void *arg, const struct row *row)
{
	static const struct gw_column columns[] = { { "id", "ID" }, { NULL, NULL } };
	struct getting *getting = arg;
	struct gw_json *json = getting->json;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_bool(json, "form", true);
	item_columns(json, columns);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	item_members(json, row);
	write_report(json, row, getting->admin);
	gw->json_end(json);
	gw->json_end(json);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	item_members(json, row);
	if (row->report_number && getting->admin)
		gw->json_string(json, "report", row->report);
	gw->json_end(json);
	gw->json_end(json);
}

void control_get(struct gw_call *call, struct gw_list words, bool admin)
{
	struct store *store = store_of(call);
	struct getting getting = { NULL, admin };
	int64_t number;
	int result;

	if (!store)
		return;
	if (words.count != 1) {
		gw->problem(call, true, "say get ID, of `bounce list`");
		return;
	}
	if (!query_number(call, words.items[0], 1, INT64_MAX, &number))
		return;
	getting.json = gw->json_create();
	result = rows_get(store, number, write_one, &getting);
	if (result == 0) {
		gw->answer_json(call, getting.json);
		return;
	}
	gw->problem(call, true,
		    result > 0 ? "there is no such bounce" : "the store cannot be read");
	gw->json_destroy(getting.json);
}

/* --- read --- */

void control_read(struct gw_call *call, struct gw_list words)
{
	struct store *store = store_of(call);
	struct gw_json *json;
	int64_t number = 0;
	int result;

	if (!store)
		return;
	if (words.count != 1) {
		gw->problem(call, true, "say read ID, of `bounce list unread`, or read all");
		return;
	}
	if (!gw_str_eq(words.items[0], gw_str("all")) &&
	    !query_number(call, words.items[0], 1, INT64_MAX, &number))
		return;
	result = rows_read(store, number);
	if (result != 0) {
		gw->problem(call, true,
			    result > 0 ? "there is no such bounce"
				       : "the store cannot be written to");
		return;
	}
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text", "%lld are unread", (long long)rows_unread(store));
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_number(json, "unread", rows_unread(store));
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
}

/* --- stats --- */

#define STATS_DEFAULT_DAYS 7
#define STATS_MOST 1000

static bool take_by(struct gw_call *call, void *into, struct gw_str value)
{
	struct tally_query *query = into;
	struct gw_str rest = value, word;
	bool found = true;
	int i;

	while (rest.len && found) {
		word = gw_str_n(rest.ptr, gw_str_find(rest, ','));
		rest = gw_str_from(rest, word.len + (word.len < rest.len));
		found = gw_str_eq(word, gw_str("day"));
		query->by_day |= found;
		for (i = 0; i < TALLY_TEXT_COUNT && !found; i++) {
			found = gw_str_eq(word, gw_str(tally_names[i]));
			query->by[i] |= found;
		}
	}
	if (!found)
		gw->problem(
			call, true,
			"\"%.*s\" is nothing to count by: say day, client, type, relay, domain, kind, reason",
			GW_STR_ARGS(word));
	return found;
}

static bool take_day(struct gw_call *call, struct gw_str value, int64_t *day)
{
	int64_t ms;

	if (!query_time(call, value, &ms))
		return false;
	*day = ms / DAY_MS;
	return true;
}

static bool take_since_day(struct gw_call *call, void *query, struct gw_str value)
{
	return take_day(call, value, &((struct tally_query *)query)->since);
}

static bool take_until_day(struct gw_call *call, void *query, struct gw_str value)
{
	return take_day(call, value, &((struct tally_query *)query)->until);
}

static const struct word stats_words[] = {
	{ "by", false, take_by },
	{ "since", false, take_since_day },
	{ "until", false, take_until_day },
	{ NULL, false, NULL },
};

static bool take_tally_field(struct gw_call *call, void *into, struct gw_str name,
			     struct gw_str value)
{
	struct tally_query *query = into;
	int i;

	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		if (gw_str_eq(name, gw_str(tally_names[i]))) {
			query->texts[i] = value.ptr;
			return may_be(call, gw_str_eq(name, gw_str("kind")),
				      gw_str_eq(name, gw_str("reason")), value.ptr);
		}
	gw->problem(
		call, true,
		"\"%.*s\" is no field: say by=, since=, until=, client=, type=, relay=, domain=, kind= or reason=",
		GW_STR_ARGS(name));
	return false;
}

static void write_day(struct gw_json *json, const char *key, int64_t day)
{
	GDateTime *time = g_date_time_new_from_unix_utc(day * (DAY_MS / 1000));
	char *text = time ? g_date_time_format(time, "%Y-%m-%d") : NULL;

	item_text(json, key, text ? text : "");
	g_free(text);
	if (time)
		g_date_time_unref(time);
}

static void write_tally(void *table, const struct tally *tally)
{
	int i;

	gw->table_row(table);
	if (tally->day >= 0)
		write_day(table, "day", tally->day);
	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		if (tally->texts[i])
			item_text(table, tally_names[i], tally->texts[i]);
	gw->json_number(table, "count", tally->count);
}

/* The columns that are asked for, and how many. */
static struct gw_json *stats_table(const struct tally_query *query)
{
	struct gw_column columns[TALLY_TEXT_COUNT + 3] = { { NULL, NULL } };
	size_t count = 0;
	int i;

	if (query->by_day)
		columns[count++] = (struct gw_column){ "day", "DAY" };
	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		if (query->by[i])
			columns[count++] = (struct gw_column){ tally_names[i], tally_names[i] };
	columns[count++] = (struct gw_column){ "count", "COUNT" };
	columns[count] = (struct gw_column){ NULL, NULL };
	return gw->table_create(columns);
}

static bool is_by_nothing(const struct tally_query *query)
{
	bool is = !query->by_day;
	int i;

	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		is &= !query->by[i];
	return is;
}

void control_stats(struct gw_call *call, struct gw_list words)
{
	int64_t today = gw->now(call) / DAY_MS;
	struct tally_query query = { .since = today - STATS_DEFAULT_DAYS + 1,
				     .until = today,
				     .limit = STATS_MOST };
	struct store *store = store_of(call);
	struct gw_json *table;

	if (!store || !query_words(call, words, stats_words, take_tally_field, &query))
		return;
	if (is_by_nothing(&query))
		query.by[TALLY_kind] = query.by[TALLY_reason] = true;
	table = stats_table(&query);
	if (rows_tally(store, &query, write_tally, table) == 0) {
		gw->answer_json(call, table);
		return;
	}
	gw->problem(call, true, "the store cannot be read");
	gw->json_destroy(table);
}
