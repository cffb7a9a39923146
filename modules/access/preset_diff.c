/* preset_diff.c - what the admin's own presets change: against those that are shipped, word by
 * word, and against what their owner publishes now, network by network, where the own one has a
 * list of its own instead of asking. */
#include "verbs.h"

#include <stdlib.h>

struct diff {
	struct gw_json *table;
	struct sources *sources;
	struct preset own, shipped;
	const struct network *live; /* the one that is looked for */
	bool found;
};

static void put(struct diff *diff, const char *change, struct gw_str network)
{
	gw->table_row(diff->table);
	gw->json_string(diff->table, "preset", diff->own.name);
	gw->json_string(diff->table, "change", gw_str(change));
	gw->json_string(diff->table, "network", network);
}

/* --- word by word --- */

static bool has_word(struct gw_str text, struct gw_str wanted)
{
	struct gw_str word;

	while (presets_word(&text, &word))
		if (gw_str_ieq(word, wanted))
			return true;
	return false;
}

static void put_missing(struct diff *diff, struct gw_str from, struct gw_str other,
			const char *change)
{
	struct gw_str word;

	while (presets_word(&from, &word))
		if (!has_word(other, word))
			put(diff, change, word);
}

/* --- network by network --- */

static bool holds(const struct network *outer, const struct network *inner)
{
	return outer->bits <= inner->bits && network_has(outer, inner);
}

static void look_in(void *arg, const struct network *listed)
{
	struct diff *diff = arg;

	diff->found |= holds(listed, diff->live);
}

/* True: a network of these words, or of a list that they name, has all of it. */
static bool is_covered(struct diff *diff, struct gw_str words, const struct network *network)
{
	struct network own;
	struct source *source;
	struct gw_str word;

	diff->found = false;
	diff->live = network;
	while (!diff->found && presets_word(&words, &word)) {
		source = source_is_one(word) ? sources_find(diff->sources, word) : NULL;
		if (source)
			source_each(source, look_in, diff);
		else if (!source_is_one(word) && network_parse(&own, word) == NULL)
			look_in(diff, &own);
	}
	return diff->found;
}

#define PUBLISHED_MOST 4096

/* What is listed now, to be looked at without the list's lock. */
struct listed {
	struct network items[PUBLISHED_MOST];
	size_t count;
};

static void keep(void *arg, const struct network *network)
{
	struct listed *listed = arg;

	if (listed->count < PUBLISHED_MOST)
		listed->items[listed->count++] = *network;
}

static void put_published(struct diff *diff, const struct listed *listed)
{
	char text[NETWORK_TEXT];
	size_t i;

	for (i = 0; i < listed->count; i++) {
		size_t len = network_print(&listed->items[i], text);

		if (!is_covered(diff, diff->own.networks, &listed->items[i]))
			put(diff, "published, and not in it", gw_str_n(text, len));
	}
}

static void put_unpublished(struct diff *diff)
{
	struct gw_str words = diff->own.networks, word;
	struct network network;

	while (presets_word(&words, &word))
		if (!source_is_one(word) && network_parse(&network, word) == NULL &&
		    !is_covered(diff, diff->shipped.networks, &network))
			put(diff, "in it, and not published", word);
}

/* What its owner publishes, of the lists that the own preset does not ask for itself. */
static void put_live(struct diff *diff, struct listed *listed)
{
	struct gw_str words = diff->shipped.networks, word;
	bool known = true, asked = false;

	while (presets_word(&words, &word)) {
		struct source *source = source_is_one(word) ? sources_find(diff->sources, word)
							    : NULL;

		if (!source || has_word(diff->own.networks, word))
			continue;
		asked = true;
		listed->count = 0;
		if (source_each(source, keep, listed))
			put_published(diff, listed);
		else
			put(diff, "asked for now, look again", word);
		known &= listed->count > 0;
	}
	if (asked && known)
		put_unpublished(diff);
}

void preset_diff(struct gw_call *call, struct access *access)
{
	static const struct gw_column columns[] = { { "preset", "PRESET" },
						    { "change", "CHANGE" },
						    { "network", "NETWORK" },
						    { NULL, NULL } };
	struct diff diff = { .table = gw->table_create(columns), .sources = &access->sources };
	struct listed *listed = calloc(1, sizeof *listed);
	size_t i;

	atomic_store(&access->sources.hints, true);
	for (i = 0; presets_nth(&access->presets, i, &diff.own) && !diff.own.shipped; i++) {
		if (!presets_shipped(diff.own.name, &diff.shipped))
			diff.shipped.networks = gw_str("");
		put_missing(&diff, diff.own.networks, diff.shipped.networks, "added");
		put_missing(&diff, diff.shipped.networks, diff.own.networks, "taken away");
		if (listed)
			put_live(&diff, listed);
	}
	free(listed);
	gw->answer_json(call, diff.table);
}
