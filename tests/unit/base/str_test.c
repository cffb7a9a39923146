/* str_test.c - which octets are blanks, and what stays of a string without those at its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <gateway/str.h>

static void four_octets_are_blanks(void **state)
{
	int c;

	for (c = 0; c < 256; c++)
		assert_int_equal(gw_is_space((char)c),
				 c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static void blanks_go_at_both_ends_and_stay_between(void **state)
{
	static const struct {
		struct gw_str text;
		size_t start, len;
	} rows[] = {
		{ GW_STR(""), 0, 0 },
		{ GW_STR("a"), 0, 1 },
		{ GW_STR(" a"), 1, 1 },
		{ GW_STR("a\r\n"), 0, 1 },
		{ GW_STR("\r\n\ta \t b \r\n"), 3, 5 },
		{ GW_STR("\0a\0"), 0, 3 }, /* no blanks */
		{ GW_STR("\va\f"), 0, 3 },
		{ GW_STR("\xc2\xa0"), 0, 2 },
		{ GW_STR(" \t\r\n"), 4, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_str found = gw_str_trim(rows[i].text);

		assert_ptr_equal(found.ptr, rows[i].text.ptr + rows[i].start);
		assert_int_equal(found.len, rows[i].len);
	}
}

static void nothing_is_nothing(void **state)
{
	assert_int_equal(gw_str_trim(gw_str_n(NULL, 0)).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_octets_are_blanks),
		cmocka_unit_test(blanks_go_at_both_ends_and_stay_between),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
