#include "control_suppression.h"

#include "instance.h"
#include "item.h"
#include "query.h"
#include "suppression.h"

#include <stdlib.h>

#define LIST_DEFAULT 100
#define LIST_MOST 500
#define EXPORT_MOST 5000

static struct store *store_of(struct gw_call *call)
{
	struct store *store = instance_store(gw->instance_data(call));

	if (!store)
		gw->problem(call, true, "nobody is suppressed: the store cannot be opened");
	return store;
}

/* --- words --- */

/* What all verbs of this file understand, each of them only some. */
struct asked {
	struct suppression_query query;
	const char *reason;
	int64_t until; /* 0: not said */
};

static bool take_client(struct gw_call *call, void *asked, struct gw_str value)
{
	(void)call;
	((struct asked *)asked)->query.client = value.ptr;
	return true;
}

static bool take_type(struct gw_call *call, void *asked, struct gw_str value)
{
	(void)call;
	((struct asked *)asked)->query.type = value.ptr;
	return true;
}

static bool take_address(struct gw_call *call, void *asked, struct gw_str value)
{
	(void)call;
	((struct asked *)asked)->query.address = value.ptr;
	return true;
}

static bool take_reason(struct gw_call *call, void *asked, struct gw_str value)
{
	if (value.len >= SUPPRESSION_REASON) {
		gw->problem(call, true, "a reason has up to %d octets", SUPPRESSION_REASON - 1);
		return false;
	}
	((struct asked *)asked)->query.reason = value.ptr;
	return true;
}

static bool take_by(struct gw_call *call, void *asked, struct gw_str value)
{
	(void)call;
	((struct asked *)asked)->query.by = value.ptr;
	return true;
}

static bool take_after(struct gw_call *call, void *asked, struct gw_str value)
{
	return query_number(call, value, 0, INT64_MAX, &((struct asked *)asked)->query.after);
}

static bool take_limit(struct gw_call *call, void *asked, struct gw_str value)
{
	return query_number(call, value, 1, LIST_MOST, &((struct asked *)asked)->query.limit);
}

static bool take_days(struct gw_call *call, void *asked, struct gw_str value)
{
	int64_t days;

	if (!query_number(call, value, 1, 36500, &days))
		return false;
	((struct asked *)asked)->until = gw->now(call) + days * DAY_MS;
	return true;
}

static const struct word list_words[] = {
	{ "address", false, take_address }, { "client", false, take_client },
	{ "type", false, take_type },       { "reason", false, take_reason },
	{ "by", false, take_by },           { "after", false, take_after },
	{ "limit", false, take_limit },     { NULL, false, NULL },
};

static const struct word add_words[] = {
	{ "client", false, take_client },
	{ "type", false, take_type },
	{ "reason", false, take_reason },
	{ "days", false, take_days },
	{ NULL, false, NULL },
};

static const struct word rm_words[] = {
	{ "client", false, take_client },
	{ "type", false, take_type },
	{ NULL, false, NULL },
};

static const struct word export_words[] = { { "after", false, take_after }, { NULL, false, NULL } };

/* --- list --- */

static void write_members(struct gw_json *json, const struct suppression *suppression)
{
	gw->json_number(json, "id", suppression->number);
	item_text(json, "address", suppression->address);
	item_text(json, "client", suppression->client);
	item_text(json, "type", suppression->type);
	item_text(json, "reason", suppression->reason);
	gw->json_time(json, "since", suppression->since);
	gw->json_time(json, "until", suppression->until);
	item_text(json, "by", suppression->by);
	gw->json_number(json, "bounce", suppression->bounce);
}

static void write_item(void *json, const struct suppression *suppression)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	write_members(json, suppression);
	gw->json_end(json);
}

static void write_page(struct gw_json *json, const struct page *page)
{
	gw->json_number(json, "next", page->next);
	gw->json_bool(json, "more", page->more);
}

/* For programs and people the same members: the rows are asked for once for each. */
static void answer_list(struct gw_call *call, struct store *store,
			const struct suppression_query *query)
{
	static const struct gw_column columns[] = {
		{ "id", "ID" },       { "address", "ADDRESS" }, { "client", "CLIENT" },
		{ "type", "TYPE" },   { "reason", "REASON" },   { "since", "SINCE" },
		{ "until", "UNTIL" }, { "by", "BY" },           { "bounce", "BOUNCE" },
		{ NULL, NULL },
	};
	struct gw_json *json = gw->json_create();
	struct page page;
	int result;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	item_columns(json, columns);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
	result = suppression_list(store, query, &page, write_item, json);
	gw->json_end(json);
	if (page.more)
		gw->json_format(json, "text", "there are more: --after %lld", (long long)page.next);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_begin(json, "items", GW_JSON_ARRAY);
	result |= suppression_list(store, query, &page, write_item, json);
	gw->json_end(json);
	write_page(json, &page);
	gw->json_end(json);
	gw->json_end(json);
	if (result == 0) {
		gw->answer_json(call, json);
		return;
	}
	gw->problem(call, true, "the store cannot be read");
	gw->json_destroy(json);
}

static void list(struct gw_call *call, struct store *store, struct gw_list words)
{
	struct asked asked = { .query.limit = LIST_DEFAULT };

	if (query_words(call, words, list_words, NULL, &asked))
		answer_list(call, store, &asked.query);
}

/* --- add, rm --- */

/* The first word; false: there is none that could be a recipient. */
static bool take_first(struct gw_call *call, struct gw_list *words, const char **address)
{
	struct gw_str first = words->count ? words->items[0] : gw_str("");
	size_t at = gw_str_find(first, '@');

	if (at == 0 || at + 1 >= first.len || first.len >= ADDRESS_MAX || gw_str_has_nul(first)) {
		gw->problem(call, true, "\"%.*s\" is no address", GW_STR_ARGS(first));
		return false;
	}
	*address = first.ptr;
	words->items++;
	words->count--;
	return true;
}

static const char *or_any(const char *text)
{
	return text ? text : "";
}

static void answer_added(struct gw_call *call, const struct suppression *suppression)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text", "%s gets no mail%s%s%s%s any more", suppression->address,
			*suppression->type ? " of type " : "", suppression->type,
			*suppression->client ? " from " : "", suppression->client);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	write_members(json, suppression);
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void add(struct gw_call *call, struct store *store, struct gw_list words)
{
	struct suppression suppression = { .since = gw->now(call), .by = "admin" };
	struct asked asked = { 0 };

	if (!take_first(call, &words, &suppression.address) ||
	    !query_words(call, words, add_words, NULL, &asked))
		return;
	suppression.client = or_any(asked.query.client);
	suppression.type = or_any(asked.query.type);
	suppression.reason = asked.query.reason ? asked.query.reason : "admin";
	suppression.until = asked.until;
	suppression.number = suppression_add(store, &suppression);
	if (suppression.number < 0)
		gw->problem(call, true, "the store cannot be written to");
	else
		answer_added(call, &suppression);
}

static void rm(struct gw_call *call, struct store *store, struct gw_list words)
{
	struct asked asked = { 0 };
	const char *address;
	struct gw_json *json;
	int removed;

	if (!take_first(call, &words, &address) ||
	    !query_words(call, words, rm_words, NULL, &asked))
		return;
	removed = suppression_remove(store, address, asked.query.client, asked.query.type);
	if (removed < 0) {
		gw->problem(call, true, "the store cannot be written to");
		return;
	}
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_format(json, "text", removed ? "%s gets mail again" : "%s was not suppressed",
			address);
	gw->json_begin(json, "data", GW_JSON_OBJECT);
	gw->json_number(json, "removed", removed);
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
}

/* --- export: a file that a spreadsheet reads, RFC 4180 --- */

static void add_cell(GString *line, const char *text, bool is_last)
{
	bool quoted = strpbrk(text, ",\"\r\n") != NULL;

	if (quoted)
		g_string_append_c(line, '"');
	for (; *text; text++) {
		if (*text == '"')
			g_string_append_c(line, '"');
		g_string_append_c(line, *text);
	}
	g_string_append(line, quoted ? "\"" : "");
	g_string_append_c(line, is_last ? '\n' : ',');
}

static void add_time(GString *line, int64_t ms)
{
	GDateTime *time = ms ? g_date_time_new_from_unix_utc(ms / 1000) : NULL;
	char *text = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;

	add_cell(line, text ? text : "", false);
	g_free(text);
	if (time)
		g_date_time_unref(time);
}

static void export_one(void *lines, const struct suppression *suppression)
{
	add_cell(lines, suppression->address, false);
	add_cell(lines, suppression->client, false);
	add_cell(lines, suppression->type, false);
	add_cell(lines, suppression->reason, false);
	add_time(lines, suppression->since);
	add_time(lines, suppression->until);
	add_cell(lines, suppression->by, true);
}

static void write_again(struct gw_json *json, int64_t next)
{
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("bounce"));
	gw->json_string(json, NULL, gw_str("suppression"));
	gw->json_string(json, NULL, gw_str("export"));
	gw->json_format(json, NULL, "after=%lld", (long long)next);
	gw->json_end(json);
	gw->json_number(json, "after", 100);
}

static void export(struct gw_call *call, struct store *store, struct gw_list words)
{
	struct asked asked = { .query.limit = EXPORT_MOST };
	GString *lines;
	struct gw_json *json;
	struct page page;

	if (!query_words(call, words, export_words, NULL, &asked))
		return;
	lines = g_string_new(asked.query.after ? ""
					       : "address,client,type,reason,since,until,by\n");
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	if (suppression_list(store, &asked.query, &page, export_one, lines) == 0) {
		gw->json_string(json, "text", gw_str_n(lines->str, lines->len - (lines->len > 0)));
		if (page.more)
			write_again(json, page.next);
		gw->json_end(json);
		gw->answer_json(call, json);
	} else {
		gw->problem(call, true, "the store cannot be read");
		gw->json_destroy(json);
	}
	g_string_free(lines, TRUE);
}

/* --- which --- */

static const struct {
	struct gw_str name;
	void (*run)(struct gw_call *call, struct store *store, struct gw_list words);
} verbs[] = {
	{ GW_STR("list"), list },
	{ GW_STR("add"), add },
	{ GW_STR("rm"), rm },
	{ GW_STR("export"), export },
};

void control_suppression(struct gw_call *call, const struct gw_command *command,
			 struct gw_list words)
{
	struct gw_str verb = words.count ? words.items[0] : gw_str("");
	struct store *store = store_of(call);
	size_t i;

	(void)command;
	words.items++;
	words.count -= words.count > 0;
	for (i = 0; store && i < sizeof verbs / sizeof *verbs; i++)
		if (gw_str_eq(verb, verbs[i].name)) {
			verbs[i].run(call, store, words);
			return;
		}
	if (store)
		gw->problem(call, true, "say suppression list, add ADDRESS, rm ADDRESS, or export");
}
