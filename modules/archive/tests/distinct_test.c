/* distinct_test.c - of a text each word once, so that a search for it finds as much as before. */
#include "distinct.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void each_word_stands_once(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ " \r\n.,;", "" },
		{ "a", "a " },
		{ "one two one", "one two " },
		{ "One oNE ONE", "one " },
		{ "a.b-a_b", "a b " },
		{ "ab a abc ab", "ab a abc " },
		{ "\xc3\x84pfel \xc3\xa4pfel \xc3\xa4pfel", "\xc3\x84pfel \xc3\xa4pfel " },
		{ "2026 2026-11", "2026 11 " },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *out = distinct_words(rows[i][0], strlen(rows[i][0]));

		assert_string_equal(out, rows[i][1]);
		g_free(out);
	}
}

/* Also where all of a long text is words of one letter, or one word. */
static void a_long_text_ends(void **state)
{
	GString *text = g_string_new(NULL), *one = g_string_new(NULL);
	char *out;
	int i;

	(void)state;
	for (i = 0; i < 300000; i++) {
		g_string_append_printf(text, "%d ", i % 10);
		g_string_append_c(one, 'x');
	}
	out = distinct_words(text->str, text->len);
	assert_string_equal(out, "0 1 2 3 4 5 6 7 8 9 ");
	g_free(out);
	out = distinct_words(one->str, one->len);
	assert_int_equal(strlen(out), one->len + 1);
	g_free(out);
	g_string_free(text, TRUE);
	g_string_free(one, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_word_stands_once),
		cmocka_unit_test(a_long_text_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
