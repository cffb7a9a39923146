/* rcpts_test.c - the recipients of a description, however many and whatever they are called. */
#include "rcpts.h"

#include <gateway/module.h>
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static GByteArray *octets(const char *text)
{
	GByteArray *out = g_byte_array_new();

	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
	return out;
}

static void assert_text(const GByteArray *meta, const char *text)
{
	assert_int_equal(meta->len, strlen(text));
	assert_memory_equal(meta->data, text, meta->len);
}

static void they_are_taken_out(void **state)
{
	static const struct {
		const char *text, *rest, *rcpts[4];
	} rows[] = {
		{ "{\"rcpts\":[]}", "{\"rcpts\":[]}", { NULL } },
		{ "{\"a\":1,\"rcpts\":[\"x\"],\"b\":\"]\"}",
		  "{\"a\":1,\"rcpts\":[],\"b\":\"]\"}",
		  { "x" } },
		{ "{\"rcpts\":[\"x\",\"y\",\"\"]}", "{\"rcpts\":[]}", { "x", "y", "" } },
		{ "{\"rcpts\":[\"a\\\",\",\"\\\\\",\"]\"]}",
		  "{\"rcpts\":[]}",
		  { "a\",", "\\", "]" } },
		{ "{\"helo\":\"\\\"rcpts\\\":[\",\"rcpts\":[\"x\"]}",
		  "{\"helo\":\"\\\"rcpts\\\":[\",\"rcpts\":[]}",
		  { "x" } },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		GByteArray *meta = octets(rows[i].text);
		GPtrArray *rcpts = rcpts_take(meta);

		assert_non_null(rcpts);
		assert_text(meta, rows[i].rest);
		for (k = 0; rows[i].rcpts[k]; k++)
			assert_string_equal(rcpts->pdata[k], rows[i].rcpts[k]);
		assert_int_equal(rcpts->len, k + 1);
		assert_null(rcpts->pdata[k]);
		g_ptr_array_unref(rcpts);
		g_byte_array_unref(meta);
	}
}

/* Nothing is taken out of it, and nothing is read behind its end. */
static void what_is_damaged_stays(void **state)
{
	static const char *const rows[] = { "{}",
					    "",
					    "{\"rcpts\":[",
					    "{\"rcpts\":[\"x",
					    "{\"rcpts\":[\"x\\",
					    "{\"rcpts\":[\"x\"",
					    "{\"rcpts\":[\"x\",",
					    "{\"rcpts\":[1]}",
					    "{\"rcpts\":[\"\\x\"]}" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		GByteArray *meta = octets(rows[i]);

		if (rcpts_take(meta))
			fail_msg("%s", rows[i]);
		assert_text(meta, rows[i]);
		g_byte_array_unref(meta);
	}
}

/* More than is read as JSON at once: all come out, and what is bounded can be read. */
static void thousands(void **state)
{
	GString *text = g_string_new("{\"rcpts\":[\"n0\"");
	GByteArray *meta, *bounded;
	struct gw_json_value *json;
	GPtrArray *rcpts;
	char name[16];
	int i;

	(void)state;
	for (i = 1; i < 100000; i++)
		g_string_append_printf(text, ",\"n%d\"", i);
	g_string_append(text, "],\"b\":7}");
	meta = octets(text->str);
	bounded = octets(text->str);
	rcpts = rcpts_take(meta);
	assert_non_null(rcpts);
	assert_int_equal(rcpts->len, 100001);
	for (i = 0; i < 100000; i++) {
		g_snprintf(name, sizeof name, "n%d", i);
		assert_string_equal(rcpts->pdata[i], name);
	}
	assert_text(meta, "{\"rcpts\":[],\"b\":7}");
	rcpts_bound(bounded);
	json = gw->json_read(gw_str_n(bounded->data, bounded->len), NULL, 0);
	assert_int_equal(gw->json_value_number(gw->json_member(json, "b"), 0), 7);
	assert_in_range(gw->json_count(gw->json_member(json, "rcpts")), 10000, 20000);
	gw->json_free(json);
	g_ptr_array_unref(rcpts);
	g_byte_array_unref(meta);
	g_byte_array_unref(bounded);
	g_string_free(text, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_taken_out),
		cmocka_unit_test(what_is_damaged_stays),
		cmocka_unit_test(thousands),
	};
	struct testkit *kit = testkit_create(gw_module_v1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	testkit_destroy(kit);
	return failed;
}
