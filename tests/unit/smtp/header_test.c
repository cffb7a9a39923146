#include "smtp/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define LIT(text) gw_str_n((text), sizeof(text) - 1)

static void expect_str(struct gw_str got, struct gw_str want)
{
	if (!gw_str_eq(got, want))
		fail_msg("got \"%.*s\", want \"%.*s\"", (int)got.len, got.ptr, (int)want.len,
			 want.ptr);
}

static void test_where_the_block_ends(void **state)
{
	static const struct {
		struct gw_str text;
		size_t end; /* header_end */
		size_t size, count;
		bool blank, odd, hidden;
	} cases[] = {
		{ GW_STR("A: b\r\n\r\nbody"), 8, 8, 1, true, false },
		{ GW_STR("A: b\r\nC: d\r\n e\r\n\r\n"), 18, 18, 2, true, false },
		{ GW_STR("A: b\r\n"), 0, 6, 1, false, false },
		{ GW_STR("A: b\r\n\r"), 0, 6, 1, false, true },
		{ GW_STR("A: b"), 0, 4, 1, false, false },
		{ GW_STR(""), 0, 0, 0, false, false },
		{ GW_STR("\r\nbody"), 2, 2, 0, true, false },
		{ GW_STR("no header\r\n\r\n"), 0, 0, 0, false, true },
		{ GW_STR(" fold\r\nA: b\r\n\r\n"), 0, 0, 0, false, true, true },
		{ GW_STR("From x Mon\r\nFrom: b\r\n\r\n"), 0, 0, 0, false, true, true },
		{ GW_STR("A: b\r\nodd\r\n fold\r\nodd\r\nC: d"), 6, 6, 1, false, true, true },
		{ GW_STR("A: b\r\nodd\r\n\r\nC: d\r\n"), 6, 6, 1, false, true, false },
		{ GW_STR("A: b\r\nodd\r\nno field\r\n"), 6, 6, 1, false, true, false },
		{ GW_STR("A: b\r\nbody of it\r\n\r\n"), 6, 6, 1, false, true },
		{ GW_STR("A: b\r\n: c\r\n\r\n"), 6, 6, 1, false, true },
		{ GW_STR("A: b\r\nC\xc3\xa4: d\r\n\r\n"), 6, 6, 1, false, true },
		{ GW_STR("A: b\r\n \r\nC: d\r\n\r\n"), 17, 17, 2, true, false },
		{ GW_STR("A: b\n\nC: d\r\n\r\n"), 14, 14, 1, true, false },
		{ GW_STR("A: b\r\rC: d\r\n\r\n"), 14, 14, 1, true, false },
		{ GW_STR("A: b\0\r\n\r\n"), 9, 9, 1, true, false },
		{ GW_STR("A: b\r\nFrom x Mon\r\n\r\n"), 6, 6, 1, false, true },
		{ GW_STR("A : b\r\n\r\n"), 9, 9, 1, true, false },
	};
	size_t i, cut;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct header_block block;
		struct arena arena;
		arena_init(&arena, 0);
		assert_int_equal(header_parse(cases[i].text, &arena, &block), 0);
		if (header_end(cases[i].text) != cases[i].end || block.size != cases[i].size ||
		    block.count != cases[i].count || block.blank != cases[i].blank ||
		    block.odd != cases[i].odd || block.hidden != cases[i].hidden)
			fail_msg("case %zu: end %zu size %zu count %zu blank %d odd %d hidden %d",
				 i, header_end(cases[i].text), block.size, block.count, block.blank,
				 block.odd, block.hidden);
		for (cut = 0; cut < cases[i].text.len; cut++) {
			size_t end = header_end(gw_str_n(cases[i].text.ptr, cut));
			assert_true(end == 0 || end == cases[i].end);
		}
		arena_finish(&arena);
	}
}

static void test_fields(void **state)
{
	static const struct gw_str text = GW_STR(
		"Received: a\r\n\tb\r\nSubject \t: x\r\n  y \r\nRECEIVED:c\r\nEmpty:\r\n\r\nBody: z\r\n");
	static const struct {
		struct gw_str name, value, whole;
	} fields[] = {
		{ GW_STR("Received"), GW_STR(" a\r\n\tb"), GW_STR("Received: a\r\n\tb\r\n") },
		{ GW_STR("Subject"), GW_STR(" x\r\n  y "), GW_STR("Subject \t: x\r\n  y \r\n") },
		{ GW_STR("RECEIVED"), GW_STR("c"), GW_STR("RECEIVED:c\r\n") },
		{ GW_STR("Empty"), GW_STR(""), GW_STR("Empty:\r\n") },
	};
	struct header_block block;
	struct arena arena;
	size_t i;

	arena_init(&arena, 0);
	assert_int_equal(header_parse(text, &arena, &block), 0);
	assert_int_equal(block.count, 4);
	for (i = 0; i < 4; i++) {
		expect_str(block.fields[i].name, fields[i].name);
		expect_str(block.fields[i].value, fields[i].value);
		expect_str(block.fields[i].whole, fields[i].whole);
	}
	assert_ptr_equal(header_find(&block, LIT("received"), 0), &block.fields[0]);
	assert_ptr_equal(header_find(&block, LIT("received"), 1), &block.fields[2]);
	assert_null(header_find(&block, LIT("received"), 2));
	assert_null(header_find(&block, LIT("body"), 0));
	assert_null(header_find(&block, LIT("receive"), 0));
	arena_finish(&arena);
}

static void test_a_block_without_end_keeps_its_last_field(void **state)
{
	struct header_block block;
	struct arena arena;

	arena_init(&arena, 0);
	assert_int_equal(header_parse(LIT("A: b\r\n c\r\n d"), &arena, &block), 0);
	assert_int_equal(block.count, 1);
	expect_str(block.fields[0].value, LIT(" b\r\n c\r\n d"));
	expect_str(block.fields[0].whole, LIT("A: b\r\n c\r\n d"));
	arena_finish(&arena);
}

static void test_too_many_fields(void **state)
{
	struct header_block block;
	struct arena arena;
	struct buf text;
	int i;

	buf_init(&text, 0);
	for (i = 0; i < HEADER_FIELDS_MAX; i++)
		assert_int_equal(header_write(&text, LIT("A"), LIT("b")), 0);
	arena_init(&arena, 0);
	assert_int_equal(header_parse(buf_str(&text), &arena, &block), 0);
	assert_int_equal(block.count, HEADER_FIELDS_MAX);
	assert_int_equal(header_write(&text, LIT("A"), LIT("b")), 0);
	assert_int_equal(header_parse(buf_str(&text), &arena, &block), -1);
	arena_finish(&arena);
	buf_finish(&text);
}

static void test_unfolding(void **state)
{
	static const struct {
		struct gw_str value, text;
	} cases[] = {
		{ GW_STR(""), GW_STR("") },
		{ GW_STR(" a "), GW_STR("a") },
		{ GW_STR(" a\r\n b\r\n\tc"), GW_STR("a b\tc") },
		{ GW_STR("\r\n a"), GW_STR("a") },
		{ GW_STR(" \t\r\n \r\n\t"), GW_STR("") },
		{ GW_STR("a\r\nb"), GW_STR("a\r\nb") },
		{ GW_STR("a\n b\r"), GW_STR("a\n b\r") },
		{ GW_STR("a\0b"), GW_STR("a\0b") },
	};
	struct arena arena;
	size_t i;

	arena_init(&arena, 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gw_str text = header_unfold(&arena, cases[i].value);
		expect_str(text, cases[i].text);
		assert_int_equal(text.ptr[text.len], '\0');
	}
	arena_finish(&arena);
}

static void test_writing(void **state)
{
	static const struct {
		struct gw_str name, value;
		const char *out; /* NULL: refused */
	} cases[] = {
		{ GW_STR("A"), GW_STR("b"), "A: b\r\n" },
		{ GW_STR("A"), GW_STR(""), "A: \r\n" },
		{ GW_STR("A"), GW_STR(" b"), "A: b\r\n" },
		{ GW_STR("A"), GW_STR("\tb"), "A:\tb\r\n" },
		{ GW_STR("A"), GW_STR("\r\n b"), "A:\r\n b\r\n" },
		{ GW_STR("X-A_b!"), GW_STR("b\r\n c\r\n\td"), "X-A_b!: b\r\n c\r\n\td\r\n" },
		{ GW_STR("A"), GW_STR("\xc3\xa4\xe4"), "A: \xc3\xa4\xe4\r\n" },
		{ GW_STR(""), GW_STR("b"), NULL },
		{ GW_STR("A:"), GW_STR("b"), NULL },
		{ GW_STR("A "), GW_STR("b"), NULL },
		{ GW_STR("A\r\nB"), GW_STR("b"), NULL },
		{ GW_STR("A\0"), GW_STR("b"), NULL },
		{ GW_STR("\xc3\xa4"), GW_STR("b"), NULL },
		{ GW_STR("A"), GW_STR("b\r\nBcc: c"), NULL },
		{ GW_STR("A"), GW_STR("b\r\n"), NULL },
		{ GW_STR("A"), GW_STR("b\r\n\r\nc"), NULL },
		{ GW_STR("A"), GW_STR("b\n c"), NULL },
		{ GW_STR("A"), GW_STR("b\r c"), NULL },
		{ GW_STR("A"), GW_STR("b\r"), NULL },
		{ GW_STR("A"), GW_STR("b\r\r\n c"), NULL },
		{ GW_STR("A"), GW_STR("b\0c"), NULL },
		{ GW_STR("A"), GW_STR("b\r\n "), NULL },
		{ GW_STR("A"), GW_STR("b\r\n \t\r\n c"), NULL },
	};
	struct buf out;
	size_t i;

	buf_init(&out, 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		if (header_write(&out, cases[i].name, cases[i].value) != (cases[i].out ? 0 : -1))
			fail_msg("case %zu", i);
		expect_str(buf_str(&out), gw_str(cases[i].out));
	}
	buf_finish(&out);
}

static void test_a_full_buffer_takes_nothing(void **state)
{
	struct buf out;

	buf_init(&out, 5);
	assert_int_equal(header_write(&out, LIT("A"), LIT("b")), -1);
	assert_int_equal(buf_len(&out), 0);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_the_block_ends),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_a_block_without_end_keeps_its_last_field),
		cmocka_unit_test(test_too_many_fields),
		cmocka_unit_test(test_unfolding),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_a_full_buffer_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
