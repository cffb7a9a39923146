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

static struct park *park_of(struct str_map *map, struct gw_str relay)
{
	struct park *park = str_map_get(map, relay);
	if (park)
		return park;
	park = calloc(1, sizeof(*park));
	if (!park)
		return NULL;
	str_map_init(&park->lines);
	list_init(&park->turns);
	if (copy_key(&park->relay, relay) && str_map_put(map, park) == 0)
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
	struct park *park = park_of(&parks->by_relay, relay);
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
static struct queue_entry *next_of(struct park *park)
{
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

struct queue_entry *park_next(struct parks *parks, struct gw_str relay)
{
	return next_of(str_map_get(&parks->by_relay, relay));
}

static void move_lines(struct park *from, struct park *to)
{
	size_t at = 0;
	for (struct park_line *line; (line = str_map_next(&from->lines, &at));) {
		struct park_line *other = list_empty(&line->entries) ? NULL : line_of(to, line->client);
		if (!other)
			continue;
		list_move_all(&line->entries, &other->entries);
		if (!other->ring.next)
			list_add(&to->turns, &other->ring);
	}
}

bool park_set_aside(struct parks *parks, struct gw_str relay)
{
	struct park *park = str_map_get(&parks->by_relay, relay);
	struct park *aside = park && !list_empty(&park->turns) ? park_of(&parks->aside, relay) : NULL;
	if (aside)
		move_lines(park, aside);
	return aside != NULL;
}

bool park_call_aside(struct parks *parks, size_t most, void (*call)(void *arg, struct queue_entry *entry), void *arg)
{
	bool more = false;
	size_t at = 0, count;
	for (struct park *park; (park = str_map_next(&parks->aside, &at));) {
		struct queue_entry *entry = NULL;
		for (count = 0; count < most && (entry = next_of(park)); count++)
			call(arg, entry);
		more |= entry != NULL;
	}
	return more;
}

/* "mx" and, for its mail hosts, "mx/mail.example.net". */
static bool is_for(const struct park *park, struct gw_str relay)
{
	if (park->relay.len < relay.len || memcmp(park->relay.ptr, relay.ptr, relay.len) != 0)
		return false;
	return park->relay.len == relay.len || park->relay.ptr[relay.len] == '/';
}

static void each_of(const struct park *park, void (*each)(void *arg, const struct queue_entry *entry), void *arg)
{
	size_t at = 0;
	for (const struct park_line *line; (line = str_map_next(&park->lines, &at));)
		for (const struct list_link *link = line->entries.next; link != &line->entries; link = link->next)
			each(arg, list_of(link, struct queue_entry, park));
}

void park_each(const struct parks *parks, struct gw_str relay, void (*each)(void *arg, const struct queue_entry *entry), void *arg)
{
	const struct str_map *const maps[] = { &parks->by_relay, &parks->aside };
	for (size_t i = 0; i < 2; i++) {
		size_t at = 0;
		for (const struct park *park; (park = str_map_next(maps[i], &at));)
			if (is_for(park, relay))
				each_of(park, each, arg);
	}
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

static void free_all(struct str_map *map)
{
	size_t at = 0;
	for (struct park *park; (park = str_map_next(map, &at));)
		park_free(park);
	str_map_finish(map);
}

void parks_finish(struct parks *parks)
{
	free_all(&parks->by_relay);
	free_all(&parks->aside);
}
