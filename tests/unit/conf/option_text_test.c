#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/option.h"

struct text_case {
	const char *text;
	int64_t value; /* -1: refused */
};

static const struct text_case sizes[] = {
	{ "0", 0 },
	{ "42", 42 },
	{ "1K", 1024 },
	{ "25M", 25 << 20 },
	{ "25m", 25 << 20 },
	{ "4G", 4294967296 },
	{ "", -1 },
	{ "M", -1 },
	{ "25MB", -1 },
	{ "25 M", -1 },
	{ "-1", -1 },
	{ "1.5M", -1 },
	{ "9223372036854775807", INT64_MAX },
	{ "9223372036854775808", -1 },
	{ "9007199254740992K", -1 },
};

static const struct text_case durations[] = {
	{ "0", 0 },          { "90", 90000 },
	{ "250ms", 250 },    { "90s", 90000 },
	{ "5m", 300000 },    { "4h", 14400000 },
	{ "2d", 172800000 }, { "", -1 },
	{ "s", -1 },         { "5 m", -1 },
	{ "5w", -1 },        { "-5s", -1 },
	{ "1h30m", -1 },     { "9223372036854775807", -1 },
};

static void check(int (*parse)(struct gw_str text, int64_t *value), const struct text_case *cases,
		  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = 0;
		assert_int_equal(parse(gw_str(cases[i].text), &value), cases[i].value < 0 ? -1 : 0);
		if (cases[i].value >= 0)
			assert_true(value == cases[i].value);
	}
}

static void sizes_are_powers_of_1024(void **state)
{
	check(option_parse_size, sizes, sizeof(sizes) / sizeof(sizes[0]));
}

static void durations_are_milliseconds(void **state)
{
	check(option_parse_duration, durations, sizeof(durations) / sizeof(durations[0]));
}

static void types_have_names(void **state)
{
	for (int type = GW_OPTION_STRING; type <= GW_OPTION_GROUPS; type++)
		assert_int_not_equal(option_type_name((enum gw_option_type)type)[0], 0);
	assert_string_equal(option_type_name(GW_OPTION_DURATION), "duration");
	assert_string_equal(option_type_name((enum gw_option_type)99), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(durations_are_milliseconds),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
