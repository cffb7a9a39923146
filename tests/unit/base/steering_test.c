/* Words of others steer no terminal: which characters may be shown, and that the log shows no
 * others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <unistd.h>

static const struct {
	const char *text;
	size_t whole, harmless; /* octets of its first character; 0: none */
	const char *logged;     /* the value as a line has it */
} cases[] = {
	{ "a", 1, 1, "a" },
	{ "\xc3\xa4", 2, 2, "\xc3\xa4" },
	{ "\xe2\x82\xac", 3, 3, "\xe2\x82\xac" },
	{ "\xf0\x9f\x93\xa7", 4, 4, "\xf0\x9f\x93\xa7" },
	{ "\xc2\xa0", 2, 2, "\xc2\xa0" },
	{ "b\xc3\xa4 c", 1, 1, "\"b\xc3\xa4 c\"" },
	/* C0, DEL */
	{ "\x1b[2J", 1, 0, "\"\\x1B[2J\"" },
	{ "\x7f", 1, 0, "\"\\x7F\"" },
	/* C1: CSI and NEL, as characters and as octets alone */
	{ "\xc2\x9b"
	  "31m",
	  2, 0, "\"\\xC2\\x9B31m\"" },
	{ "\xc2\x85", 2, 0, "\"\\xC2\\x85\"" },
	{ "\x9b"
	  "31m",
	  0, 0, "\"\\x9B31m\"" },
	/* overrides and marks of direction, separators, what cannot be seen */
	{ "\xe2\x80\xae"
	  "gpj.exe",
	  3, 0, "\"\\xE2\\x80\\xAEgpj.exe\"" },
	{ "\xe2\x81\xa6", 3, 0, "\"\\xE2\\x81\\xA6\"" },
	{ "\xd8\x9c", 2, 0, "\"\\xD8\\x9C\"" },
	{ "\xe2\x80\xa8", 3, 0, "\"\\xE2\\x80\\xA8\"" },
	{ "\xe2\x80\x8b", 3, 0, "\"\\xE2\\x80\\x8B\"" },
	{ "\xef\xbb\xbf", 3, 0, "\"\\xEF\\xBB\\xBF\"" },
	{ "\xf3\xa0\x81\x81", 4, 0, "\"\\xF3\\xA0\\x81\\x81\"" },
	/* no UTF-8: an octet alone, cut short, overlong, a surrogate, too high */
	{ "\xe4", 0, 0, "\"\\xE4\"" },
	{ "\xe2\x82", 0, 0, "\"\\xE2\\x82\"" },
	{ "\xc0\x9b", 0, 0, "\"\\xC0\\x9B\"" },
	{ "\xe0\x82\x9b", 0, 0, "\"\\xE0\\x82\\x9B\"" },
	{ "\xed\xa0\x80", 0, 0, "\"\\xED\\xA0\\x80\"" },
	{ "\xf5\x80\x80\x80", 0, 0, "\"\\xF5\\x80\\x80\\x80\"" },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void characters_are_told_apart(void **state)
{
	for (size_t i = 0; i < CASES; i++) {
		assert_int_equal(utf8_char(gw_str(cases[i].text)), cases[i].whole);
		assert_int_equal(utf8_harmless(gw_str(cases[i].text)), cases[i].harmless);
	}
	assert_int_equal(utf8_char(gw_str("")), 0);
	assert_int_equal(utf8_harmless(gw_str("")), 0);
}

static void the_log_shows_what_is_harmless_alone(void **state)
{
	char path[] = "/tmp/steering_test.XXXXXX", line[300], expected[300];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(log_start(path, NULL, LOG_LEVEL_INFO, 0), 0);
	for (size_t i = 0; i < CASES; i++) {
		struct log_line *open = log_open(EVENT_STARTED);
		log_text(open, KEY_TEXT, cases[i].text);
		log_close(open);
	}
	log_stop(60000);
	FILE *file = fdopen(fd, "r");
	for (size_t i = 0; i < CASES; i++) {
		assert_non_null(fgets(line, sizeof(line), file));
		snprintf(expected, sizeof(expected), " info started text=%s\n", cases[i].logged);
		assert_string_equal(strchr(line, ' '), expected);
	}
	fclose(file);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_told_apart),
		cmocka_unit_test(the_log_shows_what_is_harmless_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
