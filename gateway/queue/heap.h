/* heap.h - things in order of a number (when they are due, when they came): the least is at hand,
 * and any can be taken out, since each knows its place. The node lies in the thing; list_of() gives
 * the thing back. */
#ifndef QUEUE_HEAP_H
#define QUEUE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t order;  /* not to be changed while it is in a heap */
	uint32_t index; /* the heap's */
};

struct heap {
	struct heap_node **items;
	size_t count, room;
};

/* Makes room for `count` nodes in all, so that heap_put cannot fail; -1: no memory. */
int heap_room(struct heap *heap, size_t count);
void heap_finish(struct heap *heap); /* the nodes are not touched */

void heap_put(struct heap *heap, struct heap_node *node);
void heap_take(struct heap *heap, struct heap_node *node);

/* The least, or NULL. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count ? heap->items[0] : NULL;
}

#endif
