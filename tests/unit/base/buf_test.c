#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

static void assert_holds(const struct buf *buf, const char *text)
{
	assert_int_equal(buf_len(buf), strlen(text));
	assert_memory_equal(buf_str(buf).ptr, text, strlen(text));
}

static void bytes_go_in_behind_and_out_in_front(void **state)
{
	struct buf buf;

	buf_init(&buf, 0);
	assert_holds(&buf, "");
	assert_int_equal(buf_add_text(&buf, "hello"), 0);
	assert_int_equal(buf_add_str(&buf, gw_str(" world")), 0);
	assert_int_equal(buf_printf(&buf, " %d", 42), 0);
	assert_holds(&buf, "hello world 42");
	buf_consume(&buf, 6);
	assert_holds(&buf, "world 42");
	buf_consume(&buf, 100);
	assert_holds(&buf, "");
	buf_finish(&buf);
}

static void content_stays_whole_however_it_moves(void **state)
{
	struct buf buf;
	unsigned char in = 0, out = 0;

	buf_init(&buf, 5000);
	for (int turn = 0; turn < 2000; turn++) {
		for (int i = 0; i < 7 + turn % 13 && buf_len(&buf) < 4000; i++, in++)
			assert_int_equal(buf_add(&buf, &in, 1), 0);
		for (int i = 0; i < 11 && buf_len(&buf); i++, out++) {
			assert_int_equal((unsigned char)*buf_ptr(&buf), out);
			buf_consume(&buf, 1);
		}
	}
	assert_true(buf.capacity <= 5000);
	buf_finish(&buf);
}

static void the_limit_is_exact_and_failure_stays(void **state)
{
	struct buf buf;

	buf_init(&buf, 10);
	assert_int_equal(buf_add_text(&buf, "12345"), 0);
	assert_int_equal(buf_printf(&buf, "%s", "67890"), 0);
	assert_false(buf.failed);
	assert_int_equal(buf_add_text(&buf, "x"), -1);
	assert_int_equal(buf_printf(&buf, "%d", 1), -1);
	assert_true(buf.failed);
	buf_consume(&buf, 5);
	assert_true(buf.failed);
	assert_int_equal(buf_add_text(&buf, "abcde"), 0);
	assert_holds(&buf, "67890abcde");
	buf_clear(&buf);
	assert_false(buf.failed);
	assert_null(buf_reserve(&buf, SIZE_MAX));
	buf_finish(&buf);
}

static void reserved_room_is_used_in_place(void **state)
{
	struct buf buf;
	char *room;

	buf_init(&buf, 0);
	buf_add_text(&buf, "ab");
	room = buf_reserve(&buf, 1000);
	assert_non_null(room);
	memcpy(room, "cd", 2);
	buf_added(&buf, 2);
	assert_holds(&buf, "abcd");
	buf_finish(&buf);
}

static void only_an_empty_buffer_gives_its_memory_back(void **state)
{
	struct buf buf;

	buf_init(&buf, 0);
	buf_add_text(&buf, "x");
	buf_release(&buf);
	assert_holds(&buf, "x");
	buf_consume(&buf, 1);
	buf_release(&buf);
	assert_null(buf.data);
	assert_int_equal(buf_add_text(&buf, "again"), 0);
	assert_holds(&buf, "again");
	buf_finish(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_go_in_behind_and_out_in_front),
		cmocka_unit_test(content_stays_whole_however_it_moves),
		cmocka_unit_test(the_limit_is_exact_and_failure_stays),
		cmocka_unit_test(reserved_room_is_used_in_place),
		cmocka_unit_test(only_an_empty_buffer_gives_its_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
