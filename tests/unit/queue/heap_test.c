/* The heap gives what is due first, whatever was put in, moved or taken out before. */
#include "queue/heap.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#define ENTRIES 500

static void check_order(struct heap *heap)
{
	for (size_t i = 1; i < heap->count; i++)
		assert_true(heap->items[(i - 1) / 2]->order <= heap->items[i]->order);
	for (size_t i = 0; i < heap->count; i++)
		assert_int_equal(heap->items[i]->index, i);
}

static void gives_the_first_due(void **state)
{
	struct heap_node entries[ENTRIES] = { 0 };
	struct heap heap = { 0 };
	int64_t last = -1;
	srandom(1);
	assert_int_equal(heap_room(&heap, ENTRIES), 0);
	for (size_t i = 0; i < ENTRIES; i++) {
		entries[i].order = random() % 100;
		heap_put(&heap, &entries[i]);
	}
	check_order(&heap);
	while (heap_first(&heap)) {
		struct heap_node *first = heap_first(&heap);
		assert_true(first->order >= last);
		last = first->order;
		heap_take(&heap, first);
	}
	heap_finish(&heap);
}

static void any_entry_can_be_taken(void **state)
{
	struct heap_node entries[ENTRIES] = { 0 };
	struct heap heap = { 0 };
	srandom(2);
	assert_int_equal(heap_room(&heap, ENTRIES), 0);
	for (size_t i = 0; i < ENTRIES; i++) {
		entries[i].order = random() % 1000;
		heap_put(&heap, &entries[i]);
	}
	for (size_t i = 0; i < ENTRIES; i += 2) {
		heap_take(&heap, &entries[i]);
		check_order(&heap);
	}
	assert_int_equal(heap.count, ENTRIES / 2);
	heap_finish(&heap);
}

static void an_empty_heap_has_no_first(void **state)
{
	struct heap heap = { 0 };
	assert_null(heap_first(&heap));
	heap_finish(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_first_due),
		cmocka_unit_test(any_entry_can_be_taken),
		cmocka_unit_test(an_empty_heap_has_no_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
