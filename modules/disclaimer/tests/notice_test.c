/* notice_test.c - who gets which notice, what is in it, when it is left out, and what hostile mail
 * comes to. */
#include <gateway/testkit.h>

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "author.h"
#include "charset.h"
#include "mime.h"

#define WORDS "This mail is meant for those it is addressed to."
#define FROM "From: Ann Doe <ann@example.com>\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"

struct bench {
	struct testkit *kit;
	struct gw_relay *relay;
	struct gw_message *message;
	struct gw_delivery *delivery;
};

/* Options "key=value", the last is NULL. */
static struct bench begin(const char *const *options)
{
	struct bench bench = { .kit = testkit_create(gw_module_v1) };
	char key[100];

	bench.relay = testkit_relay(bench.kit, "out");
	for (; *options; options++) {
		size_t len = strcspn(*options, "=");

		snprintf(key, sizeof key, "%.*s", (int)len, *options);
		testkit_option(bench.kit, key, *options + len + 1);
	}
	return bench;
}

static struct bench started(const char *const *options)
{
	struct bench bench = begin(options);

	if (testkit_start(bench.kit) != 0)
		fail_msg("%s", testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
	return bench;
}

/* With one notice for all mail. */
static struct bench with_notice(const char *text)
{
	char option[400];
	const char *const options[] = { "notices[0].name=n", option, "rules[0].notice=n", NULL };

	snprintf(option, sizeof option, "notices[0].text=%s", text);
	return started(options);
}

static enum gw_verdict send(struct bench *bench, const char *bytes, size_t len, const char *to)
{
	testkit_forget(bench->kit);
	bench->message = testkit_message(bench->kit, NULL, "ann@example.com", "");
	testkit_message_bytes(bench->message, bytes, len);
	testkit_rcpt(bench->message, to);
	bench->delivery = testkit_delivery(bench->message, bench->relay);
	assert_int_equal(testkit_run_admit(bench->kit, bench->delivery, bench->relay), GW_CONTINUE);
	return testkit_run_prepare(bench->kit, bench->delivery);
}

static const char *sent(struct bench *bench, const char *mail)
{
	assert_int_equal(send(bench, mail, strlen(mail), "b@example.org"), GW_CONTINUE);
	return testkit_sent(bench->delivery).ptr;
}

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* --- rules --- */

static void the_first_rule_that_fits_counts(void **state)
{
	static const char *const options[] = {
		"notices[0].name=one",
		"notices[0].text=first " WORDS,
		"notices[1].name=two",
		"notices[1].text=second " WORDS,
		"own=example.com *.example.com",
		"rules[0].notice=none",
		"rules[0].direction=internal",
		"rules[1].notice=one",
		"rules[1].to=friend.example *.group.example vip@other.example",
		"rules[2].notice=two",
		"rules[2].from=Ann@EXAMPLE.com bücher.example",
		"rules[2].type=mass",
		"rules[3].notice=one",
		"rules[3].client=crm",
		"rules[3].relay=out",
		NULL
	};
	static const struct {
		const char *from, *to, *type, *client;
		const char *words; /* of the reason */
	} rows[] = {
		{ "x@example.com", "b@example.com", "mass", "crm", "no notice, by rule 1" },
		{ "x@example.com", "b@sub.Example.com", "mass", "crm", "no notice, by rule 1" },
		{ "x@example.com", "b@friend.example", "", "", "notice one (rule 2)" },
		{ "x@example.com", "b@sub.friend.example", "", "", "no rule fits" },
		{ "x@example.com", "b@a.b.group.example", "", "", "notice one (rule 2)" },
		{ "x@example.com", "b@group.example", "", "", "no rule fits" },
		{ "x@example.com", "VIP@other.example", "", "", "notice one (rule 2)" },
		{ "x@example.com", "b@other.example", "", "", "no rule fits" },
		{ "ann@example.com", "b@other.example", "mass", "", "notice two (rule 3)" },
		{ "ann@example.com", "b@other.example", "workflow", "", "no rule fits" },
		{ "x@xn--bcher-kva.example", "b@other.example", "mass", "", "notice two (rule 3)" },
		{ "x@example.com", "b@other.example", "", "crm", "notice one (rule 4)" },
		{ "", "b@other.example", "", "crm", "notice one (rule 4)" },
	};
	struct bench bench = started(options);
	char mail[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(mail, sizeof mail, "From: \"A, B\" <%s>\r\n\r\nhello\r\n", rows[i].from);
		testkit_forget(bench.kit);
		bench.message = testkit_message(bench.kit, NULL, "bounce@elsewhere.example", mail);
		testkit_message_fact(bench.message, GW_MESSAGE_TYPE, rows[i].type);
		testkit_message_fact(bench.message, GW_MESSAGE_CLIENT, rows[i].client);
		testkit_rcpt(bench.message, rows[i].to);
		bench.delivery = testkit_delivery(bench.message, bench.relay);
		assert_int_equal(testkit_run_prepare(bench.kit, bench.delivery), GW_CONTINUE);
		if (!testkit_has(bench.kit, TESTKIT_REASON, rows[i].words))
			fail_msg("%zu: %s", i, testkit_line(bench.kit, TESTKIT_REASON, 0));
	}
	testkit_destroy(bench.kit);
}

static void recipients_that_differ_have_deliveries_of_their_own(void **state)
{
	static const char *const options[] = { "notices[0].name=n", "notices[0].text=" WORDS,
					       "rules[0].notice=n", "rules[0].to_file=STATE/list",
					       NULL };
	struct bench bench = begin(options);
	struct gw_delivery *rest;

	(void)state;
	testkit_file(bench.kit, "list", "# customers\n\nb@a.example\r\n  customer.example # all\n");
	assert_int_equal(testkit_start(bench.kit), 0);
	bench.message = testkit_message(bench.kit, NULL, "ann@example.com", FROM "\r\nhello\r\n");
	testkit_rcpt(bench.message, "a@a.example");
	testkit_rcpt(bench.message, "b@a.example");
	testkit_rcpt(bench.message, "c@a.example");
	testkit_rcpt(bench.message, "d@customer.example");
	bench.delivery = testkit_delivery(bench.message, bench.relay);
	assert_int_equal(testkit_run_admit(bench.kit, bench.delivery, bench.relay), GW_CONTINUE);
	assert_int_equal(gw->delivery_number(bench.delivery, GW_DELIVERY_RCPTS), 2);
	rest = testkit_rest(bench.delivery);
	assert_int_equal(gw->delivery_number(rest, GW_DELIVERY_RCPTS), 2);
	assert_int_equal(testkit_run_admit(bench.kit, rest, bench.relay), GW_CONTINUE);
	assert_null(testkit_rest(rest));
	testkit_run_prepare(bench.kit, bench.delivery);
	testkit_run_prepare(bench.kit, rest);
	assert_string_equal(testkit_sent(bench.delivery).ptr, FROM "\r\nhello\r\n");
	assert_string_equal(testkit_sent(rest).ptr, FROM "\r\nhello\r\n\r\n" WORDS "\r\n");
	testkit_fail(bench.kit, "split_by", 1);
	bench.delivery = testkit_delivery(bench.message, bench.relay);
	assert_int_equal(testkit_run_admit(bench.kit, bench.delivery, bench.relay), GW_WAIT);
	testkit_destroy(bench.kit);
}

/* --- what a mail fills in --- */

static void a_mail_fills_in_its_values(void **state)
{
	static const char *const options[] = {
		"people=STATE/people.csv",
		"notices[0].name=n",
		"notices[0].text={{from.name}}, {{person.Title|staff}}\nTel {{person.phone}}\nFax {{person.fax}}\n"
		"About {{header.subject}} {{header.none}}, not {literally} for anybody else but you",
		"notices[0].html=<p title='{{from.name}}'>{{from.address}} {{person.title}}</p><p>not for anybody else but you</p>",
		"rules[0].notice=n",
		NULL
	};
	static const struct {
		const char *from, *text, *html;
	} rows[] = {
		{ "Ann <ann@example.com>",
		  "Ann, \"CEO\"; Europe\r\nTel +49 1\r\nAbout gr\xc3\xbc\xc3\x9f"
		  "e ,",
		  "<p title='Ann'>ann@example.com &quot;CEO&quot;; Europe</p>" },
		{ "=?utf-8?q?=3Cb=3E=27_x?= <BOB@example.com>", "<b>' x, staff\r\nFax 2\r\nAbout",
		  "<p title='&lt;b&gt;&#39; x'>BOB@example.com </p>" },
		{ "nobody@example.com", "nobody@example.com, staff\r\nAbout",
		  "<p title='nobody@example.com'>nobody@example.com </p>" },
		{ "\"{{person.phone}}\r\n x\" <c@example.com>",
		  "{{person.phone}} x, staff\r\nAbout", "<p title='{{person.phone}} x'>" },
	};
	struct bench bench = begin(options);
	char mail[400];
	size_t i;

	(void)state;
	testkit_file(
		bench.kit, "people.csv",
		"\xef\xbb\xbf"
		"Address;title;phone;fax\r\nann@Example.com;\"\"\"CEO\"\"; Europe\";+49 1;\r\nbob@example.com;;;2\r\n");
	if (testkit_start(bench.kit) != 0)
		fail_msg("%s", testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(
			mail, sizeof mail,
			"From: %s\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/html\r\n\r\n",
			rows[i].from);
		if (!has(sent(&bench, mail), rows[i].html))
			fail_msg("%zu: %s", i, testkit_sent(bench.delivery).ptr);
		snprintf(
			mail, sizeof mail,
			"From: %s\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nContent-Type: text/plain; charset=utf-8\r\n"
			"Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc\r\n",
			rows[i].from);
		bench.message = testkit_message(bench.kit, NULL, "a@example.com", mail);
		testkit_message_fact(bench.message, GW_MESSAGE_EIGHT_BIT, "1");
		testkit_rcpt(bench.message, "b@example.org");
		bench.delivery = testkit_delivery(bench.message, bench.relay);
		assert_int_equal(testkit_run_prepare(bench.kit, bench.delivery), GW_CONTINUE);
		if (!has(testkit_sent(bench.delivery).ptr, rows[i].text))
			fail_msg("%zu: %s", i, testkit_sent(bench.delivery).ptr);
	}
	testkit_destroy(bench.kit);
}

/* --- once --- */

static void a_mail_that_has_the_notice_gets_no_second_one(void **state)
{
	static const struct {
		const char *mail;
		bool added;
	} rows[] = {
		{ FROM "\r\nhello\r\n", true },
		{ FROM "\r\nhello\r\n\r\n" WORDS "\r\n", false },
		{ FROM
		  "\r\nyes!\r\n\r\n> hello\r\n>\r\n> This mail is meant for\r\n> > those it is\r\naddressed to.\r\n",
		  false },
		{ FROM
		  "Content-Type: text/html\r\n\r\n<blockquote>This <b>mail</b>\r\n is meant&nbsp;for those<br>it is addressed to.</blockquote>",
		  false },
		{ FROM "Content-Type: text/html\r\n\r\n<p>hi</p><!-- " WORDS " -->", true },
		{ FROM
		  "Content-Transfer-Encoding: quoted-printable\r\n\r\nThis mail is meant for =\r\nthose it is =61ddressed to.\r\n",
		  false },
		{ FROM
		  "Content-Transfer-Encoding: base64\r\n\r\nVGhpcyBtYWlsIGlzIG1lYW50IGZvciB0aG9zZSBpdCBpcyBhZGRyZXNzZWQgdG8u\r\n",
		  false },
		{ FROM
		  "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: text/html\r\n\r\n" WORDS
		  "\r\n--b--\r\n",
		  false },
		{ FROM
		  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\r\n" WORDS
		  "\r\n--b--\r\n",
		  true },
		{ FROM "\r\nThis mail is meant for those.\r\n", true },
	};
	struct bench bench = with_notice(WORDS);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *out = sent(&bench, rows[i].mail);
		bool added = strcmp(out, rows[i].mail) != 0;

		if (added != rows[i].added)
			fail_msg("%zu: %s\n%s", i, testkit_line(bench.kit, TESTKIT_REASON, 0), out);
		assert_true(added || testkit_has(bench.kit, TESTKIT_REASON, "already"));
	}
	testkit_destroy(bench.kit);
}

static void what_came_out_goes_through_as_it_is(void **state)
{
	static const char *const rows[] = {
		FROM "\r\nhello\r\n",
		FROM "Content-Type: text/html\r\n\r\n<html><body>x</body></html>\r\n",
		FROM
		"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n//5oAA0ACgA=\r\n",
		FROM
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nhello\r\n"
		"--b\r\nContent-Type: text/html\r\n\r\n<p>hello\r\n--b--\r\n",
	};
	struct bench bench = with_notice("Für Sie allein, und für niemanden sonst €");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *first = strdup(sent(&bench, rows[i]));

		assert_string_not_equal(first, rows[i]);
		assert_string_equal(sent(&bench, first), first);
		free(first);
	}
	testkit_destroy(bench.kit);
}

/* Mail programs write signs of Microsoft's into it that iconv does not know, kana of half a width
 * and JIS X 0212 too. */
static void japanese_beyond_its_charset_stays_japanese(void **state)
{
	static const char mail[] = FROM "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
					"\x1b$B-!\x1b(B \x1b(I1\x1b(B \x1b$(D0!\x1b(B\r\n";
	struct bench bench = with_notice("電子メールは機密です。宛先の方以外は削除してください。");
	char *first;

	(void)state;
	first = strdup(sent(&bench, mail));
	assert_memory_equal(first, mail, strlen(mail));
	assert_true(has(first, "\r\n\r\n\x1b$BEE;R%a!<%k"));
	assert_string_equal(sent(&bench, first), first);
	free(first);
	testkit_destroy(bench.kit);
	bench = with_notice("5 € für Sie allein, und für niemanden sonst");
	assert_true(has(sent(&bench, mail),
			"\r\n\r\n=E2=91=A0 =EF=BD=B1 =E4=B8=82\r\n\r\n5 =E2=82=AC f=C3=BCr"));
	testkit_destroy(bench.kit);
}

/* What no reader can be sure of is not written anew: the notice is put behind it as it can be. */
static void japanese_that_is_broken_keeps_its_octets(void **state)
{
	static const char mail[] = FROM "Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
					"\x1b$Bzz\x1b(B \x1b$(Pxx\x1b(B\r\n";
	struct bench bench = with_notice("5 € für Sie allein, und für niemanden sonst");
	const char *out;

	(void)state;
	out = sent(&bench, mail);
	assert_memory_equal(out, mail, strlen(mail));
	assert_true(has(out, "\r\n\r\n5 "));
	testkit_destroy(bench.kit);
}

static void a_mark_of_ones_own_and_always(void **state)
{
	static const char *const marked[] = { "notices[0].name=n", "notices[0].text=x " WORDS,
					      "notices[0].mark=only for those who read it",
					      "rules[0].notice=n", NULL };
	static const char *const always[] = { "notices[0].name=n", "notices[0].text=short",
					      "notices[0].once=false", "rules[0].notice=n", NULL };
	static const char read_it[] = FROM "\r\nOnly for those,\r\nwho READ it\r\n";
	struct bench bench = started(marked);

	(void)state;
	assert_string_equal(sent(&bench, read_it), read_it);
	assert_true(has(sent(&bench, FROM "\r\n" WORDS "\r\n"), WORDS "\r\n\r\nx " WORDS));
	testkit_destroy(bench.kit);
	bench = started(always);
	assert_true(has(sent(&bench, FROM "\r\nshort\r\n"), "short\r\n\r\nshort\r\n"));
	testkit_destroy(bench.kit);
}

/* "</styles>" ends no style: what follows is none that anybody sees, and the notice stands before.
 */
static void a_style_ends_where_a_browser_ends_it(void **state)
{
	struct bench bench = with_notice(WORDS);
	const char *mail;

	(void)state;
	mail = sent(&bench, FROM "Content-Type: text/html\r\n\r\nhi<style>p {}</styles> x");
	assert_true(has(mail, WORDS) && strstr(mail, WORDS) < strstr(mail, "<style>"));
	mail = sent(&bench, FROM "Content-Type: text/html\r\n\r\nhi<title>");
	assert_true(has(mail, WORDS) && strstr(mail, WORDS) < strstr(mail, "<title>"));
	mail = sent(&bench, FROM "Content-Type: text/html\r\n\r\n<style>p {}</style >hi");
	assert_true(has(mail, WORDS) && strstr(mail, WORDS) > strstr(mail, ">hi"));
	testkit_destroy(bench.kit);
}

/* --- options --- */

static void what_is_wrong_is_told_at_the_start(void **state)
{
	static const struct {
		const char *options[6];
		const char *problem;
	} rows[] = {
		{ { "notices[0].name=n", "rules[0].notice=n" }, "text: there is nothing in it" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS, "rules[0].notice=x" },
		  "rules[0].notice: there is no notice \"x\"" },
		{ { "notices[0].name=none", "notices[0].text=" WORDS, "rules[0].notice=none" },
		  "\"none\" is taken" },
		{ { "notices[0].name=n", "notices[0].text=short", "rules[0].notice=n" },
		  "no line of it is long enough" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS " {{nothing}}",
		    "rules[0].notice=n" },
		  "\"{{nothing}}\" is nothing that a mail fills in" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS " {{person.x}}",
		    "rules[0].notice=n" },
		  "is nothing that a mail fills in" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS " {{from.name",
		    "rules[0].notice=n" },
		  "\"{{from.name\" is nothing" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS, "notices[0].html=<html>x",
		    "rules[0].notice=n" },
		  "only what stands within <body>" },
		{ { "notices[0].name=n", "notices[0].text_file=STATE/none", "rules[0].notice=n" },
		  "No such file" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS, "rules[0].notice=n",
		    "rules[0].relay=nowhere" },
		  "there is no relay \"nowhere\"" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS, "rules[0].notice=n",
		    "rules[0].to=a@b@" },
		  "\"a@b@\" is no address and no domain" },
		{ { "notices[0].name=n", "notices[0].text=" WORDS, "rules[0].notice=n",
		    "people=STATE/none.csv" },
		  "people: " },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bench bench = begin(rows[i].options);

		assert_int_equal(testkit_start(bench.kit), -1);
		if (!testkit_has(bench.kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("%zu: %s", i, testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(bench.kit);
	}
}

/* One fault in a file of people is one, not one of each notice and rule behind it too. */
static void what_follows_from_a_fault_is_not_told(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	(void)state;
	testkit_option(kit, "people", "STATE/none.csv");
	testkit_option(kit, "notices[0].name", "n");
	testkit_option(kit, "notices[0].text", WORDS);
	testkit_option(kit, "rules[0].notice", "n");
	assert_int_equal(testkit_start(kit), -1);
	assert_int_equal(testkit_lines(kit, TESTKIT_PROBLEM), 1);
	testkit_destroy(kit);
}

static void what_is_wrong_in_a_file_is_told(void **state)
{
	static const struct {
		const char *option, *octets, *problem;
	} rows[] = {
		{ "people=STATE/f", "name;phone\na;1\n", "/f: its first line names no column" },
		{ "people=STATE/f", "", "/f: its first line names no column" },
		{ "people=STATE/f", "address,phone\na@x,\"1\n2\"\nb@x,1,2\n",
		  "/f:4: it has not 2 cells" },
		{ "people=STATE/f", "address\n\xff\n", "/f: it is no UTF-8" },
		{ "notices[0].html_file=STATE/f", "\xff", "/f: it is no UTF-8" },
		{ "notices[0].html_file=STATE/f", " \n", "/f: there is nothing in it" },
		{ "notices[0].text_file=STATE/f", "x", "text and text_file are two of one" },
		{ "rules[0].to_file=STATE/f", "# all\n", "/f: nobody is in it" },
		{ "rules[0].to_file=STATE/f", "a.example\na@b@ # no\n",
		  "/f:2: \"a@b@\" is no address and no domain" },
		{ "rules[0].from_file=STATE/none", "", "rules[0].from_file: Failed to open" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const options[] = { "notices[0].name=n", "notices[0].text=" WORDS,
						"rules[0].notice=n", rows[i].option, NULL };
		struct bench bench = begin(options);

		testkit_file(bench.kit, "f", rows[i].octets);
		assert_int_equal(testkit_start(bench.kit), -1);
		if (!testkit_has(bench.kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("%zu: %s", i, testkit_line(bench.kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(bench.kit);
	}
}

static void a_file_has_a_bound(void **state)
{
	static const char *const options[] = { "notices[0].name=n", "notices[0].text_file=STATE/f",
					       "rules[0].notice=n", NULL };
	struct bench bench = begin(options);
	char *octets = calloc(1, 256 * 1024 + 2);

	(void)state;
	memset(octets, 'x', 256 * 1024 + 1);
	testkit_file(bench.kit, "f", octets);
	assert_int_equal(testkit_start(bench.kit), -1);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "/f: it is larger than 256 KiB"));
	octets[256 * 1024] = '\0';
	testkit_file(bench.kit, "f", octets);
	assert_int_equal(testkit_start(bench.kit), 0);
	free(octets);
	testkit_destroy(bench.kit);
}

static void the_shipped_fragment_works_as_it_is(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	(void)state;
	testkit_relay(kit, "out");
	testkit_fragment(kit, TEST_FOLDER "/../../../conf.d/40-disclaimer.conf.off");
	if (testkit_start(kit) != 0)
		fail_msg("%s", testkit_line(kit, TESTKIT_PROBLEM, 0));
	testkit_destroy(kit);
}

static void unfit_and_signed_mail_goes_as_the_options_say(void **state)
{
	static const char pdf[] = FROM "Content-Type: application/pdf\r\n\r\nx\r\n";
	static const char signed_mail[] = "DKIM-Signature: v=1;\r\n d=x\r\nReceived: x\r\n" FROM
					  "\r\nhi\r\n";
	static const struct {
		const char *option, *mail;
		enum gw_verdict verdict;
		const char *out; /* begins so */
	} rows[] = {
		{ "unfit=pass", pdf, GW_CONTINUE, pdf },
		{ "unfit=wait", pdf, GW_WAIT, pdf },
		{ "unfit=reject", pdf, GW_REJECT, pdf },
		{ "unfit=reject", signed_mail, GW_CONTINUE,
		  "DKIM-Signature: v=1;\r\n d=x\r\nReceived: x\r\n" FROM "\r\nhi\r\n\r\n" WORDS },
		{ "signatures=strip", signed_mail, GW_CONTINUE,
		  "Received: x\r\n" FROM "\r\nhi\r\n\r\n" WORDS },
		{ "signatures=leave", signed_mail, GW_CONTINUE, signed_mail },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const options[] = { "notices[0].name=n", "notices[0].text=" WORDS,
						"rules[0].notice=n", rows[i].option, NULL };
		struct bench bench = started(options);

		assert_int_equal(send(&bench, rows[i].mail, strlen(rows[i].mail), "b@example.org"),
				 rows[i].verdict);
		if (strncmp(testkit_sent(bench.delivery).ptr, rows[i].out, strlen(rows[i].out)) !=
		    0)
			fail_msg("%zu: %s", i, testkit_sent(bench.delivery).ptr);
		assert_int_equal(testkit_answer(bench.kit)->code,
				 rows[i].verdict == GW_REJECT ? 550 : 0);
		testkit_destroy(bench.kit);
	}
}

/* --- signing --- */

static void others_are_told_which_mail_it_changes(void **state)
{
	static const char *const options[] = { "notices[0].name=n",
					       "notices[0].text=" WORDS,
					       "rules[0].notice=none",
					       "rules[0].from=internal.example",
					       "rules[1].notice=n",
					       "rules[1].from=ann@example.com *.example.net",
					       "rules[2].notice=n",
					       "rules[2].relay=second",
					       "rules[2].from=example.org",
					       "rules[3].notice=n",
					       NULL };
	static const struct {
		const char *domain, *relay;
	} rows[] = {
		{ "example.com", NULL },  { "*.example.net", NULL }, { "example.org", "second" },
		{ "crm.example", "out" }, { "", "second" },
	};
	struct bench bench = begin(options);
	size_t i;

	(void)state;
	testkit_relay(bench.kit, "second");
	testkit_relay_option(bench.relay, "domains", "crm.example *");
	assert_int_equal(testkit_start(bench.kit), 0);
	testkit_run_edits(bench.kit);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct gw_edit *edit = testkit_edited(bench.kit, i + (i > 3));

		assert_non_null(edit);
		assert_string_equal(edit->domain.ptr, rows[i].domain);
		assert_true(!edit->relay == !rows[i].relay);
		if (edit->relay)
			assert_string_equal(gw->relay_fact(edit->relay, GW_RELAY_NAME).ptr,
					    rows[i].relay);
	}
	assert_null(testkit_edited(bench.kit, i + 1));
	testkit_destroy(bench.kit);
}

static void nobody_is_told_where_that_is_not_wanted(void **state)
{
	static const char *const options[] = { "notices[0].name=n", "notices[0].text=" WORDS,
					       "rules[0].notice=n", "rules[0].from=example.com",
					       "unsigned=pass",     NULL };
	struct bench bench = started(options);

	(void)state;
	testkit_run_edits(bench.kit);
	assert_null(testkit_edited(bench.kit, 0));
	testkit_destroy(bench.kit);
}

static void mail_that_nobody_signed_after_it_is_told_of(void **state)
{
	struct bench bench = with_notice(WORDS);

	(void)state;
	sent(&bench, "DKIM-Signature: v=1; d=x\r\n" FROM "\r\nhi\r\n");
	assert_int_equal(testkit_run_sealed(bench.kit, bench.delivery), GW_CONTINUE);
	assert_true(testkit_has(bench.kit, TESTKIT_REASON, "nobody signed the mail"));
	assert_int_equal(testkit_metric(bench.kit, "unsigned"), 1);
	sent(&bench, FROM "\r\n" WORDS "\r\n");
	assert_int_equal(testkit_run_sealed(bench.kit, bench.delivery), GW_CONTINUE);
	assert_false(testkit_has(bench.kit, TESTKIT_REASON, "nobody signed the mail"));
	testkit_destroy(bench.kit);
}

/* --- hostile mail --- */

struct text {
	char *ptr;
	size_t len, room;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *format, ...)
{
	va_list args;

	if (text->room - text->len < 4096)
		text->ptr = realloc(text->ptr, text->room = text->room * 2 + 8192);
	va_start(args, format);
	text->len += (size_t)vsnprintf(text->ptr + text->len, 4096, format, args);
	va_end(args);
}

static void nested(struct text *text)
{
	unsigned i;

	add(text, FROM "Content-Type: multipart/mixed; boundary=b0\r\n\r\n");
	for (i = 0; i < 10000; i++)
		add(text, "--b%u\r\nContent-Type: multipart/mixed; boundary=b%u\r\n\r\n", i, i + 1);
	add(text, "\r\nhello\r\n");
}

static void nested_mails(struct text *text)
{
	unsigned i;

	add(text,
	    FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n");
	for (i = 0; i < 10000; i++)
		add(text, "Content-Type: message/rfc822\r\n\r\n");
}

static void many_parts(struct text *text)
{
	unsigned i;

	add(text, FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (i = 0; i < 100000; i++)
		add(text, "--b\r\n\r\nhello\r\n");
}

static void long_header(struct text *text)
{
	unsigned i;

	add(text, FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n");
	for (i = 0; i < 100000; i++)
		add(text, "X-%u: %0100d\r\n", i, 0);
	add(text, "\r\nhello\r\n--b--\r\n");
}

static void long_line_of_a_header(struct text *text)
{
	add(text,
	    FROM
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-A: %01100d\r\n\r\nhello\r\n--b--\r\n",
	    0);
}

static void long_header_of_the_mail(struct text *text)
{
	unsigned i;

	add(text, FROM);
	for (i = 0; i < 1000; i++)
		add(text, "Content-X-%u: %04000d\r\n", i, 0);
	add(text, "\r\nhello\r\n");
}

static void long_boundary(struct text *text)
{
	add(text,
	    FROM
	    "Content-Type: multipart/mixed; boundary=\"%01200d\"\r\n\r\n--%01200d\r\n\r\nhello\r\n",
	    0, 0);
}

static void dashes(struct text *text)
{
	unsigned i;

	add(text, FROM "Content-Type: multipart/mixed; boundary=\"-\"\r\n\r\n");
	for (i = 0; i < 200000; i++)
		add(text, "---- -\r\n");
}

static void line_without_end(struct text *text)
{
	unsigned i;

	add(text, FROM "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n");
	for (i = 0; i < 2000; i++)
		add(text, "%01000d", 0);
	add(text, "\r\n--b--");
}

static void open_tags(struct text *text)
{
	unsigned i;

	add(text, FROM "Content-Type: text/html\r\n\r\n");
	for (i = 0; i < 100000; i++)
		add(text, "<!--<style><a b=\"");
}

static void raw_tags(struct text *text)
{
	unsigned i;

	add(text, FROM "Content-Type: text/html\r\n\r\n");
	for (i = 0; i < 100000; i++)
		add(text, "<style></style ><title></titl");
}

static void large_text(struct text *text)
{
	unsigned i;

	add(text, FROM "\r\n");
	for (i = 0; i < 17000; i++)
		add(text, "%01000d\r\n", 0);
}

static void hostile_mail_ends_within_bounds(void **state)
{
	static const struct {
		void (*make)(struct text *text);
		enum gw_verdict verdict;
		const char *reason;
	} rows[] = {
		{ nested, GW_FAILED, "too deep" },
		{ nested_mails, GW_CONTINUE, "added at the bottom of text/plain" },
		{ many_parts, GW_FAILED, "too many parts" },
		{ long_header, GW_FAILED, "header of a part is too large" },
		{ long_line_of_a_header, GW_FAILED, "header of a part is too large" },
		{ long_header_of_the_mail, GW_CONTINUE, "added at the bottom of text/plain" },
		{ long_boundary, GW_CONTINUE, "no part of the mail is text" },
		{ dashes, GW_CONTINUE, "no part of the mail is text" },
		{ line_without_end, GW_CONTINUE, "added at the bottom of text/plain" },
		{ open_tags, GW_CONTINUE, "added at the bottom of text/html" },
		{ raw_tags, GW_CONTINUE, "added at the bottom of text/html" },
		{ large_text, GW_CONTINUE, "is too large" },
	};
	struct bench bench = with_notice(WORDS);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct text text = { 0 };

		rows[i].make(&text);
		assert_int_equal(send(&bench, text.ptr, text.len, "b@example.org"),
				 rows[i].verdict);
		if (!testkit_has(bench.kit, TESTKIT_REASON, rows[i].reason))
			fail_msg("%zu: %s", i, testkit_line(bench.kit, TESTKIT_REASON, 0));
		free(text.ptr);
	}
	testkit_destroy(bench.kit);
}

static void what_cannot_be_read_or_edited_fails(void **state)
{
	static const char *const services[] = { "delivery_read", "body_splice" };
	static const char mail[] = FROM "\r\nhello\r\n";
	struct bench bench = with_notice(WORDS);
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		testkit_fail(bench.kit, services[i], 1);
		assert_int_equal(send(&bench, mail, strlen(mail), "b@example.org"), GW_FAILED);
		assert_true(testkit_failed(bench.kit));
	}
	assert_true(has(sent(&bench, mail), WORDS));
	testkit_destroy(bench.kit);
}

/* --- preview --- */

static void preview_asks_for_the_mail_and_shows_the_result(void **state)
{
	struct bench bench = with_notice(WORDS);
	struct gw_str words[] = { GW_STR("preview"), GW_STR("--to"), GW_STR("b@example.org") };
	struct gw_command command = { .size = sizeof command, .words = { words, 3 } };

	(void)state;
	testkit_run_control_command(bench.kit, &command);
	assert_true(has(testkit_line(bench.kit, TESTKIT_REPLY, 0), "\"input\""));
	command.input = gw_str(FROM "\r\nhello\r\n");
	testkit_run_control_command(bench.kit, &command);
	assert_true(has(testkit_line(bench.kit, TESTKIT_REPLY, 1),
			"rule 1: notice n at the bottom of text/plain"));
	if (!has(testkit_line(bench.kit, TESTKIT_REPLY, 1),
		 "hello\\u000d\\n\\u000d\\n" WORDS "\\u000d\\n\""))
		fail_msg("%s", testkit_line(bench.kit, TESTKIT_REPLY, 1));
	testkit_run_control(bench.kit, "preview --from x", false);
	assert_true(testkit_has(bench.kit, TESTKIT_PROBLEM, "say preview --eml FILE"));
	testkit_destroy(bench.kit);
}

/* Names of charsets that there are not, which GMime would remember for ever. */
static void make_up(unsigned number)
{
	struct mime mime = { .parts = g_new0(struct mime_part, 1), .count = 1 };
	struct author author;
	char text[200];

	snprintf(text, sizeof text, "=?c%06u?q?a?= <ann@example.com>", number);
	author_read(&author, gw_str(text));
	assert_string_equal(author.address, "ann@example.com");
	author_finish(&author);
	mime_part_init(mime.parts, -1);
	snprintf(text, sizeof text,
		 "text/plain; charset=d%06u; name*=e%06u''a; x=\"=?f%06u?q?a?=\"", number, number,
		 number);
	mime_take_field(mime.parts, gw_str("Content-Type"), gw_str(text), 0, 0);
	snprintf(text, sizeof text, "attachment; filename*0*=g%06u''a", number);
	mime_take_field(mime.parts, gw_str("Content-Disposition"), gw_str(text), 0, 0);
	assert_true(mime.parts->attached);
	assert_int_equal(mime.parts->charset[0], 'd');
	assert_null(charset_name(mime.parts->charset));
	mime_finish(&mime);
}

static void what_a_mail_makes_up_is_not_remembered(void **state)
{
	struct bench bench = with_notice(WORDS);
	size_t before = 0, grown;
	unsigned i;

	(void)state;
	for (i = 0; i < 600; i++) {
		if (i == 100)
			before = mallinfo2().uordblks;
		make_up(i);
	}
	grown = mallinfo2().uordblks - before;
	assert_true(grown < 60000 || grown > SIZE_MAX / 2); /* 2,000 names would be 140 KB */
	assert_string_equal(charset_name("windows-cp1252"), "CP1252");
	testkit_destroy(bench.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_that_fits_counts),
		cmocka_unit_test(recipients_that_differ_have_deliveries_of_their_own),
		cmocka_unit_test(a_mail_fills_in_its_values),
		cmocka_unit_test(a_mail_that_has_the_notice_gets_no_second_one),
		cmocka_unit_test(what_came_out_goes_through_as_it_is),
		cmocka_unit_test(japanese_beyond_its_charset_stays_japanese),
		cmocka_unit_test(japanese_that_is_broken_keeps_its_octets),
		cmocka_unit_test(a_mark_of_ones_own_and_always),
		cmocka_unit_test(a_style_ends_where_a_browser_ends_it),
		cmocka_unit_test(what_is_wrong_is_told_at_the_start),
		cmocka_unit_test(what_follows_from_a_fault_is_not_told),
		cmocka_unit_test(what_is_wrong_in_a_file_is_told),
		cmocka_unit_test(a_file_has_a_bound),
		cmocka_unit_test(the_shipped_fragment_works_as_it_is),
		cmocka_unit_test(unfit_and_signed_mail_goes_as_the_options_say),
		cmocka_unit_test(others_are_told_which_mail_it_changes),
		cmocka_unit_test(nobody_is_told_where_that_is_not_wanted),
		cmocka_unit_test(mail_that_nobody_signed_after_it_is_told_of),
		cmocka_unit_test(hostile_mail_ends_within_bounds),
		cmocka_unit_test(what_a_mail_makes_up_is_not_remembered),
		cmocka_unit_test(what_cannot_be_read_or_edited_fails),
		cmocka_unit_test(preview_asks_for_the_mail_and_shows_the_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
