/* Files that a gateway hands out: what it may have written where gatewayctl was called, and what a
 * hostile one does not get. */
#include "ctl/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[32];
static struct files files;

static int set_up(void **state)
{
	strcpy(folder, "/tmp/ctl-files-XXXXXX");
	files = (struct files){ .size = 0 };
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void put(const char *name, const char *text)
{
	char path[80];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static const char *get(const char *name)
{
	static char text[64];
	char path[80];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	if (!file)
		return "";
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* An answer with one part, to a command in which the folder stands behind `option`. */
static bool take_behind(const char *option, const char *name, long long at, const char *octets)
{
	char word[32];
	char *words[] = { word, word, folder, NULL };
	json_t *answer = json_pack("{s:{s:s, s:[{s:s, s:I, s:s}]}}", "files", "folder", folder,
				   "parts", "name", name, "at", (json_int_t)at, "octets", octets);
	assert_non_null(answer);
	snprintf(word, sizeof(word), "%s", option);
	bool taken = files_write(&files, answer, words);
	json_decref(answer);
	return taken;
}

static bool take(const char *name, long long at, const char *octets)
{
	return take_behind("--to", name, at, octets);
}

static void a_file_comes_in_parts_over_several_answers(void **state)
{
	assert_true(take("new/1.eml", 0, "one"));
	assert_true(take("new/1.eml", 3, "two"));
	assert_true(take("cur/", 0, ""));
	assert_true(take("2.eml", 0, "next"));
	assert_string_equal(get("new/1.eml"), "onetwo");
	assert_string_equal(get("2.eml"), "next");
}

static void what_is_there_is_neither_written_over_nor_appended_to(void **state)
{
	put("keys", "mine\n");
	assert_false(take("keys", 0, "theirs\n"));
	assert_false(take("keys", 5, "theirs\n")); /* just its size */
	assert_false(take("keys", -1, "theirs\n"));
	assert_true(take("1.eml", 0, "five\n"));
	assert_false(take("keys", 5, "theirs\n"));
	assert_string_equal(get("keys"), "mine\n");
}

static void a_file_grows_at_its_end_while_it_is_the_one_begun_last(void **state)
{
	assert_true(take("1.eml", 0, "one"));
	assert_false(take("1.eml", 2, "x"));
	assert_false(take("1.eml", 4, "x"));
	assert_false(take("1.eml", -1, "x"));
	assert_true(take("2.eml", 0, "one"));
	assert_false(take("1.eml", 3, "x"));
	assert_string_equal(get("1.eml"), "one");
}

static void another_file_that_has_got_its_name_does_not_grow(void **state)
{
	char from[80], to[80];
	assert_true(take("1.eml", 0, "one"));
	put("other", "all");
	snprintf(from, sizeof(from), "%s/other", folder);
	snprintf(to, sizeof(to), "%s/1.eml", folder);
	assert_int_equal(rename(from, to), 0);
	assert_false(take("1.eml", 3, "x"));
	assert_string_equal(get("1.eml"), "all");
}

static void the_folder_stands_behind_the_option_for_it(void **state)
{
	assert_false(take_behind("--sender", "1.eml", 0, "x"));
	assert_false(take_behind("--format", "2.eml", 0, "x"));
	assert_true(take_behind("--attachments", "3.eml", 0, "x"));
	assert_string_equal(get("1.eml"), "");
	assert_string_equal(get("2.eml"), "");
}

static void a_name_leads_nowhere_else(void **state)
{
	static const char *const names[] = {
		"", "..", "../x", "a/../x", "a/b/c", "/x", ".x", "a/.x"
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_false(take(names[i], 0, "x"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_file_comes_in_parts_over_several_answers),
		TEST(what_is_there_is_neither_written_over_nor_appended_to),
		TEST(a_file_grows_at_its_end_while_it_is_the_one_begun_last),
		TEST(another_file_that_has_got_its_name_does_not_grow),
		TEST(the_folder_stands_behind_the_option_for_it),
		TEST(a_name_leads_nowhere_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
