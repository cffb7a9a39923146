#include "base/map.h"

#include <stdlib.h>
#include <sys/random.h>

/* Linear probing. A taken slot keeps a mark, since chains may run through it, until the table is
 * laid out anew; slots are at most three quarters used, marks included, so that a search always
 * meets an empty one. */
#define FIRST_CAPACITY 16

static char dead_mark;
#define DEAD ((void *)&dead_mark)

static bool full(size_t capacity, size_t used)
{
	return used + 1 > capacity / 4 * 3;
}

/* The next layout leaves room for half as many again, so that a table of marks shrinks and a full
 * one doubles. */
static size_t next_capacity(size_t count)
{
	size_t capacity = FIRST_CAPACITY;

	while (capacity / 2 <= count)
		capacity *= 2;
	return capacity;
}

static size_t hash_id(uint64_t id)
{
	id *= 0x9e3779b97f4a7c15u;
	return (size_t)(id ^ id >> 32);
}

void id_map_init(struct id_map *map)
{
	memset(map, 0, sizeof(*map));
}

void id_map_finish(struct id_map *map)
{
	free(map->slots);
	id_map_init(map);
}

/* The slot of the id, or NULL. */
static uint64_t **id_find(const struct id_map *map, uint64_t id)
{
	size_t mask = map->capacity - 1;

	if (map->capacity == 0)
		return NULL;
	for (size_t i = hash_id(id) & mask; map->slots[i]; i = (i + 1) & mask)
		if (map->slots[i] != DEAD && *map->slots[i] == id)
			return &map->slots[i];
	return NULL;
}

static void id_place(uint64_t **slots, size_t capacity, uint64_t *entry)
{
	size_t i = hash_id(*entry) & (capacity - 1);

	while (slots[i])
		i = (i + 1) & (capacity - 1);
	slots[i] = entry;
}

static int id_lay_out(struct id_map *map)
{
	size_t capacity = next_capacity(map->count);
	uint64_t **slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i] && map->slots[i] != DEAD)
			id_place(slots, capacity, map->slots[i]);
	free(map->slots);
	map->slots = slots;
	map->capacity = capacity;
	map->dead = 0;
	return 0;
}

void *id_map_get(const struct id_map *map, uint64_t id)
{
	uint64_t **slot = id_find(map, id);

	return slot ? *slot : NULL;
}

int id_map_put(struct id_map *map, void *entry)
{
	uint64_t **slot = id_find(map, *(uint64_t *)entry);

	if (slot) {
		*slot = entry;
		return 0;
	}
	if (full(map->capacity, map->count + map->dead) && id_lay_out(map) != 0)
		return -1;
	id_place(map->slots, map->capacity, entry);
	map->count++;
	return 0;
}

void *id_map_take(struct id_map *map, uint64_t id)
{
	uint64_t **slot = id_find(map, id), *entry;

	if (!slot)
		return NULL;
	entry = *slot;
	*slot = DEAD;
	map->count--;
	map->dead++;
	return entry;
}

void *id_map_next(const struct id_map *map, size_t *at)
{
	while (*at < map->capacity) {
		uint64_t *entry = map->slots[(*at)++];
		if (entry && entry != DEAD)
			return entry;
	}
	return NULL;
}

/* Keys come from peers too: a secret seed keeps them from being chosen to collide. */
static uint64_t seed;

__attribute__((constructor)) static void make_seed(void)
{
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (uint64_t)(uintptr_t)&seed;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static size_t hash_str(struct gw_str key)
{
	uint64_t hash = seed ^ key.len, word;
	const char *at = key.ptr;

	for (size_t left = key.len; left; at += sizeof(word), left -= sizeof(word)) {
		if (left < sizeof(word)) {
			word = 0;
			memcpy(&word, at, left);
			return (size_t)fold(hash ^ word, 0xa0761d6478bd642fu);
		}
		memcpy(&word, at, sizeof(word));
		hash = fold(hash ^ word, 0xe7037ed1a0b428dbu) ^ seed;
	}
	return (size_t)fold(hash, 0xa0761d6478bd642fu);
}

void str_map_init(struct str_map *map)
{
	memset(map, 0, sizeof(*map));
}

void str_map_finish(struct str_map *map)
{
	free(map->slots);
	str_map_init(map);
}

static struct gw_str **str_find(const struct str_map *map, struct gw_str key)
{
	size_t mask = map->capacity - 1;

	if (map->capacity == 0)
		return NULL;
	for (size_t i = hash_str(key) & mask; map->slots[i]; i = (i + 1) & mask)
		if (map->slots[i] != DEAD && gw_str_eq(*map->slots[i], key))
			return &map->slots[i];
	return NULL;
}

static void str_place(struct gw_str **slots, size_t capacity, struct gw_str *entry)
{
	size_t i = hash_str(*entry) & (capacity - 1);

	while (slots[i])
		i = (i + 1) & (capacity - 1);
	slots[i] = entry;
}

static int str_lay_out(struct str_map *map)
{
	size_t capacity = next_capacity(map->count);
	struct gw_str **slots = calloc(capacity, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i] && map->slots[i] != DEAD)
			str_place(slots, capacity, map->slots[i]);
	free(map->slots);
	map->slots = slots;
	map->capacity = capacity;
	map->dead = 0;
	return 0;
}

void *str_map_get(const struct str_map *map, struct gw_str key)
{
	struct gw_str **slot = str_find(map, key);

	return slot ? *slot : NULL;
}

int str_map_put(struct str_map *map, void *entry)
{
	struct gw_str **slot = str_find(map, *(struct gw_str *)entry);

	if (slot) {
		*slot = entry;
		return 0;
	}
	if (full(map->capacity, map->count + map->dead) && str_lay_out(map) != 0)
		return -1;
	str_place(map->slots, map->capacity, entry);
	map->count++;
	return 0;
}

void *str_map_take(struct str_map *map, struct gw_str key)
{
	struct gw_str **slot = str_find(map, key), *entry;

	if (!slot)
		return NULL;
	entry = *slot;
	*slot = DEAD;
	map->count--;
	map->dead++;
	return entry;
}

void *str_map_next(const struct str_map *map, size_t *at)
{
	while (*at < map->capacity) {
		struct gw_str *entry = map->slots[(*at)++];
		if (entry && entry != DEAD)
			return entry;
	}
	return NULL;
}
