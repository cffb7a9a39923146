/* What a module's table says of its verbs, and which of them was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "admin/module_verb.h"

static const char lines[] = "[NAME]\tall, or one\n"
			    "list\twhat there is\n"
			    "!release ID\tlets it go\n"
			    "!release all\tlets all go\n"
			    "!drop";

static const char *found_of(const char *table, size_t count, const char *const *words)
{
	static char said[64];
	struct module_verb verb;
	if (!module_verb_find(table, words, count, &verb))
		return "none";
	snprintf(said, sizeof(said), "%s%.*s/%zu", verb.changes ? "!" : "", GW_STR_ARGS(verb.words),
		 verb.count);
	return said;
}

#define FOUND(table, ...)                                                                          \
	found_of(table, sizeof((const char *const[]){ NULL, ##__VA_ARGS__ }) / sizeof(char *) - 1, \
		 (const char *const[]){ NULL, ##__VA_ARGS__ } + 1)

static void lines_are_taken_one_by_one(void **state)
{
	const char *rest = lines;
	struct module_verb verb;
	assert_true(module_verb_next(&rest, &verb));
	assert_false(verb.changes);
	assert_true(gw_str_eq(verb.words, gw_str("[NAME]")));
	assert_true(gw_str_eq(verb.help, gw_str("all, or one")));
	for (int i = 0; i < 4; i++)
		assert_true(module_verb_next(&rest, &verb));
	assert_true(verb.changes);
	assert_true(gw_str_eq(verb.words, gw_str("drop")));
	assert_int_equal(verb.help.len, 0);
	assert_false(module_verb_next(&rest, &verb));
}

static void the_longest_that_was_said_is_it(void **state)
{
	assert_string_equal(FOUND(lines), "[NAME]/1");
	assert_string_equal(FOUND(lines, "mass"), "[NAME]/1");
	assert_string_equal(FOUND(lines, "list"), "list/1");
	assert_string_equal(FOUND(lines, "release", "12"), "!release ID/2");
	assert_string_equal(FOUND(lines, "release", "all"), "!release all/2");
	assert_string_equal(FOUND(lines, "drop", "x", "y"), "!drop/1");
}

/* What takes no words but its own is not found by others: its module says so. */
static void what_no_line_begins_with_is_none(void **state)
{
	assert_string_equal(FOUND("list\tall", "drop"), "none");
	assert_string_equal(FOUND("list\tall"), "none");
	assert_string_equal(FOUND("", "list"), "none");
	assert_string_equal(FOUND(NULL, "list"), "none");
	assert_string_equal(FOUND("!release", "releases"), "none");
}

/* "by=FIELD" is for what is said, as "NAME" is. */
static void a_verb_is_its_small_words(void **state)
{
	const char *rest =
		"suppression add ADDRESS client=NAME\tno mail\nstats by=FIELD\tsums\n[NAME]\tall";
	struct module_verb verb;
	assert_true(module_verb_next(&rest, &verb));
	assert_true(gw_str_eq(verb.name, gw_str("suppression add")));
	assert_true(gw_str_eq(verb.arguments, gw_str("ADDRESS client=NAME")));
	assert_true(module_verb_is_own(&verb));
	assert_true(module_verb_next(&rest, &verb));
	assert_true(gw_str_eq(verb.name, gw_str("stats")));
	assert_true(gw_str_eq(verb.arguments, gw_str("by=FIELD")));
	assert_false(module_verb_is_own(&verb));
	assert_true(module_verb_next(&rest, &verb));
	assert_int_equal(verb.name.len, 0);
	assert_string_equal(FOUND("stats by=FIELD\tsums", "stats", "by=kind"), "stats by=FIELD/2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_taken_one_by_one),
		cmocka_unit_test(the_longest_that_was_said_is_it),
		cmocka_unit_test(what_no_line_begins_with_is_none),
		cmocka_unit_test(a_verb_is_its_small_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
