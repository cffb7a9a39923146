#include "queue/heap.h"

#include <stdlib.h>

int heap_room(struct heap *heap, size_t count)
{
	if (count <= heap->room)
		return 0;
	size_t room = heap->room ? heap->room * 2 : 64;
	while (room < count)
		room *= 2;
	struct heap_node **items = realloc(heap->items, room * sizeof(*items));
	if (!items)
		return -1;
	heap->items = items;
	heap->room = room;
	return 0;
}

void heap_finish(struct heap *heap)
{
	free(heap->items);
	*heap = (struct heap){ 0 };
}

static void place(struct heap *heap, size_t at, struct heap_node *node)
{
	heap->items[at] = node;
	node->index = (uint32_t)at;
}

static void sift_up(struct heap *heap, size_t at, struct heap_node *node)
{
	while (at > 0 && node->order < heap->items[(at - 1) / 2]->order) {
		place(heap, at, heap->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(heap, at, node);
}

static void sift_down(struct heap *heap, size_t at, struct heap_node *node)
{
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->items[child + 1]->order < heap->items[child]->order)
			child++;
		if (heap->items[child]->order >= node->order)
			break;
		place(heap, at, heap->items[child]);
		at = child;
	}
	place(heap, at, node);
}

void heap_put(struct heap *heap, struct heap_node *node)
{
	sift_up(heap, heap->count++, node);
}

void heap_take(struct heap *heap, struct heap_node *node)
{
	size_t at = node->index;
	struct heap_node *last = heap->items[--heap->count];
	if (last == node)
		return;
	if (at > 0 && last->order < heap->items[(at - 1) / 2]->order)
		sift_up(heap, at, last);
	else
		sift_down(heap, at, last);
}
