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

/* What modules answer: a line of the table for each line of theirs. */
static void add_module(json_t *rows, const struct gw_module *table, const char *wanted)
{
	if (!table->control || !table->verbs || (wanted && !is_verb_of_module(table->name, wanted)))
		return;
	const char *lines = table->verbs;
	struct module_verb verb;
	while (module_verb_next(&lines, &verb)) {
		struct gw_str help = verb.help.len ? verb.help
						   : gw_str(table->summary ? table->summary : "");
		json_array_append_new(rows, json_pack("{s:s, s:o, s:o}", "verb",
						      verb_of_name(table->name), "arguments",
						      text_of(verb.words), "help", text_of(help)));
	}
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

static json_t *usage_json(const struct control_verb *verb)
{
	struct buf usage;
	buf_init(&usage, 0);
	verb_usage(verb, &usage);
	size_t name = strlen(verb->name) + 1;
	json_t *json = text_of(buf_len(&usage) > name
				       ? gw_str_n(buf_ptr(&usage) + name, buf_len(&usage) - name)
				       : gw_str(""));
	buf_finish(&usage);
	return json;
}

/* The group of verbs that begin with what was asked for; all where nothing was. */
static void add_verbs(json_t *rows, const char *wanted)
{
	size_t len = wanted ? strlen(wanted) : 0;
	for (const struct control_verb *verb = control_verbs; verb->name; verb++)
		if (!wanted ||
		    (strncmp(verb->name, wanted, len) == 0 && strchr(" ", verb->name[len])))
			json_array_append_new(
				rows, json_pack("{s:s, s:o, s:s}", "verb", verb->name, "arguments",
						verb->words ? usage_json(verb)
							    : json_string(verb->arguments),
						"help", verb->help));
}

static void say_list(struct request *request, const char *wanted)
{
	static const char *const columns[][2] = { { "verb", "VERB" },
						  { "arguments", "ARGUMENTS" },
						  { "help", "WHAT IT DOES" } };
	json_t *rows, *table = table_create(columns, 3, &rows);
	add_verbs(rows, wanted);
	add_modules(rows, wanted);
	if (json_array_size(rows)) {
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
	say_list(request, *wanted ? wanted : NULL);
}

/* A password is no business of the socket. */
void verb_password(struct request *request, const char *const *words, size_t count)
{
	request_say(request, EX_USAGE,
		    "gatewayctl makes that line itself, where the password is asked for");
}
