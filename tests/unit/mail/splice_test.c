/* Splices of a body: what goes out is what the same cuts make of a plain text, whatever their
 * order; what they cost. */
#include "mail/edits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define HEAD "From: a@example.com\r\n\r\n"

struct view {
	struct gw_message *message;
	struct arena arena;
	struct edits edits;
};

static void view_init(struct view *view, const char *content)
{
	view->message = message_create(NULL, NULL, 1);
	assert_non_null(view->message);
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

static void assert_body(struct view *view, const char *expected)
{
	char *out = malloc(strlen(expected) + 100);
	assert_int_equal(edits_body_size(&view->edits), strlen(expected));
	assert_int_equal(edits_body_read(&view->edits, 0, out, strlen(expected) + 100),
			 strlen(expected));
	assert_memory_equal(out, expected, strlen(expected));
	free(out);
}

static int splice(struct view *view, uint64_t offset, uint64_t drop, const char *text)
{
	return edits_splice(&view->edits, offset, drop, gw_str(text));
}

static void a_text_is_put_in_and_another_dropped(void **state)
{
	struct view view;
	view_init(&view, HEAD "one\r\ntwo\r\n");
	assert_int_equal(splice(&view, 5, 0, "and\r\n"), 0);
	assert_body(&view, "one\r\nand\r\ntwo\r\n");
	assert_int_equal(splice(&view, 0, 3, "ONE"), 0);
	assert_body(&view, "ONE\r\nand\r\ntwo\r\n");
	assert_int_equal(splice(&view, 15, 0, "end\r\n"), 0);
	assert_body(&view, "ONE\r\nand\r\ntwo\r\nend\r\n");
	assert_int_equal(splice(&view, 0, 20, ""), 0);
	assert_body(&view, "");
	assert_int_equal(splice(&view, 0, 0, "new\r\n"), 0);
	assert_body(&view, "new\r\n");
	view_finish(&view);
}

static void what_is_not_in_the_body_changes_nothing(void **state)
{
	struct view view;
	view_init(&view, HEAD "one\r\n");
	assert_int_equal(splice(&view, 6, 0, "x"), -1);
	assert_int_equal(splice(&view, 5, 1, "x"), -1);
	assert_int_equal(splice(&view, 1, UINT64_MAX, "x"), -1);
	assert_int_equal(splice(&view, UINT64_MAX, 2, "x"), -1);
	assert_body(&view, "one\r\n");
	view_finish(&view);
}

static void no_cut_leaves_half_a_line_end(void **state)
{
	struct view view;
	view_init(&view, HEAD "one\r\ntwo\r\n");
	assert_int_equal(splice(&view, 4, 0, "x"), -1);
	assert_int_equal(splice(&view, 1, 3, "x"), -1);
	assert_int_equal(splice(&view, 4, 1, ""), -1);
	assert_int_equal(splice(&view, 0, 0, "a\nb"), -1);
	assert_int_equal(splice(&view, 0, 0, "a\r"), -1);
	assert_int_equal(splice(&view, 3, 2, " "), 0);
	assert_body(&view, "one two\r\n");
	view_finish(&view);
}

/* Only a message that ends with its header has a body that can begin without a blank line. */
static void a_header_without_its_blank_line(void **state)
{
	struct view view;
	char out[100];
	view_init(&view, "From: a@example.com\r\n");
	assert_int_equal(splice(&view, 0, 0, "body\r\n"), 0);
	assert_int_equal(edits_read(&view.edits, 0, out, sizeof(out)), 29);
	assert_memory_equal(out, HEAD "body\r\n", 29);
	view_finish(&view);
	view_init(&view, "From: a@example.com\r\nno field\r\nmore\r\n");
	assert_int_equal(splice(&view, 0, 0, "body\r\n"), -1);
	view_finish(&view);
}

/* Many short cuts at random places against the same on a plain text. */
static void any_order_of_cuts(void **state)
{
	unsigned seed = 7;
	for (int round = 0; round < 200; round++) {
		char model[4096] = "abcdefghijklmnopqrstuvwxyz\r\n", next[4096],
		     content[sizeof(HEAD) + sizeof(model)];
		struct view view;
		snprintf(content, sizeof(content), HEAD "%s", model);
		view_init(&view, content);
		for (int i = 0; i < 60; i++) {
			size_t size = strlen(model), offset = (size_t)rand_r(&seed) % (size + 1),
			       drop = (size_t)rand_r(&seed) %
				      (size - offset < 5 ? size - offset + 1 : 6);
			char text[8] = "";
			for (int n = rand_r(&seed) % 7; n > 0; n--)
				text[n - 1] = (char)('A' + rand_r(&seed) % 26);
			snprintf(next, sizeof(next), "%.*s%s%s", (int)offset, model, text,
				 model + offset + drop);
			if (splice(&view, offset, drop, text) == 0)
				strcpy(model, next);
			assert_body(&view, model);
		}
		view_finish(&view);
	}
}

static void pieces_have_a_bound(void **state)
{
	struct view view;
	char content[3 * BODY_PIECES_MAX] = HEAD;
	int done = 0;
	memset(content + strlen(HEAD), 'x', 2 * BODY_PIECES_MAX);
	view_init(&view, content);
	while (splice(&view, (uint64_t)done * 3 % BODY_PIECES_MAX, 0, "y") == 0 &&
	       done <= BODY_PIECES_MAX)
		done++;
	assert_in_range(done, 2000, BODY_PIECES_MAX);
	assert_int_equal(edits_body_size(&view.edits), 2 * BODY_PIECES_MAX + done);
	view_finish(&view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_put_in_and_another_dropped),
		cmocka_unit_test(what_is_not_in_the_body_changes_nothing),
		cmocka_unit_test(no_cut_leaves_half_a_line_end),
		cmocka_unit_test(a_header_without_its_blank_line),
		cmocka_unit_test(any_order_of_cuts),
		cmocka_unit_test(pieces_have_a_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
