#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

static void memory_is_zeroed_and_aligned(void **state)
{
	struct arena arena;

	arena_init(&arena, 0);
	for (size_t size = 0; size < 5000; size += 37) {
		unsigned char *bytes = arena_alloc(&arena, size);
		assert_non_null(bytes);
		assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(bytes[i], 0);
		memset(bytes, 0xff, size);
	}
	arena_finish(&arena);
	assert_int_equal(arena.total, 0);
}

static void nothing_is_taken_before_the_first_allocation(void **state)
{
	struct arena arena;

	arena_init(&arena, 4096);
	assert_int_equal(arena.total, 0);
	assert_non_null(arena_alloc(&arena, 1));
	assert_in_range(arena.total, 1, 8192);
	arena_finish(&arena);
}

static void a_large_piece_leaves_the_open_block_in_use(void **state)
{
	struct arena arena;
	size_t before;

	arena_init(&arena, 1024);
	arena_alloc(&arena, 16);
	arena_alloc(&arena, 100000);
	before = arena.total;
	arena_alloc(&arena, 16);
	assert_int_equal(arena.total, before);
	arena_finish(&arena);
}

static void strings_end_with_nul(void **state)
{
	struct arena arena;
	struct gw_str text;

	arena_init(&arena, 0);
	text = arena_str(&arena, gw_str_n("a\0b", 3));
	assert_int_equal(text.len, 3);
	assert_memory_equal(text.ptr, "a\0b\0", 4);
	text = arena_str(&arena, gw_str(NULL));
	assert_string_equal(text.ptr, "");
	text = arena_printf(&arena, "%s-%d", "x", 7);
	assert_string_equal(text.ptr, "x-7");
	assert_int_equal(text.len, 3);
	text = arena_printf(&arena, "%03000d", 1);
	assert_int_equal(strlen(text.ptr), 3000);
	arena_finish(&arena);
}

static void what_cannot_be_had_is_null(void **state)
{
	struct arena arena;

	arena_init(&arena, 0);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 64));
	assert_null(arena_str(&arena, gw_str_n("", SIZE_MAX)).ptr);
	arena_finish(&arena);
}

static char order[4], a[] = "a", b[] = "b", c[] = "c";

static void note(void *arg)
{
	strcat(order, arg);
}

static void cleanups_run_newest_first(void **state)
{
	struct arena arena, zeroed = { 0 };

	arena_init(&arena, 0);
	assert_int_equal(arena_defer(&arena, note, a), 0);
	assert_int_equal(arena_defer(&arena, note, b), 0);
	assert_int_equal(arena_defer(&arena, note, c), 0);
	arena_finish(&arena);
	assert_string_equal(order, "cba");
	arena_finish(&arena);
	assert_string_equal(order, "cba");
	arena_finish(&zeroed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(nothing_is_taken_before_the_first_allocation),
		cmocka_unit_test(a_large_piece_leaves_the_open_block_in_use),
		cmocka_unit_test(strings_end_with_nul),
		cmocka_unit_test(what_cannot_be_had_is_null),
		cmocka_unit_test(cleanups_run_newest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
