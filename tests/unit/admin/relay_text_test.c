/* Words of a command line become a fragment that libconfig reads as the options ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "admin/relay_text.h"
#include "module/settings.h"

#include <stdio.h>

static const struct gw_option own[] = {
	{ "auth.user", GW_OPTION_STRING }, { "auth.password", GW_OPTION_SECRET },
	{ "domains", GW_OPTION_LIST },     { "daily_limit", GW_OPTION_INT },
	{ "pause", GW_OPTION_DURATION },   { "deep.er.key", GW_OPTION_BOOL },
	{ "rows", GW_OPTION_GROUPS },      GW_OPTIONS_END,
};
static const struct option_set sets[] = { { "relay", relay_options, NULL }, { "own", own, NULL } };

#define WORDS 6
static const struct {
	const char *words[WORDS], *inside;
	bool secret;
} good[] = {
	{ { "host=smtp.example.net", "port=587" },
	  "  host = [\"smtp.example.net\"];\n  port = 587;\n",
	  false },
	{ { "domains=a.example,*.b.example,", "verify=no" },
	  "  domains = [\"a.example\", \"*.b.example\"];\n  verify = false;\n",
	  false },
	{ { "auth.user=a\"b\\c", "port=25", "auth.password=file:/x" },
	  "  auth: {\n    user = \"a\\\"b\\\\c\";\n    password = \"file:/x\";\n  };\n  port = 25;\n",
	  false },
	{ { "auth.password=a=b\n" }, "  auth: {\n    password = \"a=b\\x0a\";\n  };\n", true },
	{ { "daily_limit=5000000000", "pause=5m" },
	  "  daily_limit = 5000000000L;\n  pause = \"5m\";\n",
	  false },
	{ { "deep.er.key=on" }, "  deep: {\n    er: {\n      key = true;\n    };\n  };\n", false },
	{ { "daily_limit=much", "what=ever" },
	  "  daily_limit = \"much\";\n  what = \"ever\";\n",
	  false },
	{ { NULL }, "", false },
};

static size_t count_words(const char *const *words)
{
	size_t count = 0;

	while (count < WORDS && words[count])
		count++;
	return count;
}

static void each_value_is_written_as_its_option_asks(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct relay_text text;
		struct problems problems;
		char expected[500];
		problems_init(&problems);
		assert_true(relay_text_make(&text, "r", sets, 2, good[i].words,
					    count_words(good[i].words), &problems));
		snprintf(expected, sizeof(expected),
			 "# gatewayctl relay add r\nrelay: {\n  name = \"r\";\n%s};\n",
			 good[i].inside);
		buf_add(&text.text, "", 1);
		assert_string_equal(buf_ptr(&text.text), expected);
		assert_int_equal(text.secret, good[i].secret);
		relay_text_finish(&text);
		problems_finish(&problems);
	}
}

static void what_is_no_argument_is_told_with_its_number(void **state)
{
	static const struct {
		const char *words[WORDS], *why;
		int nth;
	} rows[] = {
		{ { "port=25", "host" }, "\"host\" is not of the form key=value", 2 },
		{ { "=x" }, "\"=x\" is not of the form key=value", 1 },
		{ { "a..b=x" }, "\"a..b=x\" is not of the form key=value", 1 },
		{ { "a;b=x" }, "\"a;b=x\" is not of the form key=value", 1 },
		{ { "name=x" }, "the name comes first, without \"name=\"", 1 },
		{ { "port=25", "tls=none", "port=26" }, "\"port\" is given twice", 3 },
		{ { "rows=x" }, "\"rows\" cannot be given here: write it into the file", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct relay_text text;
		struct problems problems;
		problems_init(&problems);
		assert_false(relay_text_make(&text, "r", sets, 2, rows[i].words,
					     count_words(rows[i].words), &problems));
		assert_string_equal(problems.first->text, rows[i].why);
		assert_int_equal(problems.first->line, rows[i].nth);
		relay_text_finish(&text);
		problems_finish(&problems);
	}
}

static void a_line_leads_back_to_its_argument(void **state)
{
	static const char *const words[] = { "auth.user=u", "port=70000",
					     "auth.password=very secret" };
	struct relay_text text;
	struct problems problems;
	struct buf out;

	problems_init(&problems);
	buf_init(&out, 0);
	assert_true(relay_text_make(&text, "r", sets, 2, words, 3, &problems));
	assert_ptr_equal(relay_text_at(&text, 5)->word, words[0]);
	assert_ptr_equal(relay_text_at(&text, 6)->word, words[2]);
	assert_ptr_equal(relay_text_at(&text, 8)->word, words[1]);
	assert_null(relay_text_at(&text, 3));
	relay_text_point(&out, relay_text_at(&text, 8), "is too much");
	relay_text_point(&out, relay_text_at(&text, 6), "is wrong");
	buf_add(&out, "", 1);
	assert_string_equal(
		buf_ptr(&out),
		"port=70000\n     ^ is too much\nauth.password=***\n              ^ is wrong\n");
	buf_finish(&out);
	relay_text_finish(&text);
	problems_finish(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value_is_written_as_its_option_asks),
		cmocka_unit_test(what_is_no_argument_is_told_with_its_number),
		cmocka_unit_test(a_line_leads_back_to_its_argument),
	};
	return cmocka_run_group_tests_name("relay_text", tests, NULL, NULL);
}
