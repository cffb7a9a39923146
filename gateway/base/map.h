/* map.h - number or string -> pointer, in memory that grows with what it holds.
 *
 * Two tables, one idiom: open addressing, a pointer a slot; keys live in what the pointers name, so
 * an entry costs 11 to 22 bytes. Used by one thread at a time. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <gateway/str.h>

/* Entries whose first member is their uint64_t key (not 0). */
struct id_map {
	uint64_t **slots;
	size_t capacity, count, dead;
};

void id_map_init(struct id_map *map);
void id_map_finish(struct id_map *map); /* the entries are yours */
void *id_map_get(const struct id_map *map, uint64_t id);
/* replaces one with the same key; -1: no memory */
int id_map_put(struct id_map *map, void *entry);
void *id_map_take(struct id_map *map, uint64_t id); /* removes and gives it, or NULL */
/* Each entry in no order; `at` begins at 0; NULL at the end. Entries may be taken meanwhile, none
 * may be put. */
void *id_map_next(const struct id_map *map, size_t *at);

/* Entries whose first member is a struct gw_str key. */
struct str_map {
	struct gw_str **slots;
	size_t capacity, count, dead;
};

void str_map_init(struct str_map *map);
void str_map_finish(struct str_map *map);
void *str_map_get(const struct str_map *map, struct gw_str key);
int str_map_put(struct str_map *map, void *entry);
void *str_map_take(struct str_map *map, struct gw_str key);
void *str_map_next(const struct str_map *map, size_t *at);

#endif
