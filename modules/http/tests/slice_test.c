/* A member of an object, cut out as it stands. */
#include "slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_slice(const char *object, const char *key, const char *wanted)
{
	struct gw_str got = slice_member(gw_str(object), key);

	if (!wanted)
		assert_null(got.ptr);
	else if (!got.ptr || !gw_str_eq(got, gw_str(wanted)))
		fail_msg("%s of %s: %.*s", key, object, got.ptr ? (int)got.len : 0,
			 got.ptr ? got.ptr : "");
}

static void a_member_as_it_stands(void **state)
{
	static const char *const rows[][3] = {
		{ "{\"code\":0,\"data\":{\"items\":[{\"a\":\"}\"},[]],\"next\":7}}", "data",
		  "{\"items\":[{\"a\":\"}\"},[]],\"next\":7}" },
		{ "{\"code\":0,\"data\":{}}", "code", "0" },
		{ "{\"data\":{\"code\":1},\"code\":-5}", "code", "-5" },
		{ "{\"data\":[],\"text\":\"\"}", "data", "[]" },
		{ "{\"a\":\"\\\"data\\\":1,\\\\\",\"data\":\"x\"}", "data", "\"x\"" },
		{ "{\"a\":null,\"b\":true}", "b", "true" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_slice(rows[i][0], rows[i][1], rows[i][2]);
}

static void what_is_no_such_object_has_none(void **state)
{
	static const char *const rows[] = {
		"",
		"{",
		"{}",
		"[\"data\",1]",
		"{\"a\":1}",
		"{\"data\"",
		"{\"data}",
		"{\"data\" :1}",
		"{ \"data\":1}",
		"{\"a\":{\"data\":1}}",
		"7",
		"{\"a\\",
		"{\"data\"}",
		"{\"a\":[1,\"data\":2}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_slice(rows[i], "data", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_member_as_it_stands),
		cmocka_unit_test(what_is_no_such_object_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
