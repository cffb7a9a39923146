/* One delivery's view of a message: exact bytes without edits, and what each edit makes of them. */
#include "mail/edits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define TRACE "Received: from a by b;\r\n\tMon, 23 Nov 2026 17:40:12 +0000\r\n"
#define MAIL                                                                                       \
	"From: a@example.com\r\nSubject : one\r\n two\r\nTo:b@example.org\r\n\r\nbody\r\n\r\nend\r\n"

struct view {
	struct gw_message *message;
	struct arena arena;
	struct edits edits;
};

static void view_init(struct view *view, const char *content)
{
	view->message = message_create(NULL, NULL, 1);
	assert_non_null(view->message);
	view->message->trace = gw_str(TRACE);
	view->message->sender = gw_str("bounce@crm.example");
	view->message->content.tail = gw_str(content);
	view->message->content.size = strlen(content);
	arena_init(&view->arena, 0);
	edits_init(&view->edits, view->message, &view->arena);
}

static void view_finish(struct view *view)
{
	arena_finish(&view->arena);
	message_destroy(view->message);
}

static void assert_out(struct view *view, const char *expected)
{
	char *out = malloc(strlen(expected) + 100);
	long got = edits_read(&view->edits, 0, out, strlen(expected) + 100);

	assert_int_equal(got, strlen(expected));
	assert_memory_equal(out, expected, (size_t)got);
	assert_int_equal(edits_size(&view->edits), got);
	free(out);
}

/* The same octets whatever pieces they are asked for in, from any offset. */
static void assert_any_pieces(struct view *view)
{
	size_t size = (size_t)edits_size(&view->edits), offset, len;
	char *whole = malloc(size + 1), scratch[8];
	struct gw_str piece;

	assert_int_equal(edits_read(&view->edits, 0, whole, size + 1), size);
	for (offset = 0; offset < size; offset++) {
		for (len = 1; len <= sizeof scratch; len++) {
			long got = edits_piece(&view->edits, offset, scratch, len, &piece);

			assert_in_range(got, 1, len);
			assert_int_equal(got, piece.len);
			assert_memory_equal(piece.ptr, whole + offset, piece.len);
		}
	}
	for (offset = size; offset-- > 0;) {
		assert_int_equal(edits_read(&view->edits, offset, scratch, 1), 1);
		assert_int_equal(scratch[0], whole[offset]);
	}
	for (offset = size; offset < size + 3; offset++)
		assert_int_equal(edits_piece(&view->edits, offset, scratch, sizeof scratch, &piece),
				 0);
	free(whole);
}

static const char *const contents[] = {
	MAIL,
	"A: 1\r\n\r\n",                 /* header only */
	"A: 1\r\n",                     /* no blank line */
	"A: 1\r\nB: 2",                 /* not even a last line end */
	"A: 1\r\nno field\r\nbody\r\n", /* the header ends at a line that is none */
	"no header at all\r\n",
	"\r\nbody\r\n",
	"",
};
#define CONTENTS (sizeof contents / sizeof *contents)

static void without_edits_the_received_bytes_go_out(void **state)
{
	size_t i;

	for (i = 0; i < CONTENTS; i++) {
		struct view view;
		char expected[512];

		view_init(&view, contents[i]);
		strcpy(stpcpy(expected, TRACE), contents[i]);
		assert_out(&view, expected);
		assert_any_pieces(&view);
		assert_true(gw_str_eq(edits_sender(&view.edits), gw_str("bounce@crm.example")));
		view_finish(&view);
	}
}

static void without_edits_nothing_is_copied(void **state)
{
	struct view view;
	struct gw_str piece;

	view_init(&view, MAIL);
	assert_int_equal(edits_piece(&view.edits, 0, NULL, 100000, &piece), strlen(TRACE));
	assert_ptr_equal(piece.ptr, view.message->trace.ptr);
	assert_int_equal(edits_piece(&view.edits, strlen(TRACE) + 3, NULL, 100000, &piece),
			 strlen(MAIL) - 3);
	assert_ptr_equal(piece.ptr, view.message->content.tail.ptr + 3);
	assert_null(view.message->headers);
	view_finish(&view);
}

static void a_field_on_top_leaves_the_rest_in_one_piece(void **state)
{
	struct view view;
	struct gw_str piece;
	size_t at = strlen(TRACE);

	view_init(&view, MAIL);
	assert_int_equal(
		edits_header_add(&view.edits, 0, gw_str("DKIM-Signature"), gw_str("v=1;\r\n\tb=x")),
		0);
	assert_int_equal(edits_piece(&view.edits, at, NULL, 100000, &piece),
			 strlen("DKIM-Signature: v=1;\r\n\tb=x\r\n"));
	at += piece.len;
	assert_int_equal(edits_piece(&view.edits, at, NULL, 100000, &piece),
			 strstr(MAIL, "\r\n\r\n") + 2 - MAIL);
	assert_ptr_equal(piece.ptr, view.message->content.tail.ptr);
	view_finish(&view);
}

static void a_field_can_be_added_to_any_message(void **state)
{
	static const char *const expected[CONTENTS] = {
		("X: y\r\n" MAIL),
		"X: y\r\nA: 1\r\n\r\n",
		"X: y\r\nA: 1\r\n",
		"X: y\r\nA: 1\r\nB: 2\r\n",
		"X: y\r\nA: 1\r\nno field\r\nbody\r\n",
		"X: y\r\nno header at all\r\n",
		"X: y\r\n\r\nbody\r\n",
		"X: y\r\n",
	};
	size_t i;

	for (i = 0; i < CONTENTS; i++) {
		struct view view;
		char out[512];

		view_init(&view, contents[i]);
		assert_int_equal(edits_header_add(&view.edits, 0, gw_str("X"), gw_str("y")), 0);
		strcpy(stpcpy(out, TRACE), expected[i]);
		assert_out(&view, out);
		assert_any_pieces(&view);
		view_finish(&view);
	}
}

static void fields_are_added_replaced_and_dropped_by_number(void **state)
{
	struct header_field field;
	struct view view;

	view_init(&view, MAIL);
	assert_int_equal(edits_header_replace(&view.edits, 1, gw_str("three\r\n four")), 0);
	assert_int_equal(edits_header_add(&view.edits, 1, gw_str("Cc"), gw_str("c@example.org")),
			 0);
	assert_int_equal(edits_header_add(&view.edits, 99, gw_str("Last"), gw_str("")), 0);
	assert_int_equal(edits_header_drop(&view.edits, 0), 0);
	assert_out(
		&view, TRACE
		"Cc: c@example.org\r\nSubject: three\r\n four\r\nTo:b@example.org\r\nLast: \r\n\r\nbody\r\n\r\nend\r\n");
	assert_any_pieces(&view);
	assert_true(edits_header(&view.edits, 1, &field));
	assert_true(gw_str_eq(field.name, gw_str("Subject")));
	assert_true(gw_str_eq(field.value, gw_str(" three\r\n four")));
	assert_true(gw_str_eq(field.whole, gw_str("Subject: three\r\n four\r\n")));
	assert_false(edits_header(&view.edits, 4, &field));
	assert_int_equal(edits_header_drop(&view.edits, 4), -1);
	assert_int_equal(edits_header_replace(&view.edits, 4, gw_str("x")), -1);
	while (edits_header(&view.edits, 0, &field))
		assert_int_equal(edits_header_drop(&view.edits, 0), 0);
	assert_out(&view, TRACE "\r\nbody\r\n\r\nend\r\n");
	assert_any_pieces(&view);
	view_finish(&view);
}

static void many_fields_can_be_added(void **state)
{
	struct header_field field;
	struct view view;
	int i;

	view_init(&view, MAIL);
	for (i = 0; i < 200; i++)
		assert_int_equal(
			edits_header_add(&view.edits, (size_t)i / 2, gw_str("X-Many"), gw_str("1")),
			0);
	assert_true(edits_header(&view.edits, 202, &field));
	assert_false(edits_header(&view.edits, 203, &field));
	assert_int_equal(edits_size(&view.edits),
			 strlen(TRACE) + 200 * strlen("X-Many: 1\r\n") + strlen(MAIL));
	view_finish(&view);
}

static void what_would_break_the_block_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct gw_str value;
	} rows[] = {
		{ "X", GW_STR("a\r\nBcc: b@example.org") },
		{ "X", GW_STR("a\nb") },
		{ "X", GW_STR("a\rb") },
		{ "X", GW_STR("a\0b") },
		{ "X", GW_STR("a\r\n\r\nbody") },
		{ "X", GW_STR("a\r\n") },
		{ "", GW_STR("a") },
		{ "X Y", GW_STR("a") },
		{ "X:", GW_STR("a") },
	};
	struct view view;
	size_t i;

	view_init(&view, MAIL);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(
			edits_header_add(&view.edits, 0, gw_str(rows[i].name), rows[i].value), -1);
		if (strcmp(rows[i].name, "X") == 0)
			assert_int_equal(edits_header_replace(&view.edits, 0, rows[i].value), -1);
	}
	assert_out(&view, TRACE MAIL);
	view_finish(&view);
}

static void the_body_is_replaced_and_the_header_kept(void **state)
{
	static const char *const expected[CONTENTS] = {
		"From: a@example.com\r\nSubject : one\r\n two\r\nTo:b@example.org\r\n\r\n",
		"A: 1\r\n\r\n",
		"A: 1\r\n\r\n",
		"A: 1\r\nB: 2\r\n\r\n",
		"A: 1\r\n\r\n",
		"\r\n",
		"\r\n",
		"\r\n",
	};
	size_t i;

	for (i = 0; i < CONTENTS; i++) {
		char out[512], body[64];
		struct view view;

		view_init(&view, contents[i]);
		assert_int_equal(edits_body(&view.edits, gw_str("new\r\nbody")), 0);
		strcpy(stpcpy(stpcpy(out, TRACE), expected[i]), "new\r\nbody");
		assert_out(&view, out);
		assert_any_pieces(&view);
		assert_int_equal(edits_body_size(&view.edits), 9);
		assert_int_equal(edits_body_read(&view.edits, 5, body, sizeof body), 4);
		assert_memory_equal(body, "body", 4);
		view_finish(&view);
	}
}

static void a_body_with_a_bare_line_end_is_refused(void **state)
{
	static const struct {
		const char *body;
		int result;
	} rows[] = {
		{ "", 0 },          { "\r\n", 0 },      { "a", 0 },        { "a\r\nb\r\n", 0 },
		{ "a\n", -1 },      { "\n", -1 },       { "a\r", -1 },     { "a\rb\r\n", -1 },
		{ "a\r\nb\n", -1 }, { "a\r\n\rb", -1 }, { "a\r\r\n", -1 }, { "a\n\r", -1 },
	};
	struct view view;
	size_t i;

	view_init(&view, MAIL);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (edits_body(&view.edits, gw_str(rows[i].body)) != rows[i].result)
			fail_msg("body %zu", i);
	view_finish(&view);
}

static void the_received_body_is_read_in_parts(void **state)
{
	struct view view;
	char body[64];

	view_init(&view, MAIL);
	assert_int_equal(edits_body_size(&view.edits), strlen("body\r\n\r\nend\r\n"));
	assert_int_equal(edits_body_read(&view.edits, 0, body, 4), 4);
	assert_memory_equal(body, "body", 4);
	assert_int_equal(edits_body_read(&view.edits, 8, body, sizeof body), 5);
	assert_memory_equal(body, "end\r\n", 5);
	assert_int_equal(edits_body_read(&view.edits, 13, body, sizeof body), 0);
	assert_int_equal(edits_body_read(&view.edits, 99, body, sizeof body), 0);
	view_finish(&view);
}

static void the_return_path_is_the_deliverys_own(void **state)
{
	char address[] = "own+1@example.com";
	struct view view;

	view_init(&view, MAIL);
	assert_int_equal(edits_return_path(&view.edits, gw_str(address)), 0);
	address[0] = 'X';
	assert_true(gw_str_eq(edits_sender(&view.edits), gw_str("own+1@example.com")));
	assert_int_equal(edits_return_path(&view.edits, gw_str("")), 0);
	assert_int_equal(edits_sender(&view.edits).len, 0);
	assert_true(gw_str_eq(view.message->sender, gw_str("bounce@crm.example")));
	assert_out(&view, TRACE MAIL);
	view_finish(&view);
}

static void two_deliveries_of_one_message_do_not_see_each_other(void **state)
{
	struct view view;
	struct edits other;

	view_init(&view, MAIL);
	edits_init(&other, view.message, &view.arena);
	assert_int_equal(edits_header_drop(&other, 0), 0);
	assert_int_equal(edits_body(&other, gw_str("")), 0);
	assert_out(&view, TRACE MAIL);
	view_finish(&view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_edits_the_received_bytes_go_out),
		cmocka_unit_test(without_edits_nothing_is_copied),
		cmocka_unit_test(a_field_on_top_leaves_the_rest_in_one_piece),
		cmocka_unit_test(a_field_can_be_added_to_any_message),
		cmocka_unit_test(fields_are_added_replaced_and_dropped_by_number),
		cmocka_unit_test(many_fields_can_be_added),
		cmocka_unit_test(what_would_break_the_block_is_refused),
		cmocka_unit_test(the_body_is_replaced_and_the_header_kept),
		cmocka_unit_test(a_body_with_a_bare_line_end_is_refused),
		cmocka_unit_test(the_received_body_is_read_in_parts),
		cmocka_unit_test(the_return_path_is_the_deliverys_own),
		cmocka_unit_test(two_deliveries_of_one_message_do_not_see_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
