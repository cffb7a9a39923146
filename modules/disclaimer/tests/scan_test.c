/* Where parts end, whatever the piece of the body is that a line end lies across. */
#include "mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READ 65536 /* octets that the scan asks for at once */
#define BEHIND "\r\n--b--\r\n"

struct body {
	char octets[3 * READ];
	size_t len;
};

static long give(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct body *body = arg;
	size_t left = body->len - (size_t)offset;

	len = len < left ? len : left;
	memcpy(out, body->octets + offset, len);
	return (long)len;
}

/* A part whose last line is `line` octets long, and ends with the line end at `at`. */
static void make(struct body *body, size_t at, size_t line, const char *behind)
{
	static const char begin[] = "--b\r\n\r\n";

	memset(body->octets, 'x', at);
	memcpy(body->octets, begin, sizeof begin - 1);
	memcpy(body->octets + at - line - 2, "\r\n", 2);
	memcpy(body->octets + at, behind, strlen(behind));
	body->len = at + strlen(behind);
}

static uint64_t end_of_part(struct body *body)
{
	struct mime_part message;
	struct mime mime;
	uint64_t end;

	mime_part_init(&message, -1);
	mime_take_field(&message, gw_str("Content-Type"), gw_str(" multipart/mixed; boundary=b"), 0,
			0);
	assert_int_equal(mime_scan(&mime, message, give, body, body->len), MIME_READ);
	assert_int_equal(mime.count, 2);
	end = mime.parts[1].end;
	mime_finish(&mime);
	return end;
}

static void a_line_end_across_two_reads_is_one(void **state)
{
	static const size_t lines[] = { 10, 1099, 1100, 1101, 2300, 60000 };
	struct body *body = malloc(sizeof *body);
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof lines / sizeof *lines; i++)
		for (at = READ - 5; at <= READ + 5; at++) {
			make(body, at, lines[i], BEHIND);
			assert_int_equal(end_of_part(body), at);
		}
	free(body);
}

/* What a long line has behind the octets that are kept of it begins no line. */
static void within_a_line_there_is_no_boundary(void **state)
{
	struct body *body = malloc(sizeof *body);
	size_t line;

	(void)state;
	for (line = 1095; line <= 1105; line++) {
		make(body, READ, line, "--b--\r\nx" BEHIND);
		assert_int_equal(end_of_part(body), body->len - strlen(BEHIND));
	}
	free(body);
}

static int set_up(void **state)
{
	(void)state;
	g_mime_init();
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_end_across_two_reads_is_one),
		cmocka_unit_test(within_a_line_there_is_no_boundary),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
