/* memory.c - memory that lives as long as the kit, and the small lists in it. */
#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

void kit_lock(void)
{
	pthread_mutex_lock(&lock);
}

void kit_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

pthread_mutex_t *kit_mutex(void)
{
	return &lock;
}

static void *or_die(void *memory)
{
	if (memory)
		return memory;
	fputs("testkit: out of memory\n", stderr);
	abort();
}

/* Each piece is an allocation of its own, so that a sanitizer sees a module write past it. */
void *kit_alloc(struct testkit *kit, size_t size)
{
	void *memory = or_die(calloc(1, size ? size : 1));

	pthread_mutex_lock(&memory_lock);
	if (kit->memory_count == kit->memory_room) {
		kit->memory_room = kit->memory_room ? kit->memory_room * 2 : 64;
		kit->memory = or_die(realloc(kit->memory, kit->memory_room * sizeof *kit->memory));
	}
	kit->memory[kit->memory_count++] = memory;
	pthread_mutex_unlock(&memory_lock);
	return memory;
}

void kit_free(struct testkit *kit)
{
	while (kit->memory_count)
		free(kit->memory[--kit->memory_count]);
	free(kit->memory);
}

struct gw_str kit_str(struct testkit *kit, struct gw_str text)
{
	char *copy = kit_alloc(kit, text.len + 1);

	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return gw_str_n(copy, text.len);
}

char *kit_text(struct testkit *kit, const char *text)
{
	return (char *)kit_str(kit, gw_str(text)).ptr;
}

char *kit_vformat(struct testkit *kit, const char *format, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	text = kit_alloc(kit, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

char *kit_format(struct testkit *kit, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = kit_vformat(kit, format, args);
	va_end(args);
	return text;
}

/* An array of `count` items has room up to the next power of two. */
void *kit_copy(struct testkit *kit, const void *items, size_t count, size_t size)
{
	size_t room = 1;
	void *copy;

	while (room < count)
		room *= 2;
	copy = kit_alloc(kit, room * size);
	if (count)
		memcpy(copy, items, count * size);
	return copy;
}

void *kit_grow(struct testkit *kit, void *items, size_t count, size_t size)
{
	void *grown;

	if (count & (count - 1))
		return items;
	grown = kit_alloc(kit, (count ? count * 2 : 1) * size);
	if (count)
		memcpy(grown, items, count * size);
	return grown;
}

struct pair *pair_find(struct pair *list, const char *key)
{
	while (list && strcmp(list->key, key) != 0)
		list = list->next;
	return list;
}

/* Lists are kept in the order of their keys. */
void pair_set(struct testkit *kit, struct pair **list, const char *key, struct gw_str value)
{
	struct pair *pair;

	while (*list && strcmp((*list)->key, key) < 0)
		list = &(*list)->next;
	if (!*list || strcmp((*list)->key, key) != 0) {
		pair = kit_alloc(kit, sizeof *pair);
		pair->key = kit_text(kit, key);
		pair->next = *list;
		*list = pair;
	}
	(*list)->value = kit_str(kit, value);
}
