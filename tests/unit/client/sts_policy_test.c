#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "client/sts_policy.h"

static void a_record_has_an_id(void **state)
{
	static const struct {
		const char *record, *id; /* NULL: it is none */
	} rows[] = {
		{ "v=STSv1; id=20160831085700Z;", "20160831085700Z" },
		{ "v=STSv1;id=a", "a" },
		{ "v=STSv1 ; more=x; id = b ; id=c", "b" },
		{ "v=STSv1; id=12345678901234567890123456789012",
		  "12345678901234567890123456789012" },
		{ "v=STSv1; id=123456789012345678901234567890123", NULL },
		{ "v=STSv1; id=;", NULL },
		{ "v=STSv1; id=a b", NULL },
		{ "v=STSv1;", NULL },
		{ "v=STSv2; id=a;", NULL },
		{ "id=a; v=STSv1", NULL },
		{ "", NULL },
	};
	char id[STS_ID_MOST + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct gw_str record = gw_str(rows[i].record);
		const char *why = sts_records_read((struct gw_list){ &record, 1 }, id);
		assert_int_equal(why == NULL, rows[i].id != NULL);
		if (rows[i].id)
			assert_string_equal(id, rows[i].id);
	}
}

static void one_record_among_those_of_the_name_counts(void **state)
{
	static const struct {
		struct gw_str records[3];
		size_t count;
		const char *id, *why;
	} rows[] = {
		{ { GW_STR("v=spf1 -all"), GW_STR("v=STSv1; id=a"), GW_STR("") }, 3, "a", NULL },
		{ { GW_STR("v=spf1 -all") }, 1, NULL, "there is no TXT record of it" },
		{ { GW_STR("") }, 0, NULL, "there is no TXT record of it" },
		{ { GW_STR("v=STSv1; id=a"), GW_STR("v=STSv1; id=a") },
		  2,
		  NULL,
		  "there is no TXT record of it" },
		{ { GW_STR("V=STSv1; id=a"), GW_STR(" v=STSv1; id=a"), GW_STR("v=STSv") },
		  3,
		  NULL,
		  "there is no TXT record of it" },
		{ { GW_STR("v=STSv1; id=!") }, 1, NULL, "its TXT record cannot be read" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[STS_ID_MOST + 1] = "";
		const char *why = sts_records_read(
			(struct gw_list){ rows[i].records, rows[i].count }, id);
		if (!rows[i].why)
			assert_null(why);
		else
			assert_string_equal(why, rows[i].why);
		if (rows[i].id)
			assert_string_equal(id, rows[i].id);
	}
}

#define V "version: STSv1\r\n"

static void a_policy_is_read_or_said_to_be_none(void **state)
{
	static const struct {
		const char *body;
		int mode; /* -1: it is none */
		size_t mx;
		int64_t seconds;
	} rows[] = {
		{ V "mode: enforce\r\nmx: a.example\r\nmx: *.b.example\r\nmax_age: 604800\r\n",
		  STS_MODE_ENFORCE, 2, 604800 },
		{ "version:STSv1\nmode:testing\nmx:a\nmax_age:1", STS_MODE_TESTING, 1, 1 },
		{ V "mode: none\nmax_age: 0\n", STS_MODE_NONE, 0, 0 },
		{ V "mode: enforce\nmx: a\nmax_age: 99999999\n", STS_MODE_ENFORCE, 1, 31557600 },
		{ V "mode: enforce\nmode: none\nmx: a\nmax_age: 1\nmax_age: 2\nother: x\n",
		  STS_MODE_ENFORCE, 1, 1 },
		{ V "mode: enforce\nmax_age: 1\n", -1, 0, 0 },
		{ V "mode: enforce\nmx:\nmax_age: 1\n", -1, 0, 0 },
		{ V "mode: ENFORCE\nmx: a\nmax_age: 1\n", -1, 0, 0 },
		{ V "mode: enforce\nmx: a\n", -1, 0, 0 },
		{ V "mode: enforce\nmx: a\nmax_age: -1\n", -1, 0, 0 },
		{ V "mode: enforce\nmx: a\nmax_age: 99999999999999999999\n", -1, 0, 0 },
		{ "version: STSv2\nmode: none\nmax_age: 1\n", -1, 0, 0 },
		{ "mode: none\nmax_age: 1\n", -1, 0, 0 },
		{ "<html></html>", -1, 0, 0 },
		{ "", -1, 0, 0 },
	};
	const char *why;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sts_policy *policy = sts_policy_read(gw_str("example.net"),
							    gw_str(rows[i].body), "1", 5000, &why);
		assert_int_equal(policy != NULL, rows[i].mode >= 0);
		assert_int_equal(why == NULL, policy != NULL);
		if (!policy)
			continue;
		assert_int_equal(policy->mode, rows[i].mode);
		assert_int_equal(policy->count, rows[i].mx);
		assert_int_equal(policy->expires_at, 5000 + rows[i].seconds * 1000);
		sts_policy_release(policy);
	}
}

static void a_wildcard_stands_for_one_label(void **state)
{
	static const struct {
		const char *host;
		bool named;
	} rows[] = { { "mx.example.net", true },       { "MX.example.net", true },
		     { "other.example.net", false },   { "a.wide.example", true },
		     { "wide.example", false },        { "a.b.wide.example", false },
		     { ".wide.example", true },        { "awide.example", false },
		     { "mx.example.net.evil", false }, { "", false } };
	const char *why;
	struct sts_policy *policy = sts_policy_read(
		gw_str("example.net"),
		gw_str(V "mode: enforce\nmx: Mx.Example.net\nmx: *.wide.example\nmax_age: 1\n"),
		"1", 0, &why);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(sts_policy_names(policy, gw_str(rows[i].host)), rows[i].named);
	sts_policy_release(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_an_id),
		cmocka_unit_test(one_record_among_those_of_the_name_counts),
		cmocka_unit_test(a_policy_is_read_or_said_to_be_none),
		cmocka_unit_test(a_wildcard_stands_for_one_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
