#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json_writer.h"

#include <stdlib.h>

/* Ends the writer: its text, or "" where it failed. */
static void assert_written(struct gw_json *json, const char *expected)
{
	struct gw_str text = json_writer_text(json);

	assert_string_equal(text.ptr ? text.ptr : "", expected);
	assert_int_equal(text.len, strlen(expected));
	json_writer_destroy(json);
}

static void assert_misused(struct gw_json *json, const char *fault)
{
	assert_null(json_writer_text(json).ptr);
	assert_string_equal(json_writer_fault(json), fault);
	assert_true(json_writer_misused(json));
	json_writer_destroy(json);
}

static void objects_and_arrays_in_each_other(void **state)
{
	struct gw_json *json = json_writer_create();

	json_writer_begin(json, NULL, GW_JSON_OBJECT);
	json_writer_string(json, "name", gw_str("mass-eu"));
	json_writer_begin(json, "hosts", GW_JSON_ARRAY);
	json_writer_string(json, NULL, gw_str("a"));
	json_writer_number(json, NULL, -7);
	json_writer_begin(json, NULL, GW_JSON_OBJECT);
	json_writer_end(json);
	json_writer_end(json);
	json_writer_bool(json, "on", true);
	json_writer_format(json, "of", "%d of %s", 3, "\"9\"");
	json_writer_number(json, "least", INT64_MIN);
	json_writer_end(json);
	assert_written(json, "{\"name\":\"mass-eu\",\"hosts\":[\"a\",-7,{}],\"on\":true,"
			     "\"of\":\"3 of \\\"9\\\"\",\"least\":-9223372036854775808}");
}

static void times_are_utc_and_none_is_null(void **state)
{
	struct gw_json *json = json_writer_create();

	json_writer_begin(json, NULL, GW_JSON_ARRAY);
	json_writer_time(json, NULL, 1795455612345);
	json_writer_time(json, NULL, 0);
	assert_written(json, "[\"2026-11-23T17:40:12.345Z\",null]");
}

/* Whatever a client or next hop sent. */
static void strings_of_any_octets(void **state)
{
	static const struct {
		struct gw_str text;
		const char *written;
	} cases[] = {
		{ GW_STR(""), "\"\"" },
		{ GW_STR("a\"b\\c"), "\"a\\\"b\\\\c\"" },
		{ GW_STR("\n\r\t\x1b"), "\"\\n\\u000d\\u0009\\u001b\"" },
		{ GW_STR("a\0b"), "\"a\\u0000b\"" },
		{ GW_STR("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"" },
		{ GW_STR("\xf0\x9f\x93\xa7"), "\"\xf0\x9f\x93\xa7\"" },
		{ GW_STR("gr\xfc\xdf"), "\"gr\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ GW_STR("\xc3"), "\"\xef\xbf\xbd\"" },
		{ GW_STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ GW_STR("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gw_json *json = json_writer_create();
		json_writer_string(json, NULL, cases[i].text);
		assert_written(json, cases[i].written);
	}
}

/* A key is text as any other. */
static void keys_are_escaped(void **state)
{
	struct gw_json *json = json_writer_create();

	json_writer_begin(json, NULL, GW_JSON_OBJECT);
	json_writer_number(json, "a\"\n", 1);
	assert_written(json, "{\"a\\\"\\n\":1}");
}

static void what_is_open_is_ended(void **state)
{
	struct gw_json *json = json_writer_create();

	json_writer_begin(json, NULL, GW_JSON_OBJECT);
	json_writer_begin(json, "a", GW_JSON_ARRAY);
	json_writer_begin(json, NULL, GW_JSON_ARRAY);
	assert_written(json, "{\"a\":[[]]}");
}

static void a_table_with_its_rows(void **state)
{
	static const struct gw_column columns[] = { { "name", "NAME" },
						    { "left", "LEFT" },
						    { NULL, NULL } };
	struct gw_json *table = json_writer_table(columns);

	json_writer_row(table);
	json_writer_string(table, "name", gw_str("a"));
	json_writer_row(table);
	json_writer_begin(table, "name", GW_JSON_ARRAY);
	json_writer_end(table);
	assert_written(table, "{\"columns\":[[\"name\",\"NAME\"],[\"left\",\"LEFT\"]],"
			      "\"rows\":[{\"name\":\"a\"},{\"name\":[]}]}");
}

static void members_of_the_answer_follow_the_rows(void **state)
{
	static const struct gw_column columns[] = { { "a", "A" }, { NULL, NULL } };
	struct gw_json *table = json_writer_table(columns);

	json_writer_end(table);
	json_writer_string(table, "text", gw_str("since midnight:"));
	assert_written(table,
		       "{\"columns\":[[\"a\",\"A\"]],\"rows\":[],\"text\":\"since midnight:\"}");
}

/* --- what cannot be written --- */

static void nothing_is_no_text(void **state)
{
	assert_misused(json_writer_create(), "nothing was written");
}

static void one_value_is_the_whole(void **state)
{
	struct gw_json *json = json_writer_create();

	json_writer_number(json, NULL, 1);
	json_writer_number(json, NULL, 2);
	assert_misused(json, "a value after the last");
}

static void a_member_has_a_key_and_nothing_else_has(void **state)
{
	struct gw_json *object = json_writer_create(), *array = json_writer_create(),
		       *whole = json_writer_create();

	json_writer_begin(object, NULL, GW_JSON_OBJECT);
	json_writer_number(object, NULL, 1);
	assert_misused(object, "a member without a key");
	json_writer_begin(array, NULL, GW_JSON_ARRAY);
	json_writer_number(array, "a", 1);
	assert_misused(array, "a key outside of an object");
	json_writer_number(whole, "a", 1);
	assert_misused(whole, "a key outside of an object");
}

static void ended_is_what_was_begun(void **state)
{
	struct gw_json *json = json_writer_create();

	json_writer_begin(json, NULL, GW_JSON_ARRAY);
	json_writer_end(json);
	json_writer_end(json);
	assert_misused(json, "more ended than had begun");
}

static void rows_are_of_tables(void **state)
{
	static const struct gw_column columns[] = { { "a", "A" }, { NULL, NULL } };
	struct gw_json *json = json_writer_create(), *table = json_writer_table(columns);

	json_writer_begin(json, NULL, GW_JSON_OBJECT);
	json_writer_begin(json, "rows", GW_JSON_ARRAY);
	json_writer_row(json);
	assert_misused(json, "a row where none can be");
	json_writer_end(table);
	json_writer_row(table);
	assert_misused(table, "a row where none can be");
}

static void depth_has_a_bound(void **state)
{
	struct gw_json *json = json_writer_create();

	for (unsigned i = 0; i < GW_JSON_DEPTH_MAX; i++)
		json_writer_begin(json, NULL, GW_JSON_ARRAY);
	assert_null(json_writer_fault(json));
	json_writer_begin(json, NULL, GW_JSON_ARRAY);
	assert_string_equal(json_writer_fault(json), "it is nested too deep");
	assert_null(json_writer_text(json).ptr);
	json_writer_destroy(json);
}

static void length_has_a_bound(void **state)
{
	struct gw_json *json = json_writer_create();
	size_t size = GW_JSON_WRITE_MAX / 16;
	char *text = malloc(size);

	assert_non_null(text);
	memset(text, 'a', size);
	json_writer_begin(json, NULL, GW_JSON_ARRAY);
	for (int i = 0; i < 15; i++)
		json_writer_string(json, NULL, gw_str_n(text, size));
	assert_null(json_writer_fault(json));
	json_writer_string(json, NULL, gw_str_n(text, size));
	assert_string_equal(json_writer_fault(json), "it is too long");
	assert_false(json_writer_misused(json));
	assert_null(json_writer_text(json).ptr);
	json_writer_destroy(json);
	free(text);
}

/* As after a create() without memory. */
static void none_takes_everything_and_has_no_text(void **state)
{
	json_writer_begin(NULL, NULL, GW_JSON_OBJECT);
	json_writer_string(NULL, "a", gw_str("b"));
	json_writer_row(NULL);
	json_writer_end(NULL);
	assert_null(json_writer_text(NULL).ptr);
	assert_string_equal(json_writer_fault(NULL), "no memory");
	json_writer_destroy(NULL);
}

static void its_own_code_is_one_of_the_whole(void **state)
{
	struct gw_json *json = json_writer_create();

	json_writer_begin(json, NULL, GW_JSON_OBJECT);
	json_writer_begin(json, "data", GW_JSON_OBJECT);
	json_writer_number(json, "code", 550);
	json_writer_end(json);
	assert_false(json_writer_says_code(json));
	json_writer_number(json, "code", 0);
	assert_true(json_writer_says_code(json));
	assert_written(json, "{\"data\":{\"code\":550},\"code\":0}");
	assert_false(json_writer_says_code(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_and_arrays_in_each_other),
		cmocka_unit_test(times_are_utc_and_none_is_null),
		cmocka_unit_test(strings_of_any_octets),
		cmocka_unit_test(keys_are_escaped),
		cmocka_unit_test(what_is_open_is_ended),
		cmocka_unit_test(a_table_with_its_rows),
		cmocka_unit_test(members_of_the_answer_follow_the_rows),
		cmocka_unit_test(its_own_code_is_one_of_the_whole),
		cmocka_unit_test(nothing_is_no_text),
		cmocka_unit_test(one_value_is_the_whole),
		cmocka_unit_test(a_member_has_a_key_and_nothing_else_has),
		cmocka_unit_test(ended_is_what_was_begun),
		cmocka_unit_test(rows_are_of_tables),
		cmocka_unit_test(depth_has_a_bound),
		cmocka_unit_test(length_has_a_bound),
		cmocka_unit_test(none_takes_everything_and_has_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
