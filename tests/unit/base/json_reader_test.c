#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json_reader.h"

#include <stdlib.h>

static void an_answer_of_a_token_server(void **state)
{
	struct gw_json_value *answer = json_reader_read(
		gw_str(" {\"access_token\": \"ya29.a\\u0041\\n\", \"expires_in\": 3599,"
		       " \"scope\": [\"mail\", \"send\"], \"ok\": true,"
		       " \"of\": {\"left\": 1.9e1}, \"none\": null}\r\n"),
		NULL, 0);
	const struct gw_json_value *scope = json_reader_member(answer, "scope");

	assert_int_equal(json_reader_kind(answer), GW_JSON_OBJECT);
	assert_int_equal(json_reader_count(answer), 6);
	assert_true(gw_str_eq(json_reader_string(json_reader_member(answer, "access_token")),
			      gw_str("ya29.aA\n")));
	assert_int_equal(json_reader_number(json_reader_member(answer, "expires_in"), -1), 3599);
	assert_int_equal(json_reader_count(scope), 2);
	assert_string_equal(json_reader_string(json_reader_item(scope, 1)).ptr, "send");
	assert_true(json_reader_bool(json_reader_member(answer, "ok"), false));
	assert_int_equal(json_reader_number(
				 json_reader_member(json_reader_member(answer, "of"), "left"), -1),
			 19);
	assert_int_equal(json_reader_kind(json_reader_member(answer, "none")), GW_JSON_NULL);
	json_reader_free(answer);
}

static void kinds_of_values(void **state)
{
	static const struct {
		const char *text;
		enum gw_json_kind kind;
	} cases[] = {
		{ "null", GW_JSON_NULL },  { "false", GW_JSON_BOOL },  { "-0", GW_JSON_NUMBER },
		{ "1e3", GW_JSON_NUMBER }, { "\"\"", GW_JSON_STRING }, { "[]", GW_JSON_ARRAY },
		{ "{}", GW_JSON_OBJECT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gw_json_value *value = json_reader_read(gw_str(cases[i].text), NULL, 0);
		assert_int_equal(json_reader_kind(value), cases[i].kind);
		json_reader_free(value);
	}
}

/* One question for each thing, and none whether it is there. */
static void what_is_not_there_is_nothing(void **state)
{
	struct gw_json_value *text = json_reader_read(gw_str("\"7\""), NULL, 0);
	const struct gw_json_value *values[] = { NULL, text };

	for (size_t i = 0; i < 2; i++) {
		assert_null(json_reader_member(values[i], "a"));
		assert_null(json_reader_item(values[i], 0));
		assert_int_equal(json_reader_count(values[i]), 0);
		assert_int_equal(json_reader_number(values[i], -1), -1);
		assert_true(json_reader_bool(values[i], true));
	}
	assert_int_equal(json_reader_kind(NULL), GW_JSON_NONE);
	assert_null(json_reader_string(NULL).ptr);
	json_reader_free(text);
	json_reader_free(NULL);
}

static void numbers_that_no_int64_holds(void **state)
{
	static const struct {
		const char *text;
		int64_t number;
	} cases[] = {
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
		{ "9.3e18", -1 },
		{ "-1e300", -1 },
		{ "12.99", 12 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gw_json_value *value = json_reader_read(gw_str(cases[i].text), NULL, 0);
		assert_non_null(value);
		assert_int_equal(json_reader_number(value, -1), cases[i].number);
		json_reader_free(value);
	}
}

/* Why it is refused, and where; never in the text's own words. */
static void what_is_no_json(void **state)
{
	static const struct {
		struct gw_str text;
		const char *why;
	} cases[] = {
		{ GW_STR(""), "it ends too soon" },
		{ GW_STR("{\"a\": \"secret"), "it ends too soon" },
		{ GW_STR("{\"a\": secret}"), "no JSON" },
		{ GW_STR("{'a': 1}"), "no JSON" },
		{ GW_STR("[1,]"), "no JSON" },
		{ GW_STR("[01]"), "no JSON" },
		{ GW_STR("NaN"), "no JSON" },
		{ GW_STR("{\"a\":1,\"a\":2}"), "a member twice" },
		{ GW_STR("{} secret"), "something stands behind it" },
		{ GW_STR("\"gr\xfc\xdf\""), "no UTF-8" },
		{ GW_STR("\"\\ud800\""), "no JSON" },
		{ GW_STR("\"a\\u0000b\""), "a NUL" },
		{ GW_STR("[1]\0"), "something stands behind it" },
		{ GW_STR("9223372036854775808"), "a number that is too large" },
		{ GW_STR("1e999"), "a number that is too large" },
	};
	char why[80];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		*why = '\0';
		assert_null(json_reader_read(cases[i].text, why, sizeof(why)));
		if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("case %zu: %s", i, why);
		assert_null(strstr(why, "secret"));
	}
}

static void depth_has_a_bound(void **state)
{
	char text[2 * GW_JSON_DEPTH_MAX + 2], why[80];
	size_t depth = GW_JSON_DEPTH_MAX;
	struct gw_json_value *value;

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	value = json_reader_read(gw_str_n(text, 2 * depth), why, sizeof(why));
	assert_non_null(value);
	json_reader_free(value);

	depth++;
	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	assert_null(json_reader_read(gw_str_n(text, 2 * depth), why, sizeof(why)));
	assert_string_equal(why, "it is nested too deep");
}

/* Brackets in strings are text. */
static void brackets_in_strings_are_not_deep(void **state)
{
	struct gw_json_value *value = json_reader_read(
		gw_str("[\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]"), NULL, 0);

	assert_non_null(value);
	json_reader_free(value);
}

static void length_has_a_bound(void **state)
{
	size_t len = GW_JSON_READ_MAX;
	char *text = malloc(len + 1), why[80];
	struct gw_json_value *value;

	assert_non_null(text);
	memset(text, ' ', len + 1);
	text[0] = '1';
	value = json_reader_read(gw_str_n(text, len), NULL, 0);
	assert_non_null(value);
	json_reader_free(value);
	assert_null(json_reader_read(gw_str_n(text, len + 1), why, sizeof(why)));
	assert_string_equal(why, "it is too long");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_of_a_token_server),
		cmocka_unit_test(kinds_of_values),
		cmocka_unit_test(what_is_not_there_is_nothing),
		cmocka_unit_test(numbers_that_no_int64_holds),
		cmocka_unit_test(what_is_no_json),
		cmocka_unit_test(depth_has_a_bound),
		cmocka_unit_test(brackets_in_strings_are_not_deep),
		cmocka_unit_test(length_has_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
