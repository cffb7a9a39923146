/* arena.h - memory that belongs to a thing and is freed with it.
 *
 * A session, a message, a configuration snapshot each own one arena; what is allocated from it
 * lives as long as the thing does. Nothing is freed singly. An arena is used by one thread at a
 * time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <gateway/str.h>

#include <stdarg.h>

struct arena_block;
struct arena_cleanup;

struct arena {
	struct arena_block *blocks;     /* newest first */
	struct arena_cleanup *cleanups; /* newest first */
	size_t block_size;              /* of the next ordinary block */
	size_t total;                   /* bytes taken from malloc */
	/* memory was refused once: what could not be made may be made later */
	bool failed;
};

/* Prepares an arena in memory you own; takes no memory before the first allocation. block_size 0: 1
 * KiB. */
void arena_init(struct arena *arena, size_t block_size);

/* Runs the cleanups, newest first, and frees every block; the arena is then as after arena_init. A
 * zeroed arena is fine. */
void arena_finish(struct arena *arena);

/* Zeroed memory, aligned for any type; NULL when memory is out. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `text` with a NUL behind it; ptr is NULL when memory is out. */
struct gw_str arena_str(struct arena *arena, struct gw_str text);

/* A formatted string, NUL-terminated; ptr is NULL when memory is out. */
struct gw_str arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
struct gw_str arena_vprintf(struct arena *arena, const char *format, va_list args);

/* Makes arena_finish call undo(arg); -1 when memory is out (undo was not and will not be called).
 */
int arena_defer(struct arena *arena, void (*undo)(void *arg), void *arg);

#endif
