/* verbs.c - modules, hooks, options, check, reload, and the verbs of modules. */
#include "admin/audit.h"
#include "admin/input.h"
#include "admin/module_answer.h"
#include "admin/module_verb.h"

#include "supervisor/breaker.h"
#include "supervisor/supervisor.h"
#include "conf/option.h"
#include "module/chain.h"
#include "module/providers.h"

#include <stdlib.h>

/* --- modules, hooks --- */

static json_t *hooks_of(const struct snapshot *snapshot, const struct instance *instance)
{
	char text[512] = "";
	for (size_t hook = 0; hook < GW_HOOKS; hook++)
		for (size_t i = 0; i < snapshot->chain_length[hook]; i++)
			if (snapshot->chains[hook][i] == instance &&
			    strlen(text) + 20 < sizeof(text)) {
				strcat(text, text[0] ? " " : "");
				strcat(text, hook_table[hook].name);
			}
	return json_string(text);
}

static unsigned crashes_of(const struct instance *instance)
{
	const struct breaker_row *row = breaker_row(supervisor_breaker(), instance->name);
	return row ? row->deaths : 0;
}

static json_t *state_of(const struct instance *instance)
{
	unsigned crashes = crashes_of(instance);
	if (instance->broken)
		return json_sprintf("%s: died in it %u times",
				    instance->on_crash == ON_CRASH_OFF ? "off" : "broken", crashes);
	return crashes ? json_sprintf("on, died in it %u times", crashes) : json_string("on");
}

void verb_modules(struct request *request, const char *const *words, size_t count)
{
	static const char *const columns[][2] = {
		{ "instance", "INSTANCE" }, { "module", "MODULE" }, { "version", "VERSION" },
		{ "state", "STATE" },       { "hooks", "HOOKS" },   { "summary", "WHAT IT DOES" },
	};
	struct snapshot *snapshot = snapshot_current();
	json_t *rows, *table = table_create(columns, 6, &rows);
	for (size_t i = 0; i < snapshot->instance_count; i++) {
		const struct instance *instance = &snapshot->instances[i];
		json_t *row = json_object();
		json_object_set_new(row, "instance", text_of(gw_str(instance->name)));
		json_object_set_new(row, "module", text_of(gw_str(instance->module->name)));
		json_object_set_new(row, "version", text_of(gw_str(instance->module->version)));
		json_object_set_new(row, "state", state_of(instance));
		json_object_set_new(row, "crashes", json_integer(crashes_of(instance)));
		json_object_set_new(row, "hooks", hooks_of(snapshot, instance));
		json_object_set_new(row, "summary",
				    text_of(gw_str(instance->module->table.summary)));
		json_object_set_new(row, "file", text_of(gw_str(instance->fragment->path)));
		json_array_append_new(rows, row);
	}
	snapshot_release(snapshot);
	request_answer(request, table);
}

static json_t *chain_text(const struct snapshot *snapshot, size_t hook)
{
	char text[1024] = "";
	for (size_t i = 0; i < snapshot->chain_length[hook]; i++) {
		const char *name = snapshot->chains[hook][i]->name;
		if (strlen(text) + strlen(name) + 2 >= sizeof(text))
			break;
		strcat(text, i ? " " : "");
		strcat(text, name);
	}
	return text_of(gw_str(text));
}

/* What the hook may answer. */
static json_t *verdicts_text(size_t hook)
{
	const struct hook_row *row = &hook_table[hook];
	char text[256] = "CONTINUE";
	if (row->kind == HOOK_OBSERVES)
		return json_string("-");
	for (unsigned verdict = GW_ACCEPT; verdict < GW_PENDING; verdict++)
		if (row->verdicts & VERDICT_BIT(verdict))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
				 verdict_name((enum gw_verdict)verdict));
	return json_string(text);
}

void verb_hooks(struct request *request, const char *const *words, size_t count)
{
	static const char *const columns[][2] = {
		{ "hook", "HOOK" },
		{ "asked", "ASKED" },
		{ "verdicts", "VERDICTS" },
		{ "otherwise", "IF NOBODY ANSWERS" },
		{ "breaks", "IF ONE BREAKS" },
		{ "chain", "IN THIS ORDER" },
	};
	struct snapshot *snapshot = snapshot_current();
	json_t *rows, *table = table_create(columns, 6, &rows);
	for (size_t hook = 0; hook < GW_HOOKS; hook++) {
		const struct hook_row *row = &hook_table[hook];
		json_array_append_new(rows, json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "hook",
						      row->name, "asked", row->asked, "verdicts",
						      verdicts_text(hook), "otherwise",
						      row->otherwise, "breaks", row->breaks,
						      "chain", chain_text(snapshot, hook)));
	}
	snapshot_release(snapshot);
	request_answer(request, table);
}

/* --- options --- */

static void add_options(json_t *rows, const char *owner, const char *prefix,
			const struct gw_option *options)
{
	char key[256];
	for (; options && options->type != GW_OPTION_END; options++) {
		snprintf(key, sizeof(key), "%s%s", prefix, options->key);
		json_array_append_new(
			rows,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "owner", owner, "key", key,
				  "type",
				  options->type == GW_OPTION_WORD ? options->words
								  : option_type_name(options->type),
				  "default",
				  options->flags & GW_OPTION_REQUIRED ? "(must be given)"
				  : options->fallback                 ? options->fallback
								      : "",
				  "reload", options->flags & GW_OPTION_RESTART ? "restart" : "yes",
				  "help", options->help ? options->help : ""));
		if (options->type != GW_OPTION_GROUPS)
			continue;
		strncat(key, ".", sizeof(key) - strlen(key) - 1);
		add_options(rows, owner, key, options->group);
	}
}

static void add_module_options(json_t *rows, const struct module *module)
{
	add_options(rows, module->name, "", module->table.options);
	add_options(rows, module->name, "relay: ", module->table.relay_options);
}

static bool wants(const char *const *words, size_t count, const char *name)
{
	return count == 0 || strcmp(words[0], name) == 0;
}

void verb_options(struct request *request, const char *const *words, size_t count)
{
	static const char *const columns[][2] = {
		{ "owner", "OF" },        { "key", "KEY" },       { "type", "TYPE" },
		{ "default", "DEFAULT" }, { "reload", "RELOAD" }, { "help", "WHAT IT SAYS" },
	};
	struct snapshot *snapshot = snapshot_current();
	json_t *rows, *table = table_create(columns, 6, &rows);
	if (wants(words, count, "gateway"))
		add_options(rows, "gateway", "", settings_options);
	if (wants(words, count, "relay"))
		add_options(rows, "relay", "", relay_options);
	if (wants(words, count, "fragment"))
		add_options(rows, "fragment", "", fragment_options);
	if (wants(words, count, "providers"))
		add_options(rows, "providers", "", provider_options);
	for (size_t i = 0; snapshot && i < snapshot->instance_count; i++) {
		const struct module *module = snapshot->instances[i].module;
		bool seen = false;
		for (size_t j = 0; j < i; j++)
			seen |= snapshot->instances[j].module == module;
		if (!seen && wants(words, count, module->name))
			add_module_options(rows, module);
		else if (!seen && wants(words, count, "relay")) /* what it adds to a relay's keys */
			add_options(rows, module->name, "relay: ", module->table.relay_options);
	}
	snapshot_release(snapshot);
	if (json_array_size(rows)) {
		request_answer(request, table);
		return;
	}
	json_decref(table);
	request_say(request, EX_UNAVAILABLE,
		    "no module \"%s\" is on; `gatewayctl modules` lists them", words[0]);
}

/* --- check, reload --- */

static void ask_modules(struct request *request, struct problems *problems)
{
	struct snapshot *snapshot = snapshot_current();
	struct gw_call call;
	chain_init(&call, request->admin->main, snapshot, &request->arena);
	call.problems = problems;
	chain_tell(&call, GW_HOOK_check);
	chain_cancel(&call);
	snapshot_release(snapshot);
}

void verb_check(struct request *request, const char *const *words, size_t count)
{
	struct problems problems;
	problems_init(&problems);
	const struct admin_operations *operations = request->admin->operations;
	if (operations->reload(operations->arg, false, &problems))
		ask_modules(request, &problems);
	request_problems(request, EX_CONFIG, &problems, "the configuration is fine", "");
	problems_finish(&problems);
}

void verb_reload(struct request *request, const char *const *words, size_t count)
{
	struct problems problems;
	problems_init(&problems);
	const struct admin_operations *operations = request->admin->operations;
	operations->reload(operations->arg, true, &problems);
	request_problems(request, EX_CONFIG, &problems, "reloaded",
			 "nothing changed: the gateway goes on as it was");
	problems_finish(&problems);
}

/* --- verbs of modules --- */

/* By its name, else by the first word of one of its verbs of more words: "client list" alone is
 * said for "access client list". `named`: the first word is its name. */
static struct instance *instance_of(const struct snapshot *snapshot, struct request *request,
				    size_t *named)
{
	struct instance **all = snapshot->chains[GW_HOOK_control];
	struct module_verb verb;
	size_t i, count = snapshot->chain_length[GW_HOOK_control];

	*named = 1;
	for (i = 0; i < count; i++)
		if (is_verb_of_module(all[i]->module->name, request->words[0]))
			return all[i];
	*named = 0;
	for (i = 0; i < count; i++)
		if (module_verb_find(all[i]->module->table.verbs, request->words, request->count,
				     &verb) &&
		    module_verb_is_own(&verb))
			return all[i];
	return NULL;
}

static void ask_control(struct request *request, struct snapshot *snapshot,
			struct instance *instance, size_t named)
{
	struct gw_str words[REQUEST_WORDS];
	struct module_answer answer;
	struct problems problems;
	struct gw_call call;
	module_answer_init(&answer);
	problems_init(&problems);
	for (size_t i = named; i < request->count; i++)
		words[i - named] = gw_str(request->words[i]);
	struct gw_command command = {
		.size = sizeof(command),
		.words = { words, request->count - named },
		.admin = request->may_change,
		.uid = request->uid,
		.input = input_of(request),
	};
	chain_init(&call, request->admin->main, snapshot, &request->arena);
	call.argument = &command;
	call.answer_to = &answer.output;
	call.problems = &problems;
	chain_tell_one(&call, GW_HOOK_control, instance);
	module_answer_give(&answer, request, &problems);
	problems_finish(&problems);
}

/* Only the words that its table names are shown: what else is said may be secret. */
static bool module_may(struct request *request, const struct instance *instance, size_t named)
{
	struct module_verb verb;
	if (!module_verb_find(instance->module->table.verbs, request->words + named,
			      request->count - named, &verb) ||
	    !verb.changes)
		return true;
	if (!request_may_change(request, request->words[0], false, named + verb.count))
		return false;
	audit_begin(request, named + verb.count);
	return true;
}

size_t verb_of_module_words(const struct request *request)
{
	struct snapshot *snapshot = snapshot_current();
	size_t most = 0;
	for (size_t i = 0; snapshot && i < snapshot->chain_length[GW_HOOK_control]; i++) {
		const struct instance *instance = snapshot->chains[GW_HOOK_control][i];
		struct module_verb verb;
		if (!module_verb_find(instance->module->table.verbs, request->words, request->count,
				      &verb) ||
		    !module_verb_is_own(&verb))
			continue;
		most = verb.small > most ? verb.small : most;
	}
	if (snapshot)
		snapshot_release(snapshot);
	return most;
}

bool verb_of_module(struct request *request)
{
	struct snapshot *snapshot = snapshot_current();
	size_t named;
	struct instance *instance = snapshot ? instance_of(snapshot, request, &named) : NULL;
	if (instance && module_may(request, instance, named))
		ask_control(request, snapshot, instance, named);
	snapshot_release(snapshot);
	return instance != NULL;
}
