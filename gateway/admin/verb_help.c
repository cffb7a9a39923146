/* verb_help.c - help: all verbs, or one with its words and an example. */
#include "admin/module_verb.h"

#include "module/snapshot.h"

/* --- all of them --- */

const char *verb_of_name(const char *module)
{
	return strncmp(module, "auth-", 5) == 0 ? module + 5 : module;
}

bool is_verb_of_module(const char *module, const char *word)
{
	return strcmp(word, module) == 0 || strcmp(word, verb_of_name(module)) == 0;
}

/* As it is typed: "client list", or with the module's name before it. */
static void put_name(const struct gw_module *table, const struct module_verb *verb, struct buf *out)
{
	bool own = module_verb_is_own(verb);
	if (!own)
		buf_add_text(out, verb_of_name(table->name));
	if (verb->name.len)
		buf_printf(out, "%s%.*s", own ? "" : " ", GW_STR_ARGS(verb->name));
}

static struct gw_str help_of(const struct gw_module *table, const struct module_verb *verb)
{
	return verb->help.len ? verb->help : gw_str(table->summary ? table->summary : "");
}

#define USAGE_MOST 44 /* of the list: `help VERB` has all of it */

/* A row of the list; takes over `arguments`. */
static void add_row(json_t *rows, struct gw_str name, json_t *arguments, struct gw_str help,
		    const char *module)
{
	const char *said = json_string_value(arguments);
	struct buf usage;
	buf_init(&usage, 0);
	buf_printf(&usage, "%.*s%s%s", GW_STR_ARGS(name), said && *said ? " " : "",
		   said ? said : "");
	if (buf_len(&usage) > USAGE_MOST) {
		buf_clear(&usage);
		buf_printf(&usage, "%.*s ...", GW_STR_ARGS(name));
	}
	json_array_append_new(rows, json_pack("{s:o, s:o, s:o, s:o, s:s?}", "verb", text_of(name),
					      "arguments", arguments, "help", text_of(help),
					      "usage", text_of(buf_str(&usage)), "module", module));
	buf_finish(&usage);
}

/* "suppression list" is in the group "suppression". */
static bool is_in_group(struct gw_str name, const char *group)
{
	size_t len = strlen(group);
	return name.len >= len && memcmp(name.ptr, group, len) == 0 &&
	       (name.len == len || name.ptr[len] == ' ');
}

/* What modules answer: a line of the table for each line of theirs. */
static void add_module(json_t *rows, const struct gw_module *table, const char *wanted)
{
	bool all = !wanted || is_verb_of_module(table->name, wanted);
	const char *lines = table->control ? table->verbs : NULL;
	struct module_verb verb;
	struct buf name;
	buf_init(&name, 0);
	while (module_verb_next(&lines, &verb)) {
		buf_clear(&name);
		put_name(table, &verb, &name);
		if (!all && !is_in_group(buf_str(&name), wanted))
			continue;
		add_row(rows, buf_str(&name), text_of(verb.arguments), help_of(table, &verb),
			table->name);
	}
	buf_finish(&name);
}

static bool is_first_of_its_module(const struct snapshot *snapshot, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (snapshot->instances[i].module == snapshot->instances[at].module)
			return false;
	return true;
}

static void add_modules(json_t *rows, const char *wanted)
{
	struct snapshot *snapshot = snapshot_current();
	for (size_t i = 0; snapshot && i < snapshot->instance_count; i++)
		if (is_first_of_its_module(snapshot, i))
			add_module(rows, &snapshot->instances[i].module->table, wanted);
	snapshot_release(snapshot);
}

static json_t *arguments_of(const struct control_verb *verb)
{
	struct buf said;
	buf_init(&said, 0);
	buf_add_text(&said, verb->arguments);
	for (const struct verb_word *word = verb->words; word && word->name; word++)
		if (word->needed)
			buf_printf(&said, "%s%s %s", buf_len(&said) ? " " : "", word->name,
				   word->value);
	if (verb->words)
		buf_add_text(&said, buf_len(&said) ? " [WORDS]" : "[WORDS]");
	json_t *json = text_of(buf_len(&said) ? buf_str(&said) : gw_str(""));
	buf_finish(&said);
	return json;
}

/* The group of verbs that begin with what was asked for; all where nothing was. */
static void add_verbs(json_t *rows, const char *wanted)
{
	for (const struct control_verb *verb = control_verbs; verb->name; verb++)
		if (!wanted || is_in_group(gw_str(verb->name), wanted))
			add_row(rows, gw_str(verb->name), arguments_of(verb), gw_str(verb->help),
				NULL);
}

static void say_list(struct request *request, const char *wanted)
{
	static const char *const columns[][2] = { { "usage", "VERB" }, { "help", "WHAT IT DOES" } };
	json_t *rows, *table = table_create(columns, 2, &rows);
	add_verbs(rows, wanted);
	add_modules(rows, wanted);
	if (json_array_size(rows)) {
		if (!wanted)
			json_object_set_new(
				table, "text",
				json_string(
					"`gatewayctl help VERB` tells of one verb and its words; "
					"--json before or behind a verb prints JSON."));
		request_answer(request, table);
		return;
	}
	json_decref(table);
	request_say(request, EX_USAGE,
		    "there is no verb \"%s\"; `gatewayctl help` lists them, "
		    "those of modules where the module is on",
		    wanted);
}

/* --- one --- */

static void put_words(const struct control_verb *verb, struct buf *text, json_t *words)
{
	for (const struct verb_word *word = verb->words; word && word->name; word++) {
		char said[64];
		snprintf(said, sizeof(said), "%s%s%s", word->name, word->value ? " " : "",
			 word->value ? word->value : "");
		buf_printf(text, "    %-20s %s\n", said, word->help);
		json_array_append_new(words, json_pack("{s:s, s:s?, s:s, s:b}", "word", word->name,
						       "value", word->value, "help", word->help,
						       "needed", (int)word->needed));
	}
}

static void say_one(struct request *request, const struct control_verb *verb)
{
	struct buf text;
	json_t *json = json_object(), *words = json_array();
	buf_init(&text, 0);
	buf_printf(&text, "%s%s%s%s\n    %s\n", verb->name, *verb->arguments ? " " : "",
		   verb->arguments, verb->words ? " [WORDS]" : "", verb->help);
	put_words(verb, &text, words);
	buf_printf(&text, "Example: gatewayctl %s", verb->example);
	json_object_set_new(json, "code", json_integer(EX_OK));
	json_object_set_new(json, "text", text_of(buf_str(&text)));
	json_object_set_new(json, "data",
			    json_pack("{s:s, s:s, s:s, s:s, s:o}", "verb", verb->name, "arguments",
				      verb->arguments, "help", verb->help, "example", verb->example,
				      "words", words));
	buf_finish(&text);
	request_answer(request, json);
}

/* --- one of a module's --- */

static void say_of_module(struct request *request, const struct gw_module *table,
			  const struct module_verb *verb)
{
	struct gw_str help = help_of(table, verb);
	struct buf name, text;
	buf_init(&name, 0);
	buf_init(&text, 0);
	put_name(table, verb, &name);
	buf_printf(&text, "%.*s%s%.*s\n    %.*s\n", GW_STR_ARGS(buf_str(&name)),
		   verb->arguments.len ? " " : "", GW_STR_ARGS(verb->arguments), GW_STR_ARGS(help));
	buf_printf(&text, "A verb of the module %s%s", table->name,
		   verb->changes ? ", for admins." : ".");
	json_t *data = json_pack("{s:o, s:o, s:o, s:s}", "verb", text_of(buf_str(&name)),
				 "arguments", text_of(verb->arguments), "help", text_of(help),
				 "module", table->name);
	request_answer(request, json_pack("{s:i, s:o, s:o}", "code", EX_OK, "text",
					  text_of(buf_str(&text)), "data", data));
	buf_finish(&name);
	buf_finish(&text);
}

/* The module's verb that is just these words, but for those that stand for something. */
static bool is_module_verb(const struct gw_module *table, const char *const *words, size_t count,
			   struct module_verb *verb)
{
	size_t named = is_verb_of_module(table->name, words[0]);
	const char *lines = table->verbs;
	if (!table->control || !module_verb_find(lines, words + named, count - named, verb))
		return false;
	return verb->small > 0 && verb->small == count - named &&
	       (named || module_verb_is_own(verb));
}

static bool help_of_module(struct request *request)
{
	struct snapshot *snapshot = snapshot_current();
	struct module_verb verb;
	bool found = false;
	for (size_t i = 0; snapshot && !found && i < snapshot->instance_count; i++) {
		const struct gw_module *table = &snapshot->instances[i].module->table;
		found = is_module_verb(table, request->words + 1, request->count - 1, &verb);
		if (found)
			say_of_module(request, table, &verb);
	}
	snapshot_release(snapshot);
	return found;
}

void verb_help(struct request *request)
{
	char wanted[256] = "";
	for (size_t i = 1;
	     i < request->count && strlen(wanted) + strlen(request->words[i]) + 2 < sizeof(wanted);
	     i++) {
		strcat(wanted, i > 1 ? " " : "");
		strcat(wanted, request->words[i]);
	}
	for (const struct control_verb *verb = control_verbs; verb->name; verb++) {
		if (strcmp(verb->name, wanted) == 0) {
			say_one(request, verb);
			return;
		}
	}
	if (!*wanted || !help_of_module(request))
		say_list(request, *wanted ? wanted : NULL);
}

/* A password is no business of the socket. */
void verb_password(struct request *request, const char *const *words, size_t count)
{
	request_say(request, EX_USAGE,
		    "gatewayctl makes that line itself, where the password is asked for");
}
