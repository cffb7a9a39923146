#include "control.h"

#include "bounce.h"
#include "classify.h"
#include "instance.h"
#include "mail.h"

#include <stdlib.h>

static void write_text(struct gw_json *json, const char *key, const char *text)
{
	if (*text)
		gw->json_string(json, key, gw_str(text));
	else
		gw->json_format(json, key, "%s", "");
}

void finding_write(struct gw_json *json, const char *key, const struct findings *findings,
		   const struct finding *finding)
{
	static const struct finding none = { .rule = "none" };
	const struct finding *of = finding ? finding : &none;

	gw->json_begin(json, key, GW_JSON_OBJECT);
	write_text(json, "recipient", of->recipient);
	write_text(json, "kind", kind_name(of->kind));
	write_text(json, "reason", reason_name(of->reason));
	write_text(json, "status", of->status);
	gw->json_number(json, "code", of->code);
	write_text(json, "diagnostic", of->diagnostic);
	write_text(json, "source", source_name(findings ? findings->source : SOURCE_SMTP));
	write_text(json, "rule", of->rule);
	if (finding)
		write_text(json, "action", action_name(of->action));
	if (*of->remote)
		write_text(json, "remote_mta", of->remote);
	if (findings && *findings->message_id)
		write_text(json, "message_id", findings->message_id);
	if (findings && *findings->envelope_id)
		write_text(json, "envelope_id", findings->envelope_id);
	gw->json_end(json);
}

static size_t rows_of(const struct findings *findings)
{
	return findings && findings->count ? findings->count : 1;
}

/* A mail that says nothing of anybody has a line too, of kind unknown. */
static const struct finding *row(const struct findings *findings, const struct finding *only,
				 size_t nth)
{
	if (!findings)
		return only;
	return nth < findings->count ? &findings->items[nth] : NULL;
}

/* For people a line each, for --json the same in a list. */
static void answer(struct gw_call *call, const struct findings *findings,
		   const struct finding *only)
{
	struct gw_json *json = gw->json_create(), *line;
	GString *lines = g_string_new(NULL);
	struct gw_str text;
	size_t i;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
	for (i = 0; i < rows_of(findings); i++) {
		finding_write(json, NULL, findings, row(findings, only, i));
		line = gw->json_create();
		finding_write(line, NULL, findings, row(findings, only, i));
		text = gw->json_text(line);
		if (text.ptr)
			g_string_append_len(lines, text.ptr, (gssize)text.len);
		g_string_append(lines, i + 1 < rows_of(findings) ? "\n" : "");
		gw->json_destroy(line);
	}
	gw->json_end(json);
	gw->json_string(json, "text", gw_str_n(lines->str, lines->len));
	gw->json_end(json);
	gw->answer_json(call, json);
	g_string_free(lines, TRUE);
}

static void ask_for_mail(struct gw_call *call)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_number(json, "input", MAIL_MAX);
	gw->json_end(json);
	gw->answer_json(call, json);
}

static void classify_input(struct gw_call *call, struct gw_str bytes)
{
	const struct bounce_conf *conf = gw->conf(call);
	struct findings *findings = classify_mail(&conf->rules, bytes);

	answer(call, findings, NULL);
	findings_free(findings);
}

static void classify_words(struct gw_call *call, struct gw_list words)
{
	const struct bounce_conf *conf = gw->conf(call);
	GString *text = g_string_new(NULL);
	struct finding finding = { 0 };
	size_t i;

	for (i = 1; i < words.count; i++)
		g_string_append_printf(text, "%s%.*s", i > 1 ? " " : "",
				       GW_STR_ARGS(words.items[i]));
	classify_reply(&conf->rules, atoi(words.items[0].ptr), "", gw_str_n(text->str, text->len),
		       NULL, 0, &finding);
	answer(call, NULL, &finding);
	g_string_free(text, TRUE);
}

static bool is_code(struct gw_str word)
{
	return word.len == 3 && strspn(word.ptr, "0123456789") == 3 && strchr("245", word.ptr[0]);
}

/* --- list, get --- */

#define LIST_MOST 1000

static void write_fields(struct gw_json *json, const struct row *row)
{
	int i;

	gw->json_number(json, "number", row->number);
	gw->json_time(json, "time", row->time);
	gw->json_format(json, "id", "%016llx", (unsigned long long)row->id);
	gw->json_number(json, "code", row->code);
	for (i = 0; row_names[i]; i++)
		gw->json_string(json, row_names[i], gw_str(row->texts[i]));
}

static void write_row(void *table, const struct row *row)
{
	gw->table_row(table);
	write_fields(table, row);
}

/* "kind=hard"; false: it names no field. */
static bool take_filter(struct gw_str word, const char *filters[ROW_TEXTS], int64_t *limit)
{
	size_t len = gw_str_find(word, '=');
	int i;

	if (len == word.len)
		return false;
	if (gw_str_eq(gw_str_n(word.ptr, len), gw_str("limit"))) {
		*limit = atoi(word.ptr + len + 1);
		*limit = *limit > 0 && *limit < LIST_MOST ? *limit : LIST_MOST;
		return true;
	}
	for (i = 0; row_names[i]; i++)
		if (gw_str_eq(gw_str_n(word.ptr, len), gw_str(row_names[i]))) {
			filters[i] = word.ptr + len + 1;
			return true;
		}
	return false;
}

static struct store *store_of(struct gw_call *call)
{
	struct store *store = instance_store(gw->instance_data(call));

	if (!store)
		gw->problem(call, true, "no bounces are remembered: the store cannot be opened");
	return store;
}

static void list(struct gw_call *call, struct gw_list words)
{
	static const struct gw_column columns[] = {
		{ "number", "NUMBER" }, { "time", "TIME" },     { "recipient", "RECIPIENT" },
		{ "kind", "KIND" },     { "reason", "REASON" }, { "status", "STATUS" },
		{ "client", "CLIENT" }, { "relay", "RELAY" },   { NULL, NULL }
	};
	const char *filters[ROW_TEXTS] = { NULL };
	struct store *store = store_of(call);
	struct gw_json *table;
	int64_t limit = 100;
	size_t i;

	for (i = 0; store && i < words.count; i++)
		if (!take_filter(words.items[i], filters, &limit)) {
			gw->problem(
				call, true,
				"\"%.*s\" is no FIELD=VALUE: say recipient=, kind=, reason=, client=, relay=, ... or limit=",
				GW_STR_ARGS(words.items[i]));
			return;
		}
	if (!store)
		return;
	table = gw->table_create(columns);
	if (store_list(store, filters, limit, write_row, table) != 0) {
		gw->problem(call, true, "the store cannot be read");
		gw->json_destroy(table);
		return;
	}
	gw->answer_json(call, table);
}

static void begin_form(struct gw_json *json)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_bool(json, "form", true);
	gw->json_begin(json, "columns", GW_JSON_ARRAY);
	gw->json_begin(json, NULL, GW_JSON_ARRAY);
	gw->json_string(json, NULL, gw_str("number"));
	gw->json_string(json, NULL, gw_str("NUMBER"));
	gw->json_end(json);
	gw->json_end(json);
	gw->json_begin(json, "rows", GW_JSON_ARRAY);
}

static void write_form(void *json, const struct row *row)
{
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	write_fields(json, row);
	gw->json_string(json, "report", row->report);
	gw->json_end(json);
}

static void get(struct gw_call *call, struct gw_list words)
{
	struct store *store = store_of(call);
	struct gw_json *json;

	if (!store)
		return;
	json = gw->json_create();
	begin_form(json);
	if (words.count != 1 ||
	    store_get(store, atoll(words.items[0].ptr), write_form, json) != 0) {
		gw->problem(call, true,
			    "there is no such bounce: say get NUMBER, of `bounce list`");
		gw->json_destroy(json);
		return;
	}
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
}

/* --- which --- */

static void classify(struct gw_call *call, const struct gw_command *command, struct gw_list words)
{
	if (words.count == 0 && command->input.ptr)
		classify_input(call, command->input);
	else if (words.count == 0)
		ask_for_mail(call);
	else if (is_code(words.items[0]))
		classify_words(call, words);
	else
		gw->problem(call, true, "\"%.*s\" is no reply code: say classify CODE TEXT",
			    GW_STR_ARGS(words.items[0]));
}

void control(struct gw_call *call, const struct gw_command *command)
{
	struct gw_list rest = command->words;
	struct gw_str verb = rest.count ? rest.items[0] : gw_str("");

	rest.items++;
	rest.count -= rest.count > 0;
	if (gw_str_eq(verb, gw_str("classify")))
		classify(call, command, rest);
	else if (gw_str_eq(verb, gw_str("list")))
		list(call, rest);
	else if (gw_str_eq(verb, gw_str("get")))
		get(call, rest);
	else
		gw->problem(
			call, true,
			"say list, get NUMBER, or classify with a mail as input or with CODE and TEXT");
}
