#include "queue/heap.h"

#include <stdlib.h>

int heap_room(struct heap *heap, size_t count)
{
	if (count <= heap->room)
		return 0;
	size_t room = heap->room ? heap->room * 2 : 64;
	while (room < count)
		room *= 2;
	struct queue_entry **items = realloc(heap->items, room * sizeof(*items));
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

static void place(struct heap *heap, size_t at, struct queue_entry *entry)
{
	heap->items[at] = entry;
	entry->heap_index = (uint32_t)at;
}

static void sift_up(struct heap *heap, size_t at, struct queue_entry *entry)
{
	while (at > 0 && entry->due < heap->items[(at - 1) / 2]->due) {
		place(heap, at, heap->items[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(heap, at, entry);
}

static void sift_down(struct heap *heap, size_t at, struct queue_entry *entry)
{
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->items[child + 1]->due < heap->items[child]->due)
			child++;
		if (heap->items[child]->due >= entry->due)
			break;
		place(heap, at, heap->items[child]);
		at = child;
	}
	place(heap, at, entry);
}

void heap_put(struct heap *heap, struct queue_entry *entry)
{
	sift_up(heap, heap->count++, entry);
}

void heap_take(struct heap *heap, struct queue_entry *entry)
{
	size_t at = entry->heap_index;
	struct queue_entry *last = heap->items[--heap->count];
	if (last == entry)
		return;
	if (at > 0 && last->due < heap->items[(at - 1) / 2]->due)
		sift_up(heap, at, last);
	else
		sift_down(heap, at, last);
}
