#include "smtp/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void expect_str(struct gw_str got, const char *want)
{
	if (!gw_str_eq(got, gw_str(want)))
		fail_msg("got \"%.*s\", want \"%s\"", (int)got.len, got.ptr, want);
}

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		enum smtp_verb verb;
		const char *name, *args;
	} cases[] = {
		{ "EHLO a.example", SMTP_EHLO, "EHLO", "a.example" },
		{ "helo a", SMTP_HELO, "helo", "a" },
		{ "StartTLS", SMTP_STARTTLS, "StartTLS", "" },
		{ "AUTH PLAIN =", SMTP_AUTH, "AUTH", "PLAIN =" },
		{ "MAIL FROM:<a@b>  ", SMTP_MAIL, "MAIL", "FROM:<a@b>" },
		{ "RCPT  TO:<a@b>", SMTP_RCPT, "RCPT", "TO:<a@b>" },
		{ "DATA", SMTP_DATA, "DATA", "" },
		{ "DATA \t", SMTP_DATA, "DATA", "" },
		{ "BDAT\t5 LAST", SMTP_BDAT, "BDAT", "5 LAST" },
		{ "rset", SMTP_RSET, "rset", "" },
		{ "NOOP x y", SMTP_NOOP, "NOOP", "x y" },
		{ "VRFY a", SMTP_VRFY, "VRFY", "a" },
		{ "EXPN a", SMTP_EXPN, "EXPN", "a" },
		{ "HELP", SMTP_HELP, "HELP", "" },
		{ "QUIT", SMTP_QUIT, "QUIT", "" },
		{ "ETRN a", SMTP_ETRN, "ETRN", "a" },
		{ "", SMTP_UNKNOWN, "", "" },
		{ " QUIT", SMTP_UNKNOWN, "", "QUIT" },
		{ "QUITX", SMTP_UNKNOWN, "QUITX", "" },
		{ "QUI", SMTP_UNKNOWN, "QUI", "" },
		{ "MAILFROM:<a@b>", SMTP_UNKNOWN, "MAILFROM:<a@b>", "" },
		{ "POST / HTTP/1.1", SMTP_UNKNOWN, "POST", "/ HTTP/1.1" },
		{ "\xff\x01 x", SMTP_UNKNOWN, "\xff\x01", "x" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_command command;
		assert_true(smtp_command_parse(gw_str(cases[i].line), &command));
		assert_int_equal(command.verb, cases[i].verb);
		expect_str(command.name, cases[i].name);
		expect_str(command.args, cases[i].args);
	}
}

static void test_lines_that_are_none(void **state)
{
	static const struct gw_str cases[] = {
		GW_STR("QUIT\0"),       GW_STR("\0"),           GW_STR("MAIL FROM:<a\0@b>"),
		GW_STR("QUIT\r"),       GW_STR("QUIT\n"),       GW_STR("NOOP a\rQUIT"),
		GW_STR("NOOP a\nQUIT"), GW_STR("NOOP\r\nQUIT"),
	};
	struct smtp_command command;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_false(smtp_command_parse(cases[i], &command));
}

#define ALL 127u
#define T10 "aaaaaaaaaa"
#define T100 T10 T10 T10 T10 T10 T10 T10 T10 T10 T10

static void test_mail(void **state)
{
	static const struct {
		const char *args;
		unsigned offered;
		enum smtp_syntax syntax;
	} cases[] = {
		{ "FROM:<a@b>", 0, SMTP_OK },
		{ "from: \t<a@b>", 0, SMTP_OK },
		{ "FROM:<>", 0, SMTP_OK },
		{ "", ALL, SMTP_BAD_SYNTAX },
		{ "FROM", ALL, SMTP_BAD_SYNTAX },
		{ "FROM <a@b>", ALL, SMTP_BAD_SYNTAX },
		{ "TO:<a@b>", ALL, SMTP_BAD_SYNTAX },
		{ "<a@b>", ALL, SMTP_BAD_SYNTAX },
		{ "FROM:", ALL, SMTP_BAD_ADDRESS },
		{ "FROM:a@b", ALL, SMTP_BAD_ADDRESS },
		{ "FROM:<a@b", ALL, SMTP_BAD_ADDRESS },
		{ "FROM:<postmaster>", ALL, SMTP_BAD_ADDRESS },
		{ "FROM:<a@b>SIZE=1", ALL, SMTP_BAD_SYNTAX },
		{ "FROM:<a@b>>", ALL, SMTP_BAD_SYNTAX },
		{ "FROM:<a@b> X", ALL, SMTP_UNKNOWN_PARAMETER },
		{ "FROM:<a@b> X=1", ALL, SMTP_UNKNOWN_PARAMETER },
		{ "FROM:<a@b> =1", ALL, SMTP_UNKNOWN_PARAMETER },
		{ "FROM:<a@b> NOTIFY=NEVER", ALL, SMTP_UNKNOWN_PARAMETER },
		{ "FROM:<a@b> SIZE=1", 0, SMTP_UNKNOWN_PARAMETER },
		{ "FROM:<a@b> size=1", SMTP_HAS_SIZE, SMTP_OK },
		{ "FROM:<a@b> SIZE", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SIZE=", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SIZE=1x", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SIZE=-1", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SIZE=1=1", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SIZE=1 SIZE=1", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SIZE=9223372036854775807", ALL, SMTP_OK },
		{ "FROM:<a@b> SIZE=9223372036854775808", ALL, SMTP_TOO_BIG },
		{ "FROM:<a@b> SIZE=92233720368547758080", ALL, SMTP_TOO_BIG },
		{ "FROM:<a@b> SIZE=18446744073709551617", ALL, SMTP_TOO_BIG },
		{ "FROM:<a@b> SIZE=" T10, ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SIZE=99999999999999999999999999999999999999999999", ALL,
		  SMTP_TOO_BIG },
		{ "FROM:<a@b> BODY=7BIT", SMTP_HAS_8BITMIME, SMTP_OK },
		{ "FROM:<a@b> BODY=8bitmime", SMTP_HAS_8BITMIME, SMTP_OK },
		{ "FROM:<a@b> BODY=BINARYMIME", SMTP_HAS_8BITMIME, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> BODY=BINARYMIME", ALL, SMTP_OK },
		{ "FROM:<a@b> BODY", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> BODY=9BIT", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> BODY=7BIT", SMTP_HAS_SIZE, SMTP_UNKNOWN_PARAMETER },
		{ "FROM:<a@b> SMTPUTF8", ALL, SMTP_OK },
		{ "FROM:<a@b> SMTPUTF8=1", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> SMTPUTF8=", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<\xc3\xa4@b> SMTPUTF8", ALL, SMTP_OK },
		{ "FROM:<\xc3\xa4@b>", ALL, SMTP_BAD_ADDRESS },
		{ "FROM:<\xc3\xa4@b> SMTPUTF8", ALL & ~SMTP_HAS_SMTPUTF8, SMTP_BAD_ADDRESS },
		{ "FROM:<a@b> REQUIRETLS", ALL, SMTP_OK },
		{ "FROM:<a@b> REQUIRETLS=1", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> RET=FULL", ALL, SMTP_OK },
		{ "FROM:<a@b> RET=hdrs", ALL, SMTP_OK },
		{ "FROM:<a@b> RET=ALL", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> RET", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> ENVID=a+20b", ALL, SMTP_OK },
		{ "FROM:<a@b> ENVID=", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> ENVID=a+0Ab", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> ENVID=a+XX", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> ENVID=" T100, ALL, SMTP_OK },
		{ "FROM:<a@b> ENVID=" T100 "a", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> AUTH=<>", ALL, SMTP_OK },
		{ "FROM:<a@b> AUTH=a@b", ALL, SMTP_OK },
		{ "FROM:<a@b> AUTH=", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> AUTH", ALL, SMTP_BAD_PARAMETER },
		{ "FROM:<a@b> AUTH=" T100 T100 T100 T100 T100 "a", ALL, SMTP_BAD_PARAMETER },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_mail mail;
		enum smtp_syntax syntax = smtp_mail_parse(gw_str(cases[i].args), cases[i].offered,
							  &mail);
		if (syntax != cases[i].syntax)
			fail_msg("got %d, want %d: %s", syntax, cases[i].syntax, cases[i].args);
	}
}

static void test_mail_fills_in_what_was_said(void **state)
{
	struct smtp_mail mail;

	assert_int_equal(
		smtp_mail_parse(
			gw_str("FROM:<@r:a@b>  SIZE=0123 BODY=8BITMIME\tSMTPUTF8 RET=HDRS ENVID=e+2B AUTH=<> REQUIRETLS"),
			ALL, &mail),
		SMTP_OK);
	expect_str(mail.path.whole, "a@b");
	assert_int_equal(mail.size, 123);
	assert_int_equal(mail.body, SMTP_BODY_8BITMIME);
	assert_true(mail.smtputf8 && mail.requiretls);
	assert_int_equal(mail.ret, SMTP_RET_HDRS);
	expect_str(mail.envid, "e+2B");
	expect_str(mail.auth, "<>");

	assert_int_equal(smtp_mail_parse(gw_str("FROM:<>"), ALL, &mail), SMTP_OK);
	assert_int_equal(mail.path.whole.len, 0);
	assert_int_equal(mail.size, -1);
	assert_int_equal(mail.body, SMTP_BODY_7BIT);
	assert_false(mail.smtputf8 || mail.requiretls);
	assert_int_equal(mail.ret, SMTP_RET_NONE);
	expect_str(mail.envid, "");
}

static void test_rcpt(void **state)
{
	static const struct {
		const char *args;
		bool utf8;
		enum smtp_syntax syntax;
		unsigned notify;
		const char *orcpt;
	} cases[] = {
		{ "TO:<a@b>", false, SMTP_OK, 0, "" },
		{ "to: <Postmaster>", false, SMTP_OK, 0, "" },
		{ "TO:<>", false, SMTP_BAD_ADDRESS, 0, "" },
		{ "FROM:<a@b>", false, SMTP_BAD_SYNTAX, 0, "" },
		{ "TO:<\xc3\xa4@b>", true, SMTP_OK, 0, "" },
		{ "TO:<\xc3\xa4@b>", false, SMTP_BAD_ADDRESS, 0, "" },
		{ "TO:<a@b> NOTIFY=never", false, SMTP_OK, SMTP_NOTIFY_NEVER, "" },
		{ "TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY", false, SMTP_OK,
		  SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY, "" },
		{ "TO:<a@b> NOTIFY=FAILURE ORCPT=rfc822;a+2Bb@c", false, SMTP_OK,
		  SMTP_NOTIFY_FAILURE, "rfc822;a+2Bb@c" },
		{ "TO:<a@b> NOTIFY", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> NOTIFY=", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> NOTIFY=FAILURE,", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> NOTIFY=,FAILURE", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> NOTIFY=NEVER,DELAY", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> NOTIFY=ALWAYS", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY", false, SMTP_BAD_PARAMETER,
		  SMTP_NOTIFY_DELAY, "" },
		{ "TO:<a@b> ORCPT", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=a@b", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=rfc822;", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=;a@b", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=rfc822;a+0D+0Ab", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=rf/c;a@b", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=utf-8;\\x{E4}@b", false, SMTP_OK, 0, "utf-8;\\x{E4}@b" },
		{ "TO:<a@b> ORCPT=utf-8;\xc3\xa4@b", true, SMTP_OK, 0, "utf-8;\xc3\xa4@b" },
		{ "TO:<a@b> ORCPT=utf-8;\xc3\xa4@b", false, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> ORCPT=utf-8;\xc3@b", true, SMTP_BAD_PARAMETER, 0, "" },
		{ "TO:<a@b> SIZE=1", false, SMTP_UNKNOWN_PARAMETER, 0, "" },
	};
	struct smtp_rcpt rcpt;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum smtp_syntax syntax = smtp_rcpt_parse(gw_str(cases[i].args), ALL, cases[i].utf8,
							  &rcpt);
		if (syntax != cases[i].syntax || rcpt.notify != cases[i].notify)
			fail_msg("syntax %d, notify %u: %s", syntax, rcpt.notify, cases[i].args);
		expect_str(rcpt.orcpt, cases[i].orcpt);
	}
	assert_int_equal(smtp_rcpt_parse(gw_str("TO:<a@b> NOTIFY=NEVER"), 0, false, &rcpt),
			 SMTP_UNKNOWN_PARAMETER);
}

static void test_bdat(void **state)
{
	static const struct {
		const char *args;
		bool good;
		uint64_t size;
		bool last;
	} cases[] = {
		{ "0", true, 0, false },
		{ "86 LAST", true, 86, true },
		{ "86 \t last", true, 86, true },
		{ "18446744073709551615", true, UINT64_MAX, false },
		{ "18446744073709551616", false },
		{ "99999999999999999999999", false },
		{ "", false },
		{ "LAST", false },
		{ "-1", false },
		{ "+1", false },
		{ "1x", false },
		{ "1LAST", false },
		{ "1 LASTX", false },
		{ "1 LAST x", false },
		{ "0x10", false },
		{ " 1", false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t size;
		bool last, good = smtp_bdat_parse(gw_str(cases[i].args), &size, &last);
		if (good != cases[i].good)
			fail_msg("%s", cases[i].args);
		if (good)
			assert_true(size == cases[i].size && last == cases[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines), cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_mail),  cmocka_unit_test(test_mail_fills_in_what_was_said),
		cmocka_unit_test(test_rcpt),  cmocka_unit_test(test_bdat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
