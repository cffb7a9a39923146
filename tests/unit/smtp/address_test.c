#include "smtp/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define LIT(text) gw_str_n((text), sizeof(text) - 1)
#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void expect_str(struct gw_str got, const char *want)
{
	if (!gw_str_eq(got, gw_str(want)))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.len, got.ptr, want);
}

static void test_paths_that_are_fine(void **state)
{
	static const struct {
		const char *text;
		unsigned flags;
		const char *whole, *local, *domain;
		size_t used;
	} cases[] = {
		{ "<a@b>", 0, "a@b", "a", "b", 5 },
		{ "<John.O'Hara+x@Example.COM> SIZE=1", 0, "John.O'Hara+x@Example.COM",
		  "John.O'Hara+x", "Example.COM", 27 },
		{ "<>", ADDRESS_NULL_OK, "", "", "", 2 },
		{ "<PostMaster> NOTIFY=NEVER", ADDRESS_POSTMASTER, "PostMaster", "PostMaster", "",
		  12 },
		{ "<@a,@b.example:x@y>", 0, "x@y", "x", "y", 19 },
		{ "<\"a b\"@c>", 0, "\"a b\"@c", "\"a b\"", "c", 9 },
		{ "<\"a>\\\"@x\"@c>", 0, "\"a>\\\"@x\"@c", "\"a>\\\"@x\"", "c", 12 },
		{ "<\"\"@c>", 0, "\"\"@c", "\"\"", "c", 6 },
		{ "<user%other.example@relay.example>", 0, "user%other.example@relay.example",
		  "user%other.example", "relay.example", 34 },
		{ "<other.example!user@relay.example>", 0, "other.example!user@relay.example",
		  "other.example!user", "relay.example", 34 },
		{ "<a@[192.0.2.1]>", 0, "a@[192.0.2.1]", "a", "[192.0.2.1]", 15 },
		{ "<a@[IPv6:2001:db8::1]>", 0, "a@[IPv6:2001:db8::1]", "a", "[IPv6:2001:db8::1]",
		  22 },
		{ "<a@[ipv6:::ffff:192.0.2.1]>", 0, "a@[ipv6:::ffff:192.0.2.1]", "a",
		  "[ipv6:::ffff:192.0.2.1]", 27 },
		{ "<a@_srv.b-c.d>", 0, "a@_srv.b-c.d", "a", "_srv.b-c.d", 14 },
		{ "<\xc3\xa4@\xc3\xb6.example>", ADDRESS_UTF8_OK, "\xc3\xa4@\xc3\xb6.example",
		  "\xc3\xa4", "\xc3\xb6.example", 15 },
		{ "<" A64 "@b>", 0, A64 "@b", A64, "b", 68 },
		{ "<" A64 A64 "@b>", 0, A64 A64 "@b", A64 A64, "b", 132 },
		{ "<abc.@b>", 0, "abc.@b", "abc.", "b", 8 },
		{ "<.a..b@b>", 0, ".a..b@b", ".a..b", "b", 9 },
		{ "<a@" L63 ".b>", 0, "a@" L63 ".b", "a", L63 ".b", 69 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address address;
		size_t used = 0;
		if (!address_path(gw_str(cases[i].text), cases[i].flags, &address, &used))
			fail_msg("refused: %s", cases[i].text);
		expect_str(address.whole, cases[i].whole);
		expect_str(address.local, cases[i].local);
		expect_str(address.domain, cases[i].domain);
		assert_int_equal(used, cases[i].used);
	}
}

static void test_paths_that_are_refused(void **state)
{
	static const struct gw_str cases[] = {
		GW_STR(""),
		GW_STR("<"),
		GW_STR("<>"),
		GW_STR("a@b"),
		GW_STR("<a@b"),
		GW_STR("<a>"),
		GW_STR("<@b>"),
		GW_STR("<a@>"),
		GW_STR("<postmaster>"),
		GW_STR("<a@b@c>"),
		GW_STR("< a@b>"),
		GW_STR("<a@b >"),
		GW_STR("<a b@c>"),
		GW_STR("<.@b>"),
		GW_STR("<..@b>"),
		GW_STR("<a@b.>"),
		GW_STR("<a@.b>"),
		GW_STR("<a@b..c>"),
		GW_STR("<a@-b>"),
		GW_STR("<a@b->"),
		GW_STR("<a@b-.c>"),
		GW_STR("<a@b,c>"),
		GW_STR("<a@b:c>"),
		GW_STR("<@a:>"),
		GW_STR("<@a,x@y>"),
		GW_STR("<@a x@y>"),
		GW_STR("<@:x@y>"),
		GW_STR("<@[192.0.2.1]:x@y>"),
		GW_STR("<\"a@b>"),
		GW_STR("<\"a\\\"@b>"),
		GW_STR("<\"a\"b@c>"),
		GW_STR("<a\"b\"@c>"),
		GW_STR("<(c)a@b>"),
		GW_STR("<a@b(c)>"),
		GW_STR("<a\\@b@c>"),
		GW_STR("<a@[192.0.2]>"),
		GW_STR("<a@[192.0.2.256]>"),
		GW_STR("<a@[192.0.2.1>"),
		GW_STR("<a@[]>"),
		GW_STR("<a@[IPv6:]>"),
		GW_STR("<a@[IPv6:1::2::3]>"),
		GW_STR("<a@[x:y]>"),
		GW_STR("<a@[192.0.2.1\0]>"),
		GW_STR("<a@[192.0.2.1]b>"),
		GW_STR("<a\0@b>"),
		GW_STR("<a@b\0c>"),
		GW_STR("<a\r@b>"),
		GW_STR("<a\n@b>"),
		GW_STR("<a@b\r\n>"),
		GW_STR("<\"a\rb\"@c>"),
		GW_STR("<\"a\nb\"@c>"),
		GW_STR("<\"a\0b\"@c>"),
		GW_STR("<\"a\\\nb\"@c>"),
		GW_STR("<\"a\tb\"@c>"),
		GW_STR("<a\x0b@b>"),
		GW_STR("<a\x7f@b>"),
		GW_STR("<\"\x7f\"@b>"),
		GW_STR("<a@b\x0b>"),
		GW_STR("<\xc3\xa4@b>"),
		GW_STR("<a@\xc3\xa4>"),
		GW_STR("<a\x85@b>"),
		GW_STR("<" A64 A64 A64 A64 "@b>"),
		GW_STR("<a@a" L63 ">"),
		GW_STR("<a<b@c>"),
		GW_STR("<<a@b>>"),
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address address;
		size_t used;
		if (address_path(cases[i], 0, &address, &used))
			fail_msg("case %zu is accepted: %s", i, cases[i].ptr);
	}
}

static void test_utf8_must_be_well_formed_and_no_control(void **state)
{
	static const struct gw_str cases[] = {
		GW_STR("<a\xc2\x85@b>"),        GW_STR("<\"a\xc2\x85\"@b>"),
		GW_STR("<a@b\xc2\x85>"),        GW_STR("<a\xc2\x80@b>"),
		GW_STR("<\xc0\xaf@b>"),         GW_STR("<\xe0\x80\xaf@b>"),
		GW_STR("<\xf0\x80\x80\xaf@b>"), GW_STR("<\xe4@b>"),
		GW_STR("<\xed\xa0\x80@b>"),     GW_STR("<\xf4\x90\x80\x80@b>"),
		GW_STR("<\xe2\x82@b>"),         GW_STR("<\"\\\xc3\xa4\"@b>"),
		GW_STR("<\xc3\xa4\r@b>"),
	};
	struct address address;
	size_t i, used;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (address_path(cases[i], ADDRESS_UTF8_OK, &address, &used))
			fail_msg("case %zu is accepted", i);
	assert_true(address_path(gw_str("<\xf0\x9f\x98\x80\xc2\xa0@b>"), ADDRESS_UTF8_OK, &address,
				 &used));
}

static void test_a_domain_is_at_most_255_octets(void **state)
{
	char text[400];
	struct address address;
	size_t used, i;

	for (i = 200; i <= 300; i++) {
		size_t whole = i, at;
		text[0] = '<';
		memset(text + 1, 'a', whole);
		text[11] = '@';
		for (at = 50; at < whole; at += 50)
			text[at] = '.';
		text[1 + whole] = '>';
		assert_int_equal(address_path(gw_str_n(text, whole + 2), 0, &address, &used),
				 whole - 11 <= 255);
	}
}

static void test_mailbox_takes_all_of_the_text(void **state)
{
	struct address address;

	assert_true(address_mailbox(LIT("a@b.c"), 0, &address));
	expect_str(address.domain, "b.c");
	assert_false(address_mailbox(LIT(""), 0, &address));
	assert_false(address_mailbox(LIT("a@b.c "), 0, &address));
	assert_false(address_mailbox(LIT("a@b.c>"), 0, &address));
	assert_false(address_mailbox(LIT("<a@b.c>"), 0, &address));
	assert_false(address_mailbox(LIT("a@b.c\0"), 0, &address));
	assert_false(address_mailbox(LIT("\xc3\xa4@b"), 0, &address));
	assert_true(address_mailbox(LIT("\xc3\xa4@b"), ADDRESS_UTF8_OK, &address));
}

static void test_domains(void **state)
{
	static const struct {
		const char *text;
		bool utf8, good;
	} cases[] = {
		{ "localhost", false, true },
		{ "a.b-c.example", false, true },
		{ "1.example", false, true },
		{ "[127.0.0.1]", false, true },
		{ "[IPv6:::1]", false, true },
		{ "_dmarc.example", false, true },
		{ "\xc3\xb6.example", true, true },
		{ "\xc3\xb6.example", false, false },
		{ "", false, false },
		{ ".", false, false },
		{ "a.", false, false },
		{ "a b", false, false },
		{ "a/b", false, false },
		{ "[127.0.0.1]x", false, false },
		{ "[::1]", false, false },
		{ "a-", false, false },
		{ "a\tb", false, false },
		{ L63 "." L63 "." L63 "." L63, false, true },
		{ L63 "." L63 "." L63 "." L63 ".b", false, false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (address_domain(gw_str(cases[i].text), cases[i].utf8) != cases[i].good)
			fail_msg("%s", cases[i].text);
}

static void test_addresses_in_header_fields(void **state)
{
	static const struct {
		const char *value, *whole; /* whole NULL: none */
		size_t count;
	} cases[] = {
		{ " a@b", "a@b", 1 },
		{ " Joe <a@b>", "a@b", 1 },
		{ " \"Doe, Joe <x@y>\" <a@b>", "a@b", 1 },
		{ " a@b <c@d>", "c@d", 1 },
		{ " Joe (not <x@y>, (really)) <a@b> (his)", "a@b", 1 },
		{ " Joe\r\n <a@b>,\r\n\tc@d", "a@b", 2 },
		{ " < a@b >", "a@b", 1 },
		{ " =?utf-8?q?J=C3=B6?= <a@b>", "a@b", 1 },
		{ " Team: Joe <a@b>, c@d; , e@f", "a@b", 3 },
		{ " ,, a@b,", "a@b", 1 },
		{ " \"quoted <x@y>\"@b", "\"quoted <x@y>\"@b", 1 },
		{ " <\"a>b\"@c>", "\"a>b\"@c", 1 },
		{ " a@[IPv6:::1], c@d", "a@[IPv6:::1]", 2 },
		{ " \xc3\xa4@b", "\xc3\xa4@b", 1 },
		{ " Joe, a@b", "a@b", 2 },
		{ " <a@b> <c@d>", NULL, 1 },
		{ " <a@b> c@d", NULL, 1 },
		{ " <a@b>, <c@d> x", "a@b", 2 },
		{ " undisclosed-recipients:;", NULL, 0 },
		{ " Joe", NULL, 1 },
		{ " <>", NULL, 1 },
		{ " <a@b", NULL, 1 },
		{ " \"Joe <a@b>", NULL, 1 },
		{ " (Joe <a@b>", NULL, 1 },
		{ " a@b \\", NULL, 1 },
		{ " (a) ", NULL, 0 },
		{ "", NULL, 0 },
	};
	struct address address;
	size_t i, count;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = address_in_header(gw_str(cases[i].value), &address, &count);
		if (found != (cases[i].whole != NULL) || count != cases[i].count)
			fail_msg("found %d, count %zu: %s", found, count, cases[i].value);
		if (found)
			expect_str(address.whole, cases[i].whole);
		assert_int_equal(address_in_header(gw_str(cases[i].value), &address, NULL), found);
	}
}

static void test_xtext(void **state)
{
	static const struct {
		const char *value, *decoded; /* decoded NULL: malformed */
	} cases[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a+2Bb+3D", "a+b=" },
		{ "+c3+a4", "\xc3\xa4" },
		{ "<>", "<>" },
		{ "a+", NULL },
		{ "a+2", NULL },
		{ "a+2G", NULL },
		{ "a+G2", NULL },
		{ "a=b", NULL },
		{ "a b", NULL },
		{ "a\x7f", NULL },
		{ "\xc3\xa4", NULL },
	};
	char out[32];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		long len = address_xtext_decode(gw_str(cases[i].value), out);
		assert_int_equal(len, cases[i].decoded ? (long)strlen(cases[i].decoded) : -1);
		if (len > 0)
			assert_memory_equal(out, cases[i].decoded, (size_t)len);
	}
	assert_int_equal(address_xtext_decode(LIT("a\0"), out), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_that_are_fine),
		cmocka_unit_test(test_paths_that_are_refused),
		cmocka_unit_test(test_utf8_must_be_well_formed_and_no_control),
		cmocka_unit_test(test_a_domain_is_at_most_255_octets),
		cmocka_unit_test(test_mailbox_takes_all_of_the_text),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_addresses_in_header_fields),
		cmocka_unit_test(test_xtext),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
