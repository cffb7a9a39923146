/* domain_test.c - which domains a pattern and a list of patterns name. */
#include <gateway/testkit.h>

#include <gateway/domain.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MUNICH "m\xc3\xbcnchen.example"
#define MUNICH_A "xn--mnchen-3ya.example"

static bool listed, worded;
static struct gw_str patterns, domain;

static int on_start(struct gw_call *call)
{
	listed = gw_domain_in_list(call, (struct gw_list){ &patterns, 1 }, domain);
	worded = gw_domain_in_words(call, patterns, domain);
	return 0;
}

GW_MODULE(.name = "domain", .version = "1.0", .summary = "asks", .start = on_start)

static void ask(const char *all, const char *one)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	patterns = gw_str(all);
	domain = gw_str(one);
	assert_int_equal(testkit_start(kit), 0);
	testkit_destroy(kit);
}

static void a_pattern_names_a_domain_what_is_below_or_all(void **state)
{
	static const struct {
		const char *pattern, *domain;
		bool named;
	} rows[] = {
		{ "example.com", "example.com", true },
		{ "Example.COM", "eXample.com", true },
		{ "example.com.", "example.com", true },
		{ "example.com", "www.example.com", false },
		{ "example.com", "badexample.com", false },
		{ "example.com", "example.com.evil.example", false },
		{ "*.example.com", "www.example.com", true },
		{ "*.example.com", "a.b.EXAMPLE.com", true },
		{ "*.example.com.", "www.example.com", true },
		{ "*.example.com", "example.com", false },
		{ "*.example.com", ".example.com", false },
		{ "*.example.com", "badexample.com", false },
		{ "*", "example.com", true },
		{ "*", "", true },
		{ "*example.com", "badexample.com", false },
		{ "*.", "com", false },
		{ "[192.0.2.1]", "[192.0.2.1]", true },
		{ MUNICH, MUNICH_A, true },
		{ MUNICH_A, MUNICH, true },
		{ "*." MUNICH, "www." MUNICH_A, true },
		{ "*." MUNICH_A, "www." MUNICH, true },
		{ "*." MUNICH, MUNICH_A, false },
		{ "*." MUNICH, "bad" MUNICH_A, false },
		{ "m\xff.example", "m\xff.example", true }, /* no domain: as it is */
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		ask(rows[i].pattern, rows[i].domain);
		if (listed != rows[i].named || worded != rows[i].named)
			fail_msg("%s %s", rows[i].pattern, rows[i].domain);
	}
}

static void one_of_several_is_enough(void **state)
{
	static const struct {
		const char *patterns, *domain;
		bool named;
	} rows[] = {
		{ "", "example.com", false },
		{ "", "", false },
		{ " \t ", "", false },
		{ "a.example b.example", "b.example", true },
		{ " a.example\t *.b.example ", "x.b.example", true },
		{ "a.example b.example", "c.example", false },
		{ "a.example b.example", "a.example b.example", false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		ask(rows[i].patterns, rows[i].domain);
		if (worded != rows[i].named)
			fail_msg("'%s' %s", rows[i].patterns, rows[i].domain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_names_a_domain_what_is_below_or_all),
		cmocka_unit_test(one_of_several_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
