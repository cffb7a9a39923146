#include "control.h"

#include "bounce.h"
#include "classify.h"
#include "control_list.h"
#include "control_suppression.h"
#include "control_take.h"
#include "instance.h"
#include "item.h"
#include "mail.h"

#include <stdlib.h>

void finding_write(struct gw_json *json, const char *key, const struct findings *findings,
		   const struct finding *finding)
{
	static const struct finding none = { .rule = "none" };
	const struct finding *of = finding ? finding : &none;

	gw->json_begin(json, key, GW_JSON_OBJECT);
	item_text(json, "recipient", of->recipient);
	item_text(json, "kind", kind_name(of->kind));
	item_text(json, "reason", reason_name(of->reason));
	item_text(json, "status", of->status);
	gw->json_number(json, "code", of->code);
	item_text(json, "diagnostic", of->diagnostic);
	item_text(json, "source", source_name(findings ? findings->source : SOURCE_SMTP));
	item_text(json, "rule", of->rule);
	if (finding)
		item_text(json, "action", action_name(of->action));
	if (*of->remote)
		item_text(json, "remote_mta", of->remote);
	if (findings && *findings->message_id)
		item_text(json, "message_id", findings->message_id);
	if (findings && *findings->envelope_id)
		item_text(json, "envelope_id", findings->envelope_id);
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

static void read_rows(struct gw_call *call, const struct gw_command *command, struct gw_list words)
{
	(void)command;
	control_read(call, words);
}

static void list_rows(struct gw_call *call, const struct gw_command *command, struct gw_list words)
{
	(void)command;
	control_list(call, words);
}

static void get_row(struct gw_call *call, const struct gw_command *command, struct gw_list words)
{
	control_get(call, words, command->admin);
}

static void count_rows(struct gw_call *call, const struct gw_command *command, struct gw_list words)
{
	(void)command;
	control_stats(call, words);
}

static void take(struct gw_call *call, const struct gw_command *command, struct gw_list words)
{
	(void)words;
	if (command->input.ptr)
		control_take(call, command->input);
	else
		ask_for_mail(call);
}

static const struct {
	struct gw_str name;
	void (*run)(struct gw_call *call, const struct gw_command *command, struct gw_list words);
} verbs[] = {
	{ GW_STR("classify"), classify }, { GW_STR("list"), list_rows },
	{ GW_STR("get"), get_row },       { GW_STR("stats"), count_rows },
	{ GW_STR("read"), read_rows },    { GW_STR("suppression"), control_suppression },
	{ GW_STR("take"), take },
};

void control(struct gw_call *call, const struct gw_command *command)
{
	struct gw_list rest = command->words;
	struct gw_str verb = rest.count ? rest.items[0] : gw_str("");
	struct instance *instance = gw->instance_data(call);
	size_t i;

	/* the first worker may not have begun yet, or what was in the way is gone */
	if (!instance_store(instance))
		instance_begin(call, instance);
	rest.items++;
	rest.count -= rest.count > 0;
	for (i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (gw_str_eq(verb, verbs[i].name)) {
			verbs[i].run(call, command, rest);
			return;
		}
	gw->problem(
		call, true,
		"say list, get ID, stats, read ID, or classify with a mail as input or with CODE and TEXT");
}
