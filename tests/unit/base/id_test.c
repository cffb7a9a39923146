#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/id.h"

#define NOW 1795455612345

static void ids_grow_whatever_the_clock_does(void **state)
{
	static const int64_t clock[] = { NOW, NOW, NOW + 5, NOW - 86400000, 0, -1, NOW + 1 };
	struct id_maker maker = { .maker = 3 };
	uint64_t last = 0;

	for (size_t i = 0; i < sizeof(clock) / sizeof(clock[0]); i++) {
		uint64_t id = id_next(&maker, clock[i]);
		assert_true(id > last);
		assert_int_equal(id >> 16 & 127, 3);
		last = id;
	}
}

static void a_full_count_borrows_from_the_next_millisecond(void **state)
{
	struct id_maker maker = { .maker = 127 };
	uint64_t last = 0;

	for (int i = 0; i < 70000; i++) {
		uint64_t id = id_next(&maker, NOW);
		assert_true(id > last);
		assert_int_equal(id >> 16 & 127, 127);
		last = id;
	}
	assert_int_equal(id_time(last), NOW + 1);
}

static void makers_never_meet(void **state)
{
	struct id_maker a = { .maker = 0 }, b = { .maker = 1 };

	for (int i = 0; i < 100; i++)
		assert_int_not_equal(id_next(&a, NOW), id_next(&b, NOW));
}

static void no_id_is_zero(void **state)
{
	struct id_maker maker = { 0 };

	assert_int_not_equal(id_next(&maker, 0), 0);
}

static void an_id_tells_its_time(void **state)
{
	struct id_maker maker = { .maker = 5 };

	assert_int_equal(id_time(id_next(&maker, NOW)), NOW);
}

static void texts_and_ids_are_one(void **state)
{
	static const struct {
		uint64_t id;
		const char *text;
	} pairs[] = {
		{ 1, "0000000000001" },
		{ 32, "0000000000010" },
		{ 31, "000000000000Z" },
		{ UINT64_MAX, "FZZZZZZZZZZZZ" },
		{ (uint64_t)1 << 60, "1000000000000" },
	};
	char text[ID_TEXT];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_string_equal(id_format(pairs[i].id, text), pairs[i].text);
		assert_true(id_parse(gw_str(pairs[i].text)) == pairs[i].id);
	}
	assert_int_equal(id_parse(gw_str("000000000000z")), 31);
}

static void texts_sort_as_ids_do(void **state)
{
	struct id_maker maker = { .maker = 9 };
	char before[ID_TEXT] = "", text[ID_TEXT];

	for (int64_t t = NOW; t < NOW + 1000; t += 7) {
		id_format(id_next(&maker, t), text);
		assert_true(strcmp(text, before) > 0);
		strcpy(before, text);
	}
}

static void what_is_no_id_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "000000000001",
					   "00000000000001",
					   "0000000000000",
					   "G000000000000",
					   "Z000000000000",
					   "00000000000I1",
					   "00000000000L1",
					   "00000000000O1",
					   "00000000000U1",
					   "00000000000-1",
					   "000000000000 " };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(id_parse(gw_str(bad[i])), 0);
	assert_int_equal(id_parse(gw_str_n("000000\0000001", 13)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_grow_whatever_the_clock_does),
		cmocka_unit_test(a_full_count_borrows_from_the_next_millisecond),
		cmocka_unit_test(makers_never_meet),
		cmocka_unit_test(no_id_is_zero),
		cmocka_unit_test(an_id_tells_its_time),
		cmocka_unit_test(texts_and_ids_are_one),
		cmocka_unit_test(texts_sort_as_ids_do),
		cmocka_unit_test(what_is_no_id_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
