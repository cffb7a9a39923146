#include "kept.h"

static const struct verb {
	const char *word;
	const char *queue[3]; /* the verb of the gateway and its first words */
	bool ids;             /* is about messages that are named */
	bool bounded;         /* takes words that choose messages, so it is held to ours */
} verbs[] = {
	{ "list", { "queue", "list", "--held" }, false, true },
	{ "show", { "message", "explain" }, true, false },
	{ "release", { "queue", "release" }, true, true },
	{ "drop", { "queue", "delete" }, true, true },
};

static const struct verb *verb_of(struct gw_str word)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (gw_str_eq(word, gw_str(verbs[i].word)))
			return &verbs[i];
	return NULL;
}

/* The queue's own words that follow ours: ids, "--yes", more that chooses. */
static void say_words(struct gw_json *json, const struct verb *verb, struct gw_list words)
{
	for (size_t i = 0; i < sizeof(verb->queue) / sizeof(*verb->queue) && verb->queue[i]; i++)
		gw->json_string(json, NULL, gw_str(verb->queue[i]));
	for (size_t i = 1; i < words.count; i++)
		gw->json_string(json, NULL, words.items[i]);
	if (verb->bounded) {
		gw->json_string(json, NULL, gw_str("--reason"));
		gw->json_string(json, NULL, gw_str(KEPT_REASON));
	}
}

/* A word more would choose other mail than is meant: only ids and the yes are handed on. */
static bool are_ids(const struct verb *verb, struct gw_list words)
{
	size_t ids = 0;

	for (size_t i = 1; i < words.count; i++)
		if (words.items[i].len && words.items[i].ptr[0] != '-')
			ids++;
		else if (!gw_str_eq(words.items[i], gw_str("--yes")))
			return false;
	return verb->ids ? ids > 0 : ids == 0;
}

void kept_control(struct gw_call *call, const struct gw_command *command)
{
	struct gw_list words = command->words;
	struct gw_str word = words.count ? words.items[0] : gw_str("list");
	const struct verb *verb = verb_of(word);
	struct gw_json *json;

	if (!verb || !are_ids(verb, words)) {
		gw->problem(call, true, "list, show ID, release ID ... or drop ID ...");
		return;
	}
	json = gw->json_create();
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_begin(json, "again", GW_JSON_ARRAY);
	say_words(json, verb, words);
	gw->json_end(json);
	gw->json_end(json);
	gw->answer_json(call, json);
}
