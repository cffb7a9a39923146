#include "queue/park.h"

#include "base/list.h"

#include <stdlib.h>

/* One client's entries at one relay. */
struct park_line {
	struct gw_str client;        /* first: the key */
	struct list_link ring;       /* of the lines that are not empty */
	struct list_link entries;
};

struct park {
	struct gw_str relay;         /* first: the key */
	struct str_map lines;
	struct list_link turns;      /* whose turn is next stands first */
};

static bool copy_key(struct gw_str *key, struct gw_str text)
{
	char *copy = strndup(text.ptr ? text.ptr : "", text.len);
	*key = gw_str_n(copy, text.len);
	return copy != NULL;
}

static struct park *park_of(struct parks *parks, struct gw_str relay)
{
	struct park *park = str_map_get(&parks->by_relay, relay);
	if (park)
		return park;
	park = calloc(1, sizeof(*park));
	if (!park)
		return NULL;
	str_map_init(&park->lines);
	list_init(&park->turns);
	if (copy_key(&park->relay, relay) && str_map_put(&parks->by_relay, park) == 0)
		return park;
	free((char *)park->relay.ptr);
	free(park);
	return NULL;
}

static struct park_line *line_of(struct park *park, struct gw_str client)
{
	struct park_line *line = str_map_get(&park->lines, client);
	if (line)
		return line;
	line = calloc(1, sizeof(*line));
	if (!line)
		return NULL;
	list_init(&line->entries);
	if (copy_key(&line->client, client) && str_map_put(&park->lines, line) == 0)
		return line;
	free((char *)line->client.ptr);
	free(line);
	return NULL;
}

void park_put(struct parks *parks, struct queue_entry *entry, struct gw_str relay, struct gw_str client)
{
	struct park *park = park_of(parks, relay);
	struct park_line *line = park ? line_of(park, client) : NULL;
	if (!line)
		return;
	if (!line->ring.next)
		list_add(&park->turns, &line->ring);
	list_add(&line->entries, &entry->park);
}

void park_take(struct queue_entry *entry)
{
	list_take(&entry->park);
}

/* Entries leave their lines by themselves; an empty line leaves the ring when its turn comes. */
struct queue_entry *park_next(struct parks *parks, struct gw_str relay)
{
	struct park *park = str_map_get(&parks->by_relay, relay);
	while (park && !list_empty(&park->turns)) {
		struct park_line *line = list_of(park->turns.next, struct park_line, ring);
		list_take(&line->ring);
		if (list_empty(&line->entries))
			continue;
		struct queue_entry *entry = list_of(line->entries.next, struct queue_entry, park);
		list_take(&entry->park);
		if (!list_empty(&line->entries))
			list_add(&park->turns, &line->ring);
		return entry;
	}
	return NULL;
}

static void park_free(struct park *park)
{
	size_t at = 0;
	for (struct park_line *line; (line = str_map_next(&park->lines, &at));) {
		free((char *)line->client.ptr);
		free(line);
	}
	str_map_finish(&park->lines);
	free((char *)park->relay.ptr);
	free(park);
}

void parks_finish(struct parks *parks)
{
	size_t at = 0;
	for (struct park *park; (park = str_map_next(&parks->by_relay, &at));)
		park_free(park);
	str_map_finish(&parks->by_relay);
}
