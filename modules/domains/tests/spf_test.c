/* spf_test.c - what RFC 7208 asks for, against a zone that is a table. */
#include "../../common/spf_record.h"
#include "suite.h"

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
	const char *name;
	enum gw_dns_type type;
	const char *records; /* parted by '|'; "!": the name server does not answer */
} zone[] = {
	{ "none.test.example", GW_DNS_TXT, "something else|v=spf10 all" },
	{ "plain.example", GW_DNS_TXT, "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all" },
	{ "soft.example", GW_DNS_TXT, "v=spf1 ~all" },
	{ "open.example", GW_DNS_TXT, "v=spf1" },
	{ "twice.example", GW_DNS_TXT, "v=spf1 -all|v=spf1 +all" },
	{ "silent.example", GW_DNS_TXT, "!" },
	{ "silent.example", GW_DNS_A, "!" },
	{ "upper.example", GW_DNS_TXT, "V=SPF1 IP4:192.0.2.7 -ALL" },
	{ "a.example", GW_DNS_TXT, "v=spf1 a -all" },
	{ "a.example", GW_DNS_A, "192.0.2.7" },
	{ "a.example", GW_DNS_AAAA, "2001:db8::7" },
	{ "wide.example", GW_DNS_TXT, "v=spf1 a:a.example/24//64 -all" },
	{ "mx.example", GW_DNS_TXT, "v=spf1 mx -all" },
	{ "mx.example", GW_DNS_MX, "h1.example|a.example" },
	{ "h1.example", GW_DNS_A, "192.0.2.1" },
	{ "include.example", GW_DNS_TXT, "v=spf1 include:plain.example ?all" },
	{ "includes-none.example", GW_DNS_TXT, "v=spf1 include:h1.example -all" },
	{ "includes-silent.example", GW_DNS_TXT, "v=spf1 include:silent.example -all" },
	{ "redirect.example", GW_DNS_TXT, "v=spf1 redirect=plain.example" },
	{ "redirect-none.example", GW_DNS_TXT, "v=spf1 redirect=h1.example" },
	{ "loop.example", GW_DNS_TXT, "v=spf1 include:loop.example -all" },
	{ "turn.example", GW_DNS_TXT, "v=spf1 redirect=turn.example" },
	{ "voids.example", GW_DNS_TXT, "v=spf1 a:no1.example a:no2.example a:no3.example +all" },
	{ "two-voids.example", GW_DNS_TXT, "v=spf1 a:no1.example a:no2.example -all" },
	{ "many.example", GW_DNS_TXT,
	  "v=spf1 a:h1.example a:h1.example a:h1.example a:h1.example a:h1.example a:h1.example "
	  "a:h1.example a:h1.example a:h1.example a:h1.example a:a.example -all" },
	{ "exists.example", GW_DNS_TXT, "v=spf1 exists:%{ir}.%{v}.%{l1r-}.list.example -all" },
	{ "7.2.0.192.in-addr.bounce.list.example", GW_DNS_A, "127.0.0.2" },
	{ "ptr.example", GW_DNS_TXT, "v=spf1 ptr -all" },
	{ "7.2.0.192.in-addr.arpa", GW_DNS_PTR, "liar.ptr.example|host.ptr.example" },
	{ "host.ptr.example", GW_DNS_A, "192.0.2.7" },
	{ "liar.ptr.example", GW_DNS_A, "198.51.100.1" },
	{ "8.2.0.192.in-addr.arpa", GW_DNS_PTR, "liar.ptr.example" },
	{ "p.example", GW_DNS_TXT, "v=spf1 exists:%{p}.seen.example -all" },
	{ "host.ptr.example.seen.example", GW_DNS_A, "127.0.0.2" },
	{ "bad1.example", GW_DNS_TXT, "v=spf1 ip4:192.0.2.0/33 -all" },
	{ "bad2.example", GW_DNS_TXT, "v=spf1 +all nonsense:x" },
	{ "bad3.example", GW_DNS_TXT, "v=spf1 a:%{z}.example -all" },
	{ "bad4.example", GW_DNS_TXT, "v=spf1 redirect=a.example redirect=b.example" },
	{ "bad5.example", GW_DNS_TXT, "v=spf1 include -all" },
	{ "bad6.example", GW_DNS_TXT, "v=spf1 all:x" },
	{ "bad7.example", GW_DNS_TXT, "v=spf1 a:123 -all" },
	{ "unknown.example", GW_DNS_TXT, "v=spf1 what=ever%{d} +all" },
	{ "first.example", GW_DNS_TXT, "v=spf1 -ip4:192.0.2.7 +all" },
	{ "says.example", GW_DNS_TXT, "v=spf1 -all exp=words.%{d}" },
	{ "words.says.example", GW_DNS_TXT,
	  "%{c} (%{p}, %{v}.%{ir}) is not of %{D}%_%%%- at %{r}: see /?s=%{S}" },
	{ "silent-words.example", GW_DNS_TXT, "v=spf1 -all exp=silent.example" },
	{ "broken-words.example", GW_DNS_TXT, "v=spf1 -all exp=broken.says.example" },
	{ "broken.says.example", GW_DNS_TXT, "50% off" },
	{ "soft-words.example", GW_DNS_TXT, "v=spf1 ~all exp=words.says.example" },
	{ "voids-words.example", GW_DNS_TXT,
	  "v=spf1 a:no1.example a:no2.example -all exp=%{p}.no3.example" },
	{ "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", GW_DNS_PTR,
	  "a.example" },
	{ "ptr6.example", GW_DNS_TXT, "v=spf1 ptr:a.example -all" },
	{ "helo.example", GW_DNS_TXT, "v=spf1 -include:_helo.%{d} ip4:192.0.2.0/24 -all" },
	{ "_helo.helo.example", GW_DNS_TXT, "v=spf1 -a:%{h} +all" },
	{ "exists6.example", GW_DNS_TXT, "v=spf1 exists:h1.example -all" },
	{ "exists-silent.example", GW_DNS_TXT, "v=spf1 exists:silent.example -all" },
	{ "bad8.example", GW_DNS_TXT, "v=spf1 ptr/0 -all" },
	{ "bad9.example", GW_DNS_TXT, "v=spf1 ip6:::1//33 -all" },
	{ "bad10.example", GW_DNS_TXT, "v=spf1 redirect:plain.example" },
	{ "bad11.example", GW_DNS_TXT, "v=spf1 -redirect=plain.example" },
	{ "bad12.example", GW_DNS_TXT, "v=spf1 a:%{d0}.example -all" },
	{ "bad13.example", GW_DNS_TXT, "v=spf1 a:%{c}.example -all" },
	{ "bad14.example", GW_DNS_TXT, "v=spf1 include:plain.example/24 -all" },
	{ "long-label.example", GW_DNS_TXT,
	  "v=spf1 a:a123456789012345678901234567890123456789012345678901234567890123.example -all" },
	{ "list.crm.example", GW_DNS_TXT,
	  "v=spf1 ip4:192.0.2.0/24 include:more.crm.example a:a.example mx:mx.example -ip4:203.0.113.1 ~all" },
	{ "more.crm.example", GW_DNS_TXT, "v=spf1 ip6:2001:db8:1::/48 ?ip4:203.0.113.2 -all" },
	{ "macro.crm.example", GW_DNS_TXT, "v=spf1 ip4:192.0.2.0/24 include:%{d}.x.example -all" },
	{ "exists.crm.example", GW_DNS_TXT, "v=spf1 exists:%{i}.x.example -all" },
	{ "all.crm.example", GW_DNS_TXT, "v=spf1 ip4:192.0.2.0/24 +all" },
	{ "half.crm.example", GW_DNS_TXT, "v=spf1 ip4:192.0.2.0/24 include:silent.example -all" },
};

/* What the zone says; the questions are counted. */
static void answer_of(const struct gw_dns_question *question, struct gw_dns_answer *answer,
		      struct gw_str *items)
{
	size_t i;

	*answer = (struct gw_dns_answer){
		.size = sizeof *answer, .status = GW_DNS_NO_NAME, .ttl = 300, .error = gw_str("")
	};
	for (i = 0; i < sizeof zone / sizeof *zone; i++) {
		struct gw_str rest = gw_str(zone[i].records);

		if (!gw_str_ieq(question->name, gw_str(zone[i].name)))
			continue;
		if (answer->status == GW_DNS_NO_NAME)
			answer->status = GW_DNS_NONE;
		if (zone[i].type != question->type)
			continue;
		answer->status = zone[i].records[0] == '!' ? GW_DNS_FAILED : GW_DNS_FOUND;
		answer->error = gw_str("no answer");
		while (answer->status == GW_DNS_FOUND && rest.len) {
			size_t end = gw_str_find(rest, '|');

			items[answer->records.count++] = gw_str_n(rest.ptr, end);
			rest = gw_str_from(rest, end < rest.len ? end + 1 : end);
		}
		answer->records.items = items;
	}
}

static unsigned run(struct spf *spf)
{
	struct gw_dns_question question;
	struct gw_dns_answer answer;
	struct gw_str items[32];
	unsigned asked = 0;

	while (spf_question(spf, &question)) {
		asked++;
		assert_true(asked < 100);
		answer_of(&question, &answer, items);
		spf_answer(spf, &answer);
	}
	return asked;
}

/* HELO is plain.example. */
static const struct {
	const char *address, *sender;
	enum spf_result result;
} checks[] = {
	{ "192.0.2.7", "a@none.test.example", SPF_NONE },
	{ "192.0.2.7", "a@nowhere.example", SPF_NONE },
	{ "192.0.2.7", "a@local", SPF_NONE },
	{ "192.0.2.7", "a@[192.0.2.7]", SPF_NONE },
	{ "192.0.2.7", "a@b..example", SPF_NONE },
	{ "192.0.2.7", "a@plain.example", SPF_PASS },
	{ "::ffff:192.0.2.7", "a@plain.example", SPF_PASS },
	{ "2001:db8::5", "a@plain.example", SPF_PASS },
	{ "198.51.100.1", "a@plain.example", SPF_FAIL },
	{ "198.51.100.1", "a@soft.example", SPF_SOFTFAIL },
	{ "198.51.100.1", "a@open.example", SPF_NEUTRAL },
	{ "192.0.2.7", "a@twice.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@silent.example", SPF_TEMPERROR },
	{ "192.0.2.7", "a@Upper.Example", SPF_PASS },
	{ "192.0.2.7", "a@a.example", SPF_PASS },
	{ "2001:db8::7", "a@a.example", SPF_PASS },
	{ "192.0.2.8", "a@a.example", SPF_FAIL },
	{ "192.0.2.8", "a@wide.example", SPF_PASS },
	{ "2001:db8::1:7", "a@wide.example", SPF_PASS },
	{ "192.0.3.8", "a@wide.example", SPF_FAIL },
	{ "192.0.2.1", "a@mx.example", SPF_PASS },
	{ "192.0.2.7", "a@mx.example", SPF_PASS },
	{ "192.0.2.9", "a@mx.example", SPF_FAIL },
	{ "192.0.2.7", "a@include.example", SPF_PASS },
	{ "198.51.100.1", "a@include.example", SPF_NEUTRAL },
	{ "192.0.2.7", "a@includes-none.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@includes-silent.example", SPF_TEMPERROR },
	{ "198.51.100.1", "a@redirect.example", SPF_FAIL },
	{ "192.0.2.7", "a@redirect-none.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@loop.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@turn.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@voids.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@two-voids.example", SPF_FAIL },
	{ "192.0.2.1", "a@many.example", SPF_PASS },
	{ "192.0.2.7", "a@many.example", SPF_PERMERROR },
	{ "192.0.2.7", "bounce-x@exists.example", SPF_PASS },
	{ "192.0.2.7", "x-bounce@exists.example", SPF_FAIL },
	{ "192.0.2.7", "a@ptr.example", SPF_PASS },
	{ "192.0.2.8", "a@ptr.example", SPF_FAIL },
	{ "192.0.2.7", "a@p.example", SPF_PASS },
	{ "192.0.2.7", "a@bad1.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad2.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad3.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad4.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad5.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad6.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad7.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@unknown.example", SPF_PASS },
	{ "192.0.2.7", "a@first.example", SPF_FAIL },
	{ "192.0.2.7", "", SPF_PASS }, /* so this is */
	{ "2001:db8::7", "a@ptr6.example", SPF_PASS },
	{ "2001:db8::8", "a@ptr6.example", SPF_FAIL },
	{ "192.0.2.7", "a@helo.example", SPF_FAIL },
	{ "2001:db8::7", "a@exists6.example", SPF_PASS }, /* A, whoever sends */
	{ "192.0.2.7", "a@exists-silent.example", SPF_TEMPERROR },
	{ "192.0.2.7", "a@bad8.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad9.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad10.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad11.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad12.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad13.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@bad14.example", SPF_PERMERROR },
	{ "192.0.2.7", "a@long-label.example", SPF_FAIL },
};

static void check_host_gives_what_the_rfc_says(void **state)
{
	size_t i;

	for (i = 0; i < sizeof checks / sizeof *checks; i++) {
		struct spf *spf = spf_check(gw_str(checks[i].address), gw_str("plain.example"),
					    gw_str(checks[i].sender));

		assert_non_null(spf);
		run(spf);
		if (spf_result(spf) != checks[i].result)
			fail_msg("%s %s: %s (%s)", checks[i].address, checks[i].sender,
				 spf_results[spf_result(spf)], spf_why(spf));
		spf_destroy(spf);
	}
}

static void a_fail_has_the_words_of_its_domain(void **state)
{
	static const struct {
		const char *address, *sender;
		enum spf_result result;
		const char *words;
	} rows[] = {
		{ "192.0.2.7", "j&k@says.example", SPF_FAIL,
		  "192.0.2.7 (host.ptr.example, in-addr.7.2.0.192) is not of says.example %%20 at "
		  "unknown: see /?s=j%26k%40says.example" },
		{ "2001:db8::7", "a@says.example", SPF_FAIL,
		  "2001:db8::7 (a.example, ip6.7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0."
		  "1.0.0.2) is not of says.example %%20 at unknown: see /?s=a%40says.example" },
		{ "192.0.2.7", "a@silent-words.example", SPF_FAIL, "" },
		{ "192.0.2.7", "a@broken-words.example", SPF_FAIL, "" },
		{ "192.0.2.7", "a@soft-words.example", SPF_SOFTFAIL, "" },
		{ "198.51.100.9", "a@voids-words.example", SPF_FAIL, "" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct spf *spf = spf_check(gw_str(rows[i].address), gw_str("h.example"),
					    gw_str(rows[i].sender));

		run(spf);
		assert_int_equal(spf_result(spf), rows[i].result);
		assert_string_equal(spf_explanation(spf), rows[i].words);
		spf_destroy(spf);
	}
}

/* The examples of RFC 7208 section 7.4. */
static void macros_stand_for_what_the_rfc_says(void **state)
{
	static const struct {
		const char *text, *name;
	} rows[] = {
		{ "%{s}", "strong-bad@email.example.com" },
		{ "%{o}", "email.example.com" },
		{ "%{d}", "email.example.com" },
		{ "%{d4}", "email.example.com" },
		{ "%{d3}", "email.example.com" },
		{ "%{d2}", "example.com" },
		{ "%{d1}", "com" },
		{ "%{dr}", "com.example.email" },
		{ "%{d2r}", "example.email" },
		{ "%{l}", "strong-bad" },
		{ "%{l-}", "strong.bad" },
		{ "%{lr}", "strong-bad" },
		{ "%{lr-}", "bad.strong" },
		{ "%{l1r-}", "strong" },
		{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
		{ "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
		  "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
		{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		  "3.2.0.192.in-addr.strong.lp._spf.example.com" },
		{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net" },
	};
	const struct spf_values values = { .sender = gw_str("strong-bad@email.example.com"),
					   .local = gw_str("strong-bad"),
					   .sender_domain = gw_str("email.example.com"),
					   .domain = gw_str("email.example.com"),
					   .address = gw_str("192.0.2.3") };
	char name[GW_DOMAIN_MAX + 1];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_null(spf_macro_flaw(gw_str(rows[i].text), false));
		assert_true(spf_macro_expand(gw_str(rows[i].text), &values, name));
		assert_string_equal(name, rows[i].name);
	}
}

static void a_domain_lists_what_passes(void **state)
{
	static const char *const in[] = { "192.0.2.200", "2001:db8:1::9", "2001:db8::7",
					  "192.0.2.1" },
				 *const out[] = { "203.0.113.1", "203.0.113.2", "2001:db8:2::9",
						  "198.51.100.7" };
	struct spf *spf = spf_list(gw_str("list.crm.example"));
	struct network *list, peer;
	size_t count, i, j;

	run(spf);
	assert_int_equal(spf_result(spf), SPF_PASS);
	assert_int_equal(spf_ttl(spf), 300);
	list = spf_take_networks(spf, &count);
	assert_int_equal(count, 7);
	for (i = 0; i < 4; i++) {
		bool has = false, has_not = true;

		assert_true(network_of_peer(&peer, gw_str(in[i])));
		for (j = 0; j < count; j++)
			has = has || network_has(&list[j], &peer);
		assert_true(network_of_peer(&peer, gw_str(out[i])));
		for (j = 0; j < count; j++)
			has_not = has_not && !network_has(&list[j], &peer);
		assert_true(has && has_not);
	}
	free(list);
	spf_destroy(spf);
}

static void what_can_be_no_list_is_none(void **state)
{
	static const struct {
		const char *domain;
		enum spf_result result;
		const char *why;
	} rows[] = {
		{ "macro.crm.example", SPF_PERMERROR, "has macros" },
		{ "exists.crm.example", SPF_PERMERROR, "exists or ptr" },
		{ "ptr.example", SPF_PERMERROR, "exists or ptr" },
		{ "all.crm.example", SPF_PERMERROR, "everybody passes" },
		{ "loop.example", SPF_PERMERROR, "more than 10" },
		{ "half.crm.example", SPF_TEMPERROR, "no answer" },
		{ "h1.example", SPF_NONE, "" },
	};
	size_t i, count;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct spf *spf = spf_list(gw_str(rows[i].domain));

		run(spf);
		assert_int_equal(spf_result(spf), rows[i].result);
		assert_non_null(strstr(spf_why(spf), rows[i].why));
		free(spf_take_networks(spf, &count));
		spf_destroy(spf);
	}
}

static void what_costs_too_much_ends_early(void **state)
{
	struct spf *spf = spf_check(gw_str("192.0.2.7"), gw_str("h.example"),
				    gw_str("a@loop.example"));

	assert_int_equal(run(spf), 11); /* the first, and ten */
	spf_destroy(spf);
}

/* --- the open test suite --- */

static void run_suite_test(const struct suite *suite, struct spf *spf)
{
	static struct gw_str items[SUITE_RECORDS];
	struct gw_dns_question question;
	struct gw_dns_answer answer;
	unsigned asked = 0;

	while (spf_question(spf, &question)) {
		assert_true(asked++ < 130);
		suite_answer(suite, &question, &answer, items, 0);
		spf_answer(spf, &answer);
	}
}

static bool suite_test_holds(const struct suite *suite)
{
	const struct suite_test *test = &suite->test;
	struct spf *spf = spf_check(test->host, test->helo, test->from);
	bool holds;

	run_suite_test(suite, spf);
	holds = suite_holds(suite, spf);
	spf_destroy(spf);
	return holds;
}

static void every_group_of_the_open_suite_holds(void **state)
{
	static struct suite suite;
	unsigned tests = 0, failed = 0;

	assert_true(suite_open(&suite, TEST_FOLDER "/spf-suite/rfc7208.suite"));
	while (suite_next(&suite)) {
		tests++;
		failed += !suite_test_holds(&suite);
	}
	free(suite.text);
	print_message("%u tests of the suite\n", tests);
	assert_int_equal(failed, 0);
	assert_true(tests > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_host_gives_what_the_rfc_says),
		cmocka_unit_test(every_group_of_the_open_suite_holds),
		cmocka_unit_test(a_fail_has_the_words_of_its_domain),
		cmocka_unit_test(macros_stand_for_what_the_rfc_says),
		cmocka_unit_test(a_domain_lists_what_passes),
		cmocka_unit_test(what_can_be_no_list_is_none),
		cmocka_unit_test(what_costs_too_much_ends_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
