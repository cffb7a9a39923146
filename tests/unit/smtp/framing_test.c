#include "smtp/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define LIT(text) gw_str_n((text), sizeof(text) - 1)
#define X100                                                                                       \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X998                                                                                       \
	X100 X100 X100 X100 X100 X100 X100 X100 X100                                               \
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* What a whole reading gave. */
struct result {
	char bytes[4096];
	size_t len, taken;
	struct data_reader reader;
};

/* Reads one piece into memory of just the promised size, so that a write behind it is seen. */
static void read_piece(struct result *result, struct gw_str piece)
{
	char *out = malloc(piece.len + 4);
	size_t written, taken = data_read(&result->reader, piece, out, &written);

	assert_true(written <= piece.len + 4);
	assert_true(taken == piece.len || result->reader.done);
	memcpy(result->bytes + result->len, out, written);
	result->len += written;
	result->taken += taken;
	free(out);
}

static void read_all(struct result *result, struct gw_str text)
{
	memset(result, 0, sizeof(*result));
	data_reader_init(&result->reader);
	read_piece(result, text);
}

/* The same, cut behind each octet whose bit is set. */
static void read_cut(struct result *result, struct gw_str text, unsigned long cuts)
{
	size_t start = 0, i;

	memset(result, 0, sizeof(*result));
	for (i = 0; i < text.len && !result->reader.done; i++) {
		if (i + 1 < text.len && !(cuts & (1ul << i)))
			continue;
		read_piece(result, gw_str_n(text.ptr + start, i + 1 - start));
		start = i + 1;
	}
}

static void expect_same(const struct result *a, const struct result *b)
{
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->taken, b->taken);
	assert_memory_equal(a->bytes, b->bytes, a->len);
	assert_int_equal(a->reader.state, b->reader.state);
	assert_int_equal(a->reader.bare, b->reader.bare);
	assert_int_equal(a->reader.nul, b->reader.nul);
	assert_int_equal(a->reader.eight_bit, b->reader.eight_bit);
	assert_int_equal(a->reader.long_line, b->reader.long_line);
	assert_int_equal(a->reader.line, b->reader.line);
	assert_int_equal(a->reader.done, b->reader.done);
}

static void test_messages_end_at_their_dot(void **state)
{
	static const struct {
		struct gw_str in, out;
		size_t taken;
		bool bare;
	} cases[] = {
		{ GW_STR(".\r\n"), GW_STR(""), 3, false },
		{ GW_STR("a\r\n.\r\n"), GW_STR("a\r\n"), 6, false },
		{ GW_STR("\r\n.\r\n"), GW_STR("\r\n"), 5, false },
		{ GW_STR("a\r\n.\r\nMAIL FROM:<x@y>\r\n"), GW_STR("a\r\n"), 6, false },
		{ GW_STR("..\r\n.\r\n"), GW_STR(".\r\n"), 7, false },
		{ GW_STR("a\r\n..b\r\n...\r\n.\r\n"), GW_STR("a\r\n.b\r\n..\r\n"), 16, false },
		{ GW_STR(".a\r\n.\r\n"), GW_STR("a\r\n"), 7, false },
		{ GW_STR("a.\r\n.\r\n"), GW_STR("a.\r\n"), 7, false },
		{ GW_STR(".\rb\r\n.\r\n"), GW_STR("\rb\r\n"), 8, true },
		{ GW_STR(".\r\r\n.\r\n"), GW_STR("\r\r\n"), 7, true },
		{ GW_STR(".\na\r\n.\r\n"), GW_STR("\na\r\n"), 8, true },
		{ GW_STR("a\rb\r\n.\r\n"), GW_STR("a\rb\r\n"), 8, true },
		{ GW_STR("a\nb\r\n.\r\n"), GW_STR("a\nb\r\n"), 8, true },
		{ GW_STR("a\r\r\n.\r\n"), GW_STR("a\r\r\n"), 7, true },
	};
	struct result result;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_all(&result, cases[i].in);
		assert_true(result.reader.done);
		assert_int_equal(result.taken, cases[i].taken);
		assert_int_equal(result.len, cases[i].out.len);
		assert_memory_equal(result.bytes, cases[i].out.ptr, result.len);
		assert_int_equal(result.reader.bare, cases[i].bare);
	}
}

/* Each looks like an end of data to some server. */
static void test_nothing_else_ends_a_message(void **state)
{
	static const struct gw_str cases[] = {
		GW_STR("a\n.\n"),
		GW_STR("a\n.\r\n"),
		GW_STR("a\r\n.\n"),
		GW_STR("a\r.\r"),
		GW_STR("a\r.\r\n"),
		GW_STR("a\r\n.\r"),
		GW_STR("a\r\n.\rb"),
		GW_STR("a\n.\r"),
		GW_STR("a\r.\n"),
		GW_STR("a\r\n\0.\r\n"),
		GW_STR("a\r\n.\0\r\n"),
		GW_STR("a\r\n.\r\0\n"),
		GW_STR("a\r\0\n.\r\n"),
		GW_STR("a\0\r.\r\n"),
		GW_STR("a\r\r\n.\n"),
		GW_STR("a\r\n.\r\r\n"),
		GW_STR("a\r\n..\r\n"),
		GW_STR("a\r\n. \r\n"),
		GW_STR("a\r\n .\r\n"),
		GW_STR("a\r\n.\t\r\n"),
		GW_STR("a\n\n.\r\n"),
		GW_STR("a\r\n\n.\r\n"),
		GW_STR("a\r\n\r.\r\n"),
		GW_STR("a\xc2\x85.\xc2\x85"),
		GW_STR("a\x85.\x85"),
		GW_STR("a\x0b.\x0b"),
		GW_STR("a.\r\n"),
		GW_STR("\n.\r\n"),
		GW_STR("\r.\r\n"),
		GW_STR(".\n"),
		GW_STR(".\r"),
		GW_STR(".\r\r\n"),
		GW_STR("a\xe2\x80\xa8.\xe2\x80\xa8"),
		GW_STR("a\x8d\x8a.\x8d\x8a"),
	};
	struct result result;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_all(&result, cases[i]);
		if (result.reader.done)
			fail_msg("case %zu ends the message", i);
		assert_int_equal(result.taken, cases[i].len);
	}
}

static void test_bare_ends_are_reported(void **state)
{
	static const struct {
		struct gw_str in;
		bool bare;
	} cases[] = {
		{ GW_STR("a\n.\n\r\n.\r\n"), true },      { GW_STR("a\r.\r\r\n.\r\n"), true },
		{ GW_STR("a\r\n.\n\r\n.\r\n"), true },    { GW_STR("\r\r\n.\r\n"), true },
		{ GW_STR("\n\r\n.\r\n"), true },          { GW_STR("a\r\0\n\r\n.\r\n"), true },
		{ GW_STR("a\r\n\r\nb\r\n.\r\n"), false }, { GW_STR(".\r\n\n"), false },
		{ GW_STR("a\r\n.\r\n\r"), false },
	};
	struct result result;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_all(&result, cases[i].in);
		assert_true(result.reader.done);
		assert_int_equal(result.reader.bare, cases[i].bare);
	}
}

static void test_long_lines_and_odd_octets_are_reported(void **state)
{
	static const struct {
		struct gw_str in;
		bool long_line, eight_bit, nul;
	} cases[] = {
		{ GW_STR("x\r\n.\r\n"), false, false, false },
		{ GW_STR(X998 "\r\n.\r\n"), false, false, false },
		{ GW_STR(X998 "\r\n" X998 "\r\n.\r\n"), false, false, false },
		{ GW_STR("." X998 "\r\n.\r\n"), false, false, false },
		{ GW_STR("x" X998 "\r\n.\r\n"), true, false, false },
		{ GW_STR(X998 "\r\r\n.\r\n"), true, false, false },
		{ GW_STR(X998 "\nx\r\n.\r\n"), true, false, false },
		{ GW_STR("x\xc3\xa4\r\n.\r\n"), false, true, false },
		{ GW_STR(X100 "\x80" X100 "\r\n.\r\n"), false, true, false },
		{ GW_STR("x\0\r\n.\r\n"), false, false, true },
		{ GW_STR("x\r\n.\r\n\0\xff"), false, false, false },
	};
	struct result result;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		read_all(&result, cases[i].in);
		assert_true(result.reader.done);
		if (result.reader.long_line != cases[i].long_line ||
		    result.reader.eight_bit != cases[i].eight_bit ||
		    result.reader.nul != cases[i].nul)
			fail_msg("case %zu", i);
	}
}

/* Every text of up to seven octets that matter, cut everywhere. */
static void test_every_split_gives_the_same(void **state)
{
	static const char octets[] = { '\r', '\n', '.', 'a' };
	size_t len, i;
	unsigned long number, cuts;

	for (len = 1; len <= 7; len++) {
		for (number = 0; number < 1ul << (2 * len); number++) {
			static struct result whole, cut;
			char text[8];
			for (i = 0; i < len; i++)
				text[i] = octets[(number >> (2 * i)) & 3];
			read_all(&whole, gw_str_n(text, len));
			/* all cuts of the short ones; of the long ones each single cut and a cut
			 * everywhere */
			for (cuts = 1; cuts < 1ul << (len - 1);
			     cuts = len <= 5 ? cuts + 1 : cuts << 1) {
				read_cut(&cut, gw_str_n(text, len), cuts);
				expect_same(&whole, &cut);
			}
			read_cut(&cut, gw_str_n(text, len), ~0ul);
			expect_same(&whole, &cut);
		}
	}
}

static void test_nothing_is_read_behind_the_end(void **state)
{
	struct result result;

	read_all(&result, LIT(".\r\n"));
	read_piece(&result, LIT("x\n\xff"));
	assert_int_equal(result.len, 0);
	assert_int_equal(result.taken, 3);
	assert_false(result.reader.bare || result.reader.eight_bit);
}

static void write_cut(struct buf *out, struct gw_str text, unsigned long cuts)
{
	struct data_writer writer = { 0 };
	size_t start = 0, i, before;

	for (i = 0; i < text.len; i++) {
		struct gw_str piece = gw_str_n(text.ptr + start, i + 1 - start);
		if (i + 1 < text.len && !(cuts & (1ul << i)))
			continue;
		before = buf_len(out) + data_written_size(&writer, piece);
		assert_int_equal(data_write(&writer, piece, out), 0);
		assert_int_equal(buf_len(out), before);
		start = i + 1;
	}
	assert_int_equal(data_finish(&writer, out), 0);
}

static void test_writing_doubles_dots_and_ends_the_line(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", ".\r\n" },
		{ "a\r\n", "a\r\n.\r\n" },
		{ "a", "a\r\n.\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ ".\r\n", "..\r\n.\r\n" },
		{ "..\r\n.a\r\n", "...\r\n..a\r\n.\r\n" },
		{ "a.b.\r\n\r\n.\r\n", "a.b.\r\n\r\n..\r\n.\r\n" },
		{ "a\n.b", "a\n.b\r\n.\r\n" },
		{ "a\r", "a\r\r\n.\r\n" },
	};
	struct buf out;
	size_t i, cuts;

	buf_init(&out, 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (cuts = 0; cuts < 4096; cuts += 1 + cuts / 7) {
			buf_clear(&out);
			write_cut(&out, gw_str(cases[i].in), cuts);
			assert_true(gw_str_eq(buf_str(&out), gw_str(cases[i].out)));
		}
	}
	buf_finish(&out);
}

static void test_what_is_written_is_read_back(void **state)
{
	static const char octets[] = { '\r', '\n', '.', 'a' };
	size_t len = 6, i;
	unsigned long number;
	struct buf out;

	buf_init(&out, 0);
	for (number = 0; number < 1ul << (2 * len); number++) {
		struct result result;
		bool ended;
		char text[8];
		for (i = 0; i < len; i++)
			text[i] = octets[(number >> (2 * i)) & 3];
		ended = memcmp(text + len - 2, "\r\n", 2) == 0;
		memcpy(text + len, "\r\n", 2);
		buf_clear(&out);
		write_cut(&out, gw_str_n(text, len), number);
		read_all(&result, buf_str(&out));
		assert_true(result.reader.done);
		assert_int_equal(result.taken, buf_len(&out));
		assert_int_equal(result.len, ended ? len : len + 2);
		assert_memory_equal(result.bytes, text, result.len);
	}
	buf_finish(&out);
}

static void test_a_full_buffer_takes_nothing(void **state)
{
	struct data_writer writer = { 0 };
	struct buf out;

	buf_init(&out, 5);
	assert_int_equal(data_write(&writer, LIT(".a\r\n"), &out), 0);
	assert_int_equal(data_write(&writer, LIT("b"), &out), -1);
	assert_int_equal(buf_len(&out), 5);
	assert_false(writer.mid_line);
	assert_int_equal(data_finish(&writer, &out), -1);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_end_at_their_dot),
		cmocka_unit_test(test_nothing_else_ends_a_message),
		cmocka_unit_test(test_bare_ends_are_reported),
		cmocka_unit_test(test_long_lines_and_odd_octets_are_reported),
		cmocka_unit_test(test_every_split_gives_the_same),
		cmocka_unit_test(test_nothing_is_read_behind_the_end),
		cmocka_unit_test(test_writing_doubles_dots_and_ends_the_line),
		cmocka_unit_test(test_what_is_written_is_read_back),
		cmocka_unit_test(test_a_full_buffer_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
