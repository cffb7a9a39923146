/* words_test.c - what of a mail is found, and where that ends. */
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int begin(void **state)
{
	(void)state;
	words_init();
	return 0;
}

static void read_all(struct words *words, const GString *mail)
{
	words_read(words, gw_str_n(mail->str, mail->len), false);
}

/* The text ends after 256 KiB, in whole characters; what is behind it is still named. */
static void a_long_text_is_cut(void **state)
{
	GString *mail = g_string_new(
		"Subject: one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nfirst");
	struct words words;
	const struct piece *piece;

	(void)state;
	while (mail->len < WORDS_TEXT + 1000)
		g_string_append(mail, " \xc3\xa4pfel");
	g_string_append(mail, "\r\nlast\r\n--b\r\nContent-Type: text/plain\r\n\r\nmore\r\n"
			      "--b\r\nContent-Type: a/b; name=c.txt\r\n\r\nx\r\n--b--\r\n");
	read_all(&words, mail);
	assert_in_range(words.text->len, WORDS_TEXT - 10, WORDS_TEXT + 10);
	assert_true(g_utf8_validate(words.text->str, (gssize)words.text->len, NULL));
	assert_true(g_str_has_prefix(words.text->str, "first"));
	assert_null(strstr(words.text->str, "last"));
	assert_null(strstr(words.text->str, "more"));
	assert_int_equal(words.pieces->len, 1);
	piece = words.pieces->pdata[0];
	assert_string_equal(piece->name, "c.txt");
	words_finish(&words);
	g_string_free(mail, TRUE);
}

/* Of 1,000 parts all are named; of one more the header is all that is read. */
static void many_parts_are_not_looked_into(void **state)
{
	unsigned parts, nth;

	(void)state;
	for (parts = WORDS_PARTS - 1; parts <= WORDS_PARTS; parts++) {
		GString *mail = g_string_new(
			"Subject: one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
		struct words words;

		for (nth = 0; nth < parts; nth++)
			g_string_append_printf(
				mail, "--b\r\nContent-Type: a/b; name=n%u\r\n\r\nx\r\n", nth);
		g_string_append(mail, "--b--\r\n");
		read_all(&words, mail);
		assert_string_equal(words.subject, "one");
		assert_int_equal(words.pieces->len, parts < WORDS_PARTS ? parts : 0);
		words_finish(&words);
		g_string_free(mail, TRUE);
	}
}

/* What a tag hides is no word, also where it is never closed. */
static void tags_are_no_words(void **state)
{
	static const char *const rows[][2] = {
		{ "a<b>c</b>d", "a c d" },
		{ "a<STYLE>p {}</style>b", "a b" },
		{ "a<script>if (1 < 2) x();</script>b", "a b" },
		{ "a<style>b", "a " },
		{ "a<script>b", "a " },
		{ "a<b", "a " },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		GString *mail = g_string_new("Content-Type: text/html\r\n\r\n");
		struct words words;

		g_string_append(mail, rows[i][0]);
		read_all(&words, mail);
		if (!g_str_has_prefix(words.text->str, rows[i][1]) ||
		    words.text->len != strlen(rows[i][1]) + 1)
			fail_msg("%s: %s", rows[i][0], words.text->str);
		words_finish(&words);
		g_string_free(mail, TRUE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(many_parts_are_not_looked_into),
		cmocka_unit_test(tags_are_no_words),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
