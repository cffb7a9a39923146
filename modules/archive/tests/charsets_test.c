/* charsets_test.c - whatever names of charsets mail makes up, and wherever it hides them, they
 * leave nothing behind; mail that names charsets that there are is read as ever. */
#include "words.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../common/charsets.h"

#define BODY "\r\n\r\nhello =?c1?q?a?=\r\nContent-Type: text/plain; charset=c1\r\n"

static void the_names_that_iconv_has_are_known(void **state)
{
	static const char *const known[] = { "utf-8",          "UTF8",           "us-ascii",
					     "iso-8859-1",     "ISO8859-15",     "windows-1252",
					     "koi8-r",         "cp932",          "GB18030",
					     "iso-2022-jp",    "windows-cp1252", "macintosh",
					     "ks_c_5601-1987", "iso-8859-8-i" };
	static const char *const unknown[] = { "",         "c000001",    "utf-8//x", "utf-8,",
					       "utf-8 ",   "u\xffutf-8", "(utf-8)",  "utf\\-8",
					       "utf-8/x/", "windows-cp", "u*tf-8",   "utf-8'" };
	char name[100] = "utf-8";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (!charsets_has(gw_str(known[i])))
			fail_msg("%s", known[i]);
	for (i = 0; i < sizeof unknown / sizeof *unknown; i++)
		if (charsets_has(gw_str(unknown[i])))
			fail_msg("%s", unknown[i]);
	memset(name + 5, '-', 90);
	assert_false(charsets_has(gw_str(name)));
	assert_false(charsets_has(gw_str_n("utf-8\0x", 7)));
}

static bool is_mapped(const char *library)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1000];
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps))
		found |= strstr(line, library) != NULL;
	fclose(maps);
	return found;
}

/* A mail whose words name one charset after the other has none of them mapped again for each word:
 * 256 KiB took a second. */
static void the_library_of_a_charset_stays(void **state)
{
	static const char *const others[] = { "big5", "euc-jp", "koi8-r", "euc-kr", "utf-7" };
	size_t i;

	(void)state;
	assert_true(charsets_has(gw_str("EUC-tw")));
	for (i = 0; i < sizeof others / sizeof *others; i++)
		assert_true(charsets_has(gw_str(others[i])));
	assert_true(is_mapped("/EUC-TW.so"));
}

static void what_names_none_of_these_is_masked(void **state)
{
	static const char *const rows[][2] = {
		{ "a =?utf-8?q?b?= =?UTF-8*en?b?eA==?=", NULL },
		{ "a =?c1?q?b?= =?utf-8?q?c?=", "a =_c1?q?b?= =?utf-8?q?c?=" },
		{ "=\\?c1?q?b?= =\\\\?utf-8?q?b?=", "=\\_c1?q?b?= =\\\\_utf-8?q?b?=" },
		{ "=?utf-8//x?q?b?= =?utf-8*a?q?b?= =?utf-8",
		  "=_utf-8//x?q?b?= =?utf-8*a?q?b?= =?utf-8" },
		{ "=?utf-8?q?a b?= =?utf-8?q?a?=?c1?q?a?=",
		  "=?utf-8?q?a b?= =?utf-8?q?a?=_c1?q?a?=" },
		{ "=?utf-8?q?=?utf-8?b?eA==?= c1?q?x?=", "=_utf-8?q?=?utf-8?b?eA==?= c1?q?x?=" },
		{ "=?utf-8?x?a?= =?utf-8?q?a?b?= =?utf-8?q?",
		  "=_utf-8?x?a?= =_utf-8?q?a?b?= =_utf-8?q?" },
		{ "=?"
		  "?= ==?=",
		  "=_"
		  "?= ==?=" },
		{ "a; n*=utf-8''%41; n*0*=us-ascii'en'a; n*1*=b; n*2=c1'x", NULL },
		{ "a; n*=c1''b", "a; n_=c1''b" },
		{ "a; n*=\"c1'en'b\"; n*=''b; n*=b", "a; n_=\"c1'en'b\"; n*=''b; n*=b" },
		{ "a; n * = c1''b", "a; n _ = c1''b" },
		{ "a; n*(c)0*=c1''b", "a; n_(c)0_=c1''b" },
		{ "a; n*0*=c1''b; n*1*=d", "a; n_0_=c1''b; n*1*=d" },
		{ "a; n*=(;)c1''b", "a; n_=(;)c1''b" },
		{ "a; n=\"a*b.txt\"; charset=c1", NULL },
		{ "a; n=\"b=?\"", NULL }, /* a boundary */
		{ "a; n*", NULL },
		{ "a; n*=", NULL },
		{ "", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *text = g_strdup(rows[i][0]);

		charsets_mask_parameters(text, strlen(text));
		if (strcmp(text, rows[i][1] ? rows[i][1] : rows[i][0]) != 0)
			fail_msg("%s: %s", rows[i][0], text);
		g_free(text);
	}
}

static void a_mail_keeps_what_there_is(void **state)
{
	static const char mail[] =
		"Subject: charset=c1; n*=c1''a\r\n"
		"Content-Type: text/plain;\r\n\tcharset=\"utf-8\"; format=flowed\r\n"
		"content-type : text/plain; charset = koi8-r\r\n"
		"Content-Disposition: inline; filename=\"charset.txt\"\r\n"
		"X: charset=c1\r\n\r\n";
	char *text = g_strdup(mail);

	(void)state;
	charsets_mask_mail(text, strlen(text));
	assert_string_equal(text, mail);
	g_free(text);
}

/* --- what GMime remembers --- */

/* Where a name may stand; %06u is its number. */
static const char *const forms[] = {
	"Subject: =?c%06u?q?a?=" BODY,
	"Subject: =?c%06u*en?q?a?=" BODY,
	"Subject: =?utf-8//%06u?q?a?=" BODY,
	"From: =?c%06u?q?a?= <a@b.example>" BODY,
	"To: \"=?c%06u?q?a?=\" <a@b.example>" BODY,
	"Cc: \"=\\?c%06u?q?a?=\" <a@b.example>" BODY,
	"Reply-To: a@b.example (=?c%06u?q?a?=)" BODY,
	"Content-Type: text/plain; charset=c%06u" BODY,
	"Content-Type : text/plain; charset=\"c%06u\"" BODY,
	"content-type: text/plain;\r\n charset (x) = c%06u" BODY,
	"Content-Type: text/plain; charset=utf-8 x%06u" BODY,
	"Content-Type: text/plain; charset=\"utf-8 x%06u\"" BODY,
	"Content-Type: text/plain; charset='c%06u'" BODY,
	"Content-Type: text/plain; charset*=us-ascii''c%06u" BODY,
	"Content-Type: text/plain; charset*0=c; charset*1=%06u" BODY,
	"Content-Type: text/plain; charset*1=%06u; charset * 0=c" BODY,
	"Content-Type: text/plain; name*=c%06u''a" BODY,
	"Content-Type: text/plain; name=\"=?c%06u?q?a?=\"" BODY,
	"Content-Type: text/plain; name=\"=\\?c%06u?q?a?=\"" BODY,
	"Content-Disposition: attachment; filename*=\"c%06u''a\"" BODY,
	"Content-Disposition: attachment; filename*0*=c%06u''a; filename*1*=b" BODY,
	"Content-Disposition: attachment; filename*3*=c%06u''a" BODY,
	"Content-Disposition: attachment; filename * 0 * = c%06u''a" BODY,
	"Content-Disposition: attachment; filename*(x)=(;)c%06u''a" BODY,
	"Content-Type: message/rfc822\r\n\r\nSubject: =?c%06u?q?a?=" BODY,
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=c%06u"
	"\r\n\r\nx\r\n--b--\r\n",
};

static void read_mail(const char *mail)
{
	struct words words;

	words_read(&words, gw_str(mail), true);
	words_finish(&words);
}

static void read_one(const char *form, unsigned number)
{
	char *mail = g_strdup_printf(form, number);

	read_mail(mail);
	g_free(mail);
}

static void made_up_names_leave_nothing_behind(void **state)
{
	static unsigned number;
	size_t i;
	int nth;

	(void)state;
	for (i = 0; i < sizeof forms / sizeof *forms; i++) {
		size_t before, grown;
		const char *form = forms[i];

		for (nth = 0; nth < 20; nth++)
			read_one(form, number++);
		before = mallinfo2().uordblks;
		for (nth = 0; nth < 200; nth++)
			read_one(form, number++);
		grown = mallinfo2().uordblks - before;
		if (grown < SIZE_MAX / 2 && grown > 9000)
			fail_msg("%zu octets for 200 names: %s", grown, form);
	}
}

/* Anything that is put together of the pieces of such fields. */
static void nor_do_they_in_any_order(void **state)
{
	static const char *const pieces[] = {
		"=?",      "?=",      "utf-8",     "?q?",  "?b?",     "?",           "=",
		" ",       "\\",      "\"",        "*",    "'",       ";",           "c%06u",
		"c%06u",   "charset", "filename",  "0",    "1",       "(",           ")",
		"\r\n ",   "eA==",    "charset=c", "*0*=", "en",      "=?c%06u?q?a", "utf-8''",
		"<a@b.c>", ",",       "\t",        ":",    "=\r\n ?", "name*="
	};
	static const char *const fields[] = { "\r\nSubject: ", "\r\nFrom: ", "\r\nTo: a",
					      "\r\nContent-Type: text/plain; a=b; ",
					      "\r\nContent-Disposition: attachment; " };
	GString *mail = g_string_new(NULL);
	size_t before = 0, grown;
	unsigned seed = 1, nth, field, piece;

	(void)state;
	for (nth = 0; nth < 4000; nth++) {
		if (nth == 1000)
			before = mallinfo2().uordblks;
		g_string_assign(mail, "X: y");
		for (field = 0; field < 5; field++) {
			g_string_append(mail, fields[field]);
			for (piece = 0; piece < 14; piece++) {
				seed = seed * 1103515245 + 12345;
				g_string_append_printf(mail,
						       pieces[(seed >> 16) % G_N_ELEMENTS(pieces)],
						       seed >> 8);
			}
		}
		g_string_append(mail, "\r\n\r\nx\r\n");
		read_mail(mail->str);
	}
	grown = mallinfo2().uordblks - before;
	g_string_free(mail, TRUE);
	if (grown < SIZE_MAX / 2)
		assert_in_range(grown, 0, 60000);
}

/* --- what is read --- */

static void bodies_are_read_as_they_came(void **state)
{
	static const char mail[] =
		"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?= =?c1?q?x?=\r\n"
		"Content-Type: multipart/mixed; boundary=\"b=?\"\r\n\r\n"
		"--b=?\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nf\xfcr =?c1?q?a?=\r\n"
		"--b=?\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n"
		"Content-Disposition: attachment; filename*=utf-8''%c3%bc.txt\r\n\r\n"
		"=?c1?q?a?=\r\nContent-Type: a/b; charset=c1\r\n--b=?--\r\n";
	struct words words;
	const struct piece *piece;

	(void)state;
	words_read(&words, gw_str(mail), true);
	assert_string_equal(words.subject, "gr\xc3\xbc\xc3\x9f"
					   "e =_c1?q?x?=");
	assert_non_null(strstr(words.text->str, "f\xc3\xbcr =?c1?q?a?="));
	assert_int_equal(words.pieces->len, 1);
	piece = words.pieces->pdata[0];
	assert_string_equal(piece->name, "\xc3\xbc.txt");
	assert_int_equal(piece->octets->len, strlen("=?c1?q?a?=\r\nContent-Type: a/b; charset=c1"));
	assert_memory_equal(piece->octets->data, "=?c1?q?a?=\r\nContent-Type: a/b; charset=c1",
			    piece->octets->len);
	words_finish(&words);
}

static int begin(void **state)
{
	(void)state;
	words_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_names_that_iconv_has_are_known),
		cmocka_unit_test(the_library_of_a_charset_stays),
		cmocka_unit_test(what_names_none_of_these_is_masked),
		cmocka_unit_test(a_mail_keeps_what_there_is),
		cmocka_unit_test(made_up_names_leave_nothing_behind),
		cmocka_unit_test(nor_do_they_in_any_order),
		cmocka_unit_test(bodies_are_read_as_they_came),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
