/* heap.h - entries ordered by when they are due; each knows its place, so any of them can be taken out. */
#ifndef QUEUE_HEAP_H
#define QUEUE_HEAP_H

#include "queue/queue.h"

struct heap {
	struct queue_entry **items;
	size_t count, room;
};

/* Makes room for `count` entries in all, so that heap_put cannot fail; -1: no memory. */
int heap_room(struct heap *heap, size_t count);
void heap_finish(struct heap *heap);

void heap_put(struct heap *heap, struct queue_entry *entry);
void heap_take(struct heap *heap, struct queue_entry *entry);

/* The one that is due first, or NULL. */
static inline struct queue_entry *heap_first(const struct heap *heap)
{
	return heap->count ? heap->items[0] : NULL;
}

#endif
