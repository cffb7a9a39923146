#include "smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define LIT(text) gw_str_n((text), sizeof(text) - 1)

/* Feeds lines parted by '\n'; gives what the last one gave. */
static enum reply_state read_lines(struct reply_reader *reader, struct gw_str lines,
				   struct smtp_reply *reply)
{
	enum reply_state state = REPLY_MORE;
	bool more = true;

	while (more) {
		size_t end = gw_str_find(lines, '\n');
		assert_int_equal(state, REPLY_MORE);
		state = reply_reader_line(reader, gw_str_n(lines.ptr, end), reply);
		more = end < lines.len;
		lines = gw_str_from(lines, end + 1);
	}
	return state;
}

static void test_replies(void **state)
{
	static const struct {
		struct gw_str lines;
		int code;
		uint8_t enhanced[3];
		struct gw_str text;
	} cases[] = {
		{ GW_STR("250 OK"), 250, { 0 }, GW_STR("OK") },
		{ GW_STR("250"), 250, { 0 }, GW_STR("") },
		{ GW_STR("250 "), 250, { 0 }, GW_STR("") },
		{ GW_STR("250 2.1.5 fine"), 250, { 2, 1, 5 }, GW_STR("fine") },
		{ GW_STR("550 5.7.1"), 550, { 5, 7, 1 }, GW_STR("") },
		{ GW_STR("571 5.7.1 no"), 571, { 5, 7, 1 }, GW_STR("no") },
		{ GW_STR("452 4.2.255 full"), 452, { 4, 2, 255 }, GW_STR("full") },
		{ GW_STR("452 4.2.256 full"), 452, { 0 }, GW_STR("4.2.256 full") },
		{ GW_STR("550 4.7.1 no"), 550, { 0 }, GW_STR("4.7.1 no") },
		{ GW_STR("354 3.0.0 go on"), 354, { 0 }, GW_STR("3.0.0 go on") },
		{ GW_STR("550 5.7 no"), 550, { 0 }, GW_STR("5.7 no") },
		{ GW_STR("550 5.7.1no"), 550, { 0 }, GW_STR("5.7.1no") },
		{ GW_STR("220 2.0.0.example ready"), 220, { 0 }, GW_STR("2.0.0.example ready") },
		{ GW_STR("550 5.1111.1 no"), 550, { 0 }, GW_STR("5.1111.1 no") },
		{ GW_STR("250-a\n250-SIZE 1\n250 HELP"), 250, { 0 }, GW_STR("a\nSIZE 1\nHELP") },
		{ GW_STR("250-\n250 x"), 250, { 0 }, GW_STR("\nx") },
		{ GW_STR("550-5.7.1 a\n550-5.7.1 b\n550 5.7.1 c"),
		  550,
		  { 5, 7, 1 },
		  GW_STR("a\nb\nc") },
		{ GW_STR("550-a\n550 5.7.1 b"), 550, { 5, 7, 1 }, GW_STR("a\nb") },
		{ GW_STR("550-5.7.1 a\n550 5.1.1 b"), 550, { 5, 7, 1 }, GW_STR("a\n5.1.1 b") },
		{ GW_STR("250 a\tb\rc\x7f\0d"), 250, { 0 }, GW_STR("a?b?c??d") },
		{ GW_STR("250 \xc3\xa4\xe4\xc2\x85\xe2\x82"),
		  250,
		  { 0 },
		  GW_STR("\xc3\xa4???"
			 "?") },
	};
	struct reply_reader reader;
	struct smtp_reply reply;
	size_t i;

	reply_reader_init(&reader);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_lines(&reader, cases[i].lines, &reply), REPLY_DONE);
		assert_int_equal(reply.code, cases[i].code);
		assert_memory_equal(reply.enhanced, cases[i].enhanced, 3);
		if (!gw_str_eq(reply.text, cases[i].text))
			fail_msg("case %zu: \"%.*s\"", i, (int)reply.text.len, reply.text.ptr);
		assert_int_equal(reply.text.ptr[reply.text.len], '\0');
	}
	reply_reader_finish(&reader);
}

static void test_what_is_no_reply(void **state)
{
	static const struct gw_str cases[] = {
		GW_STR(""),
		GW_STR("25"),
		GW_STR("OK"),
		GW_STR("100 x"),
		GW_STR("600 x"),
		GW_STR("2x0 x"),
		GW_STR("25x x"),
		GW_STR("250x"),
		GW_STR("2500 x"),
		GW_STR("250\tx"),
		GW_STR(" 250 x"),
		GW_STR("-50 x"),
		GW_STR("250-a\n251 b"),
		GW_STR("250-a\nb"),
		GW_STR("250-a\n"),
		GW_STR("HTTP/1.1 200 OK"),
		GW_STR("25\0 x"),
	};
	struct reply_reader reader;
	struct smtp_reply reply;
	size_t i;

	reply_reader_init(&reader);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (read_lines(&reader, cases[i], &reply) != REPLY_BAD)
			fail_msg("case %zu", i);
	assert_int_equal(read_lines(&reader, LIT("250 again"), &reply), REPLY_DONE);
	reply_reader_finish(&reader);
}

static void test_an_endless_reply_is_given_up(void **state)
{
	struct reply_reader reader;
	struct smtp_reply reply;
	unsigned i;

	reply_reader_init(&reader);
	for (i = 0; i < REPLY_LINES_MAX; i++)
		assert_int_equal(reply_reader_line(&reader, LIT("250-x"), &reply), REPLY_MORE);
	assert_int_equal(reply_reader_line(&reader, LIT("250 x"), &reply), REPLY_BAD);
	reply_reader_finish(&reader);
}

static void test_long_text_is_cut_at_a_character(void **state)
{
	size_t size = REPLY_LINE_MAX + 1, i;
	char *line = malloc(size);
	struct reply_reader reader;
	struct smtp_reply reply;

	assert_non_null(line);
	memcpy(line, "250 x", 5);
	for (i = 5; i + 1 < size; i += 2)
		memcpy(line + i, "\xc3\xa4", 2);
	reply_reader_init(&reader);
	assert_int_equal(reply_reader_line(&reader, gw_str_n(line, 5 + 2 * REPLY_TEXT_MAX), &reply),
			 REPLY_DONE);
	assert_int_equal(reply.text.len, REPLY_TEXT_MAX - 1);
	assert_int_equal(reply_reader_line(&reader, gw_str_n(line, size), &reply), REPLY_BAD);
	line[3] = '-';
	assert_int_equal(reply_reader_line(&reader, gw_str_n(line, 5 + 2 * REPLY_TEXT_MAX), &reply),
			 REPLY_MORE);
	assert_int_equal(reply_reader_line(&reader, LIT("250 the end"), &reply), REPLY_DONE);
	assert_true(reply.text.len <= REPLY_TEXT_MAX);
	reply_reader_finish(&reader);
	free(line);
}

static void test_writing(void **state)
{
	static const struct {
		int code;
		const char *enhanced;
		struct gw_str text;
		const char *out;
	} cases[] = {
		{ 250, NULL, GW_STR("OK"), "250 OK\r\n" },
		{ 250, NULL, GW_STR(""), "250 \r\n" },
		{ 250, "2.1.0", GW_STR("fine"), "250 2.1.0 fine\r\n" },
		{ 250, NULL, GW_STR("a.example\nSIZE 10\nHELP"),
		  "250-a.example\r\n250-SIZE 10\r\n250 HELP\r\n" },
		{ 550, "5.7.1", GW_STR("no\nnever"), "550-5.7.1 no\r\n550 5.7.1 never\r\n" },
		{ 550, NULL, GW_STR("a\r\nb\0c\td"), "550-a?\r\n550 b?c?d\r\n" },
		{ 550, NULL, GW_STR("\xc3\xa4 \xe4 \xc2\x85"), "550 \xc3\xa4 ? ?\r\n" },
	};
	struct buf out;
	size_t i;

	buf_init(&out, 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		assert_int_equal(reply_write(&out, cases[i].code, cases[i].enhanced, cases[i].text),
				 0);
		if (!gw_str_eq(buf_str(&out), gw_str(cases[i].out)))
			fail_msg("case %zu: %.*s", i, (int)buf_len(&out), buf_ptr(&out));
	}
	buf_finish(&out);
}

static void test_written_lines_are_cut(void **state)
{
	char text[2000];
	struct buf out;

	memset(text, 'x', sizeof(text));
	buf_init(&out, 0);
	assert_int_equal(reply_write(&out, 250, "2.0.0", gw_str_n(text, sizeof(text))), 0);
	assert_int_equal(buf_len(&out), 502);
	assert_memory_equal(buf_ptr(&out) + 500, "\r\n", 2);
	memset(text, '\n', sizeof(text));
	buf_clear(&out);
	assert_int_equal(reply_write(&out, 250, NULL, gw_str_n(text, sizeof(text))), 0);
	assert_int_equal(buf_len(&out), 6 * REPLY_LINES_MAX);
	buf_finish(&out);
}

static void test_a_full_buffer_is_said(void **state)
{
	struct buf out;

	buf_init(&out, 10);
	assert_int_equal(reply_write(&out, 250, NULL, LIT("a\nb")), -1);
	assert_true(out.failed);
	buf_finish(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_what_is_no_reply),
		cmocka_unit_test(test_an_endless_reply_is_given_up),
		cmocka_unit_test(test_long_text_is_cut_at_a_character),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_written_lines_are_cut),
		cmocka_unit_test(test_a_full_buffer_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
