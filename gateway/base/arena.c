#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_BLOCK 1024
#define LARGEST_BLOCK (64 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t used, size; /* of bytes[] */
	_Alignas(max_align_t) char bytes[];
};

struct arena_cleanup {
	struct arena_cleanup *next;
	void (*undo)(void *arg);
	void *arg;
};

void arena_init(struct arena *arena, size_t block_size)
{
	memset(arena, 0, sizeof(*arena));
	arena->block_size = block_size;
}

void arena_finish(struct arena *arena)
{
	for (struct arena_cleanup *c = arena->cleanups; c; c = c->next)
		c->undo(c->arg);
	for (struct arena_block *b = arena->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	arena_init(arena, 0);
}

static struct arena_block *block_create(struct arena *arena, size_t size)
{
	struct arena_block *block;

	block = size > PTRDIFF_MAX - sizeof(*block) ? NULL : malloc(sizeof(*block) + size);
	if (!block) {
		arena->failed = true;
		return NULL;
	}
	block->next = NULL;
	block->used = 0;
	block->size = size;
	arena->total += sizeof(*block) + size;
	return block;
}

/* A large piece gets a block of its own behind the newest, so that what is left of the newest stays
 * in use. */
static void *alloc_large(struct arena *arena, size_t size)
{
	struct arena_block *block = block_create(arena, size);

	if (!block)
		return NULL;
	block->used = size;
	if (arena->blocks) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		arena->blocks = block;
	}
	return block->bytes;
}

static struct arena_block *block_add(struct arena *arena)
{
	size_t size = arena->block_size ? arena->block_size : FIRST_BLOCK;
	struct arena_block *block = block_create(arena, size);

	if (!block)
		return NULL;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->block_size = size < LARGEST_BLOCK ? size * 2 : size;
	return block;
}

static void *alloc_aligned(struct arena *arena, size_t size, size_t align)
{
	struct arena_block *block = arena->blocks;
	size_t start = block ? (block->used + align - 1) & ~(align - 1) : 0;
	size_t ordinary = arena->block_size ? arena->block_size : FIRST_BLOCK;

	if (!block || start > block->size || size > block->size - start) {
		if (size > (block ? ordinary / 4 : ordinary))
			return alloc_large(arena, size);
		block = block_add(arena);
		if (!block)
			return NULL;
		start = 0;
	}
	block->used = start + size;
	return block->bytes + start;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *bytes = alloc_aligned(arena, size ? size : 1, _Alignof(max_align_t));

	/* Zeroed here: most of a block is strings, which need it not. */
	return bytes ? memset(bytes, 0, size ? size : 1) : NULL;
}

struct gw_str arena_str(struct arena *arena, struct gw_str text)
{
	char *copy = text.len < SIZE_MAX ? alloc_aligned(arena, text.len + 1, 1) : NULL;

	if (!copy)
		return gw_str_n(NULL, 0);
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return gw_str_n(copy, text.len);
}

/* Formats into what is free and only where that was too little a second time. */
struct gw_str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	struct arena_block *block = arena->blocks;
	size_t room = block ? block->size - block->used : 0;
	va_list again;
	char *text = room ? block->bytes + block->used : NULL;
	int len;

	va_copy(again, args);
	len = vsnprintf(text, room, format, again);
	va_end(again);
	if (len >= 0 && (size_t)len < room) {
		block->used += (size_t)len + 1;
		return gw_str_n(text, (size_t)len);
	}
	text = NULL;
	if (len >= 0)
		text = alloc_aligned(arena, (size_t)len + 1, 1);
	if (!text)
		return gw_str_n(NULL, 0);
	vsnprintf(text, (size_t)len + 1, format, args);
	return gw_str_n(text, (size_t)len);
}

struct gw_str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	struct gw_str text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

int arena_defer(struct arena *arena, void (*undo)(void *arg), void *arg)
{
	struct arena_cleanup *cleanup = arena_alloc(arena, sizeof(*cleanup));

	if (!cleanup)
		return -1;
	cleanup->undo = undo;
	cleanup->arg = arg;
	cleanup->next = arena->cleanups;
	arena->cleanups = cleanup;
	return 0;
}
