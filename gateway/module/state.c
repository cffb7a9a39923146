#include "module/state_private.h"

#include <stdio.h>
#include <stdlib.h>

/* --- entries --- */

#define SEPARATOR '\x1f'

struct gw_str state_key(char *buffer, struct gw_str owner, struct gw_str name)
{
	if (owner.len + 1 + name.len > STATE_KEY_MAX)
		return gw_str_n(buffer, 0);
	memcpy(buffer, owner.ptr, owner.len);
	buffer[owner.len] = SEPARATOR;
	if (name.len)
		memcpy(buffer + owner.len + 1, name.ptr, name.len);
	return gw_str_n(buffer, owner.len + 1 + name.len);
}

static struct state_entry *make_entry(struct gw_str key, enum state_kind kind)
{
	struct state_entry *entry = calloc(1, sizeof(*entry) + key.len + 1);

	if (!entry)
		return NULL;
	char *bytes = (char *)(entry + 1);
	memcpy(bytes, key.ptr, key.len);
	entry->key = gw_str_n(bytes, key.len);
	entry->kind = kind;
	return entry;
}

static struct str_map *map_of(struct state *state, enum state_kind kind)
{
	return kind == STATE_COUNTER ? &state->counters : &state->records;
}

struct state_entry *state_entry_get(struct state *state, enum state_kind kind, struct gw_str key)
{
	struct str_map *map = map_of(state, kind);
	struct state_entry *entry = str_map_get(map, key);

	if (entry)
		return entry;
	entry = make_entry(key, kind);
	if (!entry || str_map_put(map, entry) < 0) {
		free(entry);
		return NULL;
	}
	return entry;
}

void state_entry_touch(struct state *state, struct state_entry *entry)
{
	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->next_dirty = NULL;
	*state->last_dirty = entry;
	state->last_dirty = &entry->next_dirty;
	if (state->dirty == entry)
		pthread_cond_signal(&state->wake);
}

static void clear_map(struct str_map *map)
{
	struct state_entry *entry;
	size_t at = 0;

	while ((entry = str_map_next(map, &at))) {
		free(entry->value);
		free(entry);
	}
	str_map_finish(map);
	str_map_init(map);
}

void state_clear(struct state *state)
{
	clear_map(&state->counters);
	clear_map(&state->records);
	state->dirty = NULL;
	state->last_dirty = &state->dirty;
}

/* --- records --- */

static char *copy_bytes(struct gw_str bytes)
{
	char *copy = malloc(bytes.len + 1);

	if (copy && bytes.len)
		memcpy(copy, bytes.ptr, bytes.len);
	if (copy)
		copy[bytes.len] = '\0';
	return copy;
}

static void set_value(struct state_entry *entry, char *value, size_t len)
{
	free(entry->value);
	entry->value = value;
	entry->len = len;
	entry->gone = value == NULL;
}

void state_keeps_init(struct state *state)
{
	state->keeps = NULL;
	state->last_keep = &state->keeps;
}

/* A disk that refuses is asked again when its time comes, not by everybody who waits. */
static void add_keep(struct state *state, struct state_keep *keep)
{
	keep->next = NULL;
	*state->last_keep = keep;
	state->last_keep = &keep->next;
	if (state->failed)
		return;
	state->asked++;
	pthread_cond_signal(&state->wake);
}

int state_record_put(struct state *state, struct gw_str owner, struct gw_str key,
		     struct gw_str value)
{
	return state_record_keep(state, owner, key, value, NULL);
}

int state_record_keep(struct state *state, struct gw_str owner, struct gw_str key,
		      struct gw_str value, struct state_keep *keep)
{
	char buffer[STATE_KEY_MAX];
	struct gw_str full = state_key(buffer, owner, key);
	char *copy = full.len && value.len <= RECORD_MAX ? copy_bytes(value) : NULL;

	if (!copy)
		return -1;
	pthread_mutex_lock(&state->lock);
	struct state_entry *entry = state_entry_get(state, STATE_RECORD, full);
	if (entry) {
		set_value(entry, copy, value.len);
		state_entry_touch(state, entry);
		if (keep)
			add_keep(state, keep);
	}
	pthread_mutex_unlock(&state->lock);
	if (!entry)
		free(copy);
	return entry ? 0 : -1;
}

long state_record_get(struct state *state, struct gw_str owner, struct gw_str key, void *out,
		      size_t len)
{
	char buffer[STATE_KEY_MAX];
	struct gw_str full = state_key(buffer, owner, key);
	long size = -1;

	pthread_mutex_lock(&state->lock);
	const struct state_entry *entry = full.len ? str_map_get(&state->records, full) : NULL;
	if (entry && !entry->gone) {
		size = (long)entry->len;
		if (len)
			memcpy(out, entry->value, len < entry->len ? len : entry->len);
	}
	pthread_mutex_unlock(&state->lock);
	return size;
}

int state_record_drop(struct state *state, struct gw_str owner, struct gw_str key)
{
	char buffer[STATE_KEY_MAX];
	struct gw_str full = state_key(buffer, owner, key);
	int result = -1;

	pthread_mutex_lock(&state->lock);
	struct state_entry *entry = full.len ? str_map_get(&state->records, full) : NULL;
	if (entry && !entry->gone) {
		set_value(entry, NULL, 0);
		state_entry_touch(state, entry);
		result = 0;
	}
	pthread_mutex_unlock(&state->lock);
	return result;
}

/* Copies of what matches, so that `each` may change the store. */
struct found {
	struct gw_str key, value;
	char bytes[];
};

static struct found *copy_found(const struct state_entry *entry, size_t skip)
{
	size_t key_len = entry->key.len - skip;
	struct found *found = malloc(sizeof(*found) + key_len + entry->len + 2);

	if (!found)
		return NULL;
	memcpy(found->bytes, entry->key.ptr + skip, key_len);
	found->bytes[key_len] = '\0';
	memcpy(found->bytes + key_len + 1, entry->value, entry->len + 1);
	found->key = gw_str_n(found->bytes, key_len);
	found->value = gw_str_n(found->bytes + key_len + 1, entry->len);
	return found;
}

static int by_key(const void *a, const void *b)
{
	struct gw_str x = (*(struct found *const *)a)->key, y = (*(struct found *const *)b)->key;
	int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* Under the lock; -1: no memory. */
static int collect(struct state *state, struct gw_str prefix, size_t skip, struct found **all,
		   size_t *count)
{
	const struct state_entry *entry;
	size_t at = 0;

	while ((entry = str_map_next(&state->records, &at))) {
		if (entry->gone || entry->key.len < prefix.len ||
		    memcmp(entry->key.ptr, prefix.ptr, prefix.len) != 0)
			continue;
		all[*count] = copy_found(entry, skip);
		if (!all[(*count)++])
			return -1;
	}
	return 0;
}

int state_record_each(struct state *state, struct gw_str owner, struct gw_str prefix,
		      int (*each)(void *arg, struct gw_str key, struct gw_str value), void *arg)
{
	char buffer[STATE_KEY_MAX];
	struct gw_str full = state_key(buffer, owner, prefix);
	size_t count = 0;
	int result = -1;

	pthread_mutex_lock(&state->lock);
	struct found **all = full.len ? calloc(state->records.count + 1, sizeof(struct found *))
				      : NULL;
	if (all)
		result = collect(state, full, owner.len + 1, all, &count);
	pthread_mutex_unlock(&state->lock);
	if (result == 0 && count)
		qsort(all, count, sizeof(*all), by_key);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = each(arg, all[i]->key, all[i]->value);
	for (size_t i = 0; i < count; i++)
		free(all[i]);
	free(all);
	return result;
}

int state_record_load(struct state *state, struct gw_str key, struct gw_str value)
{
	struct state_entry *entry = state_entry_get(state, STATE_RECORD, key);
	char *copy = entry ? copy_bytes(value) : NULL;

	if (copy)
		set_value(entry, copy, value.len);
	return copy ? 0 : -1;
}
