/* classify_test.c - what comes back, form by form, and what is made of it with the rules as they
 * are shipped. */
#include "mails.h"

#include <malloc.h>
#include <setjmp.h>

#include <cmocka.h>

#include "mail.h"

/* A line of the answer for each recipient: "recipient kind reason status code source". */
static const struct row {
	const char *mail, *says;
} mails[] = {
	{ "dsn-user", "jane@customer.example hard no_such_user 5.1.1 550 dsn" },
	{ "dsn-two", "jane@customer.example soft mailbox_full 5.2.2 552 dsn\n"
		     "joe@customer.example block reputation 5.7.1 554 dsn" },
	{ "dsn-delay", "jane@customer.example soft network 4.4.1 0 dsn" },
	{ "dsn-success", "jane@customer.example info delivered 2.0.0 0 dsn" },
	{ "dsn-dmarc", "jane@customer.example block auth_policy 5.7.26 550 dsn" },
	{ "dsn-no-diagnostic", "jane@customer.example hard no_such_user 5.5.0 550 dsn" },
	/* what the mail put there is not read: its address, the path of a link */
	{ "dsn-echo", "user.unknown@customer.example soft mailbox_full 4.2.2 452 dsn" },
	{ "dsn-global", "j\xc3\xa4"
			"ne@customer.example block content 5.6.7 550 dsn" },
	{ "qmail", "jane@customer.example hard no_such_user 5.1.1 550 notice\n"
		   "joe@other.example soft mailbox_full - 0 notice" },
	{ "exim", "jane@customer.example block spam 5.7.1 550 notice" },
	{ "exim-delay", "jane@customer.example soft expired - 0 notice" },
	{ "gmail", "jane@customer.example soft inactive 5.2.1 550 notice" },
	{ "exchange-2003", "jane@customer.example hard no_such_user - 0 notice" },
	{ "zoho", "jane@customer.example hard no_such_user 5.1.1 550 notice" },
	{ "domino", "jane@customer.example hard no_such_user - 0 notice" },
	{ "postfix-old", "jane@customer.example hard no_such_domain - 0 notice" },
	{ "sendmail-old", "jane@customer.example block reputation 5.7.1 554 notice" },
	{ "html", "jane@customer.example soft mailbox_full - 0 notice" },
	{ "opensmtpd", "jane@customer.example hard no_such_user - 550 notice" },
	{ "null-mx", "jane@customer.example hard no_such_domain - 0 notice" },
	{ "arf", "jane@customer.example info complaint - 0 arf" },
	{ "auto-reply", "jane@customer.example info auto_reply - 0 auto_reply" },
	{ "auto-reply-null", "jane@customer.example info auto_reply - 0 auto_reply" },
	/* whatever somebody's machine writes in his name */
	{ "auto-reply-fails", "jane@customer.example info auto_reply - 0 auto_reply" },
	{ "interscan", "jane@customer.example hard no_such_user 5.1.1 550 notice" },
	{ "zoho-status", "jane@customer.example soft network - 421 notice" },
	{ "james", "jane@customer.example soft mailbox_full 5.2.2 550 notice" },
	{ "receipt", "jane@customer.example info auto_reply - 0 auto_reply" },
	{ "person", "- unknown unknown - 0 none" },
	{ "newsletter", "- unknown unknown - 0 none" },
	{ "dmarc-report", "- unknown unknown - 0 none" },
	{ "empty", "- unknown unknown - 0 none" },
	{ "broken", "jane@customer.example hard no_such_user 5.1.1 550 notice" },
};

static struct testkit *kit;

static int begin(void **state)
{
	(void)state;
	kit = testkit_create(gw_module_v1);
	testkit_fragment(kit, SHIPPED);
	return testkit_start(kit);
}

static int end(void **state)
{
	(void)state;
	testkit_destroy(kit);
	return 0;
}

static struct gw_str member(const struct gw_json_value *row, const char *key)
{
	struct gw_str text = gw->json_value_string(gw->json_member(row, key));

	return text.len ? text : gw_str("-");
}

/* The answer, a line for each recipient. */
static void show(const char *answer, char *out, size_t size)
{
	struct gw_json_value *json = gw->json_read(gw_str(answer), NULL, 0);
	const struct gw_json_value *rows = gw->json_member(json, "rows"), *row;
	size_t i, len = 0;

	assert_non_null(json);
	out[0] = '\0';
	for (i = 0; (row = gw->json_item(rows, i)) != NULL; i++)
		len += (size_t)snprintf(
			out + len, size - len, "%s%.*s %.*s %.*s %.*s %d %.*s", i ? "\n" : "",
			GW_STR_ARGS(member(row, "recipient")), GW_STR_ARGS(member(row, "kind")),
			GW_STR_ARGS(member(row, "reason")), GW_STR_ARGS(member(row, "status")),
			(int)gw->json_value_number(gw->json_member(row, "code"), -1),
			GW_STR_ARGS(member(row, "source")));
	gw->json_free(json);
}

static char *read_mail(const char *name, size_t *len)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/mails/%s.eml", TEST_FOLDER, name);
	return mail_bytes(path, len);
}

static void each_form_is_understood(void **state)
{
	char shown[4096], *bytes;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof mails / sizeof *mails; i++) {
		bytes = read_mail(mails[i].mail, &len);
		show(mail_classify(kit, bytes, len), shown, sizeof shown);
		if (strcmp(shown, mails[i].says) != 0)
			print_error("%s:\n", mails[i].mail);
		assert_string_equal(shown, mails[i].says);
		free(bytes);
	}
}

/* Wherever a mail is cut, there is an answer. */
static void what_is_cut_off_is_answered(void **state)
{
	char *bytes;
	size_t i, len, cut;

	(void)state;
	for (i = 0; i < sizeof mails / sizeof *mails; i++) {
		bytes = read_mail(mails[i].mail, &len);
		for (cut = 0; cut < len; cut += 37)
			assert_string_not_equal(mail_classify(kit, bytes, cut), "");
		free(bytes);
	}
}

static void only_the_front_is_read(void **state)
{
	size_t len = 4 * 1048576, filled = 0;
	char *bytes = calloc(1, len), shown[256];

	(void)state;
	filled = (size_t)sprintf(
		bytes,
		"Return-Path: <>\r\nFrom: MAILER-DAEMON@mta.example\r\n"
		"Subject: Undelivered\r\n\r\n<jane@customer.example>: 550 5.1.1 user unknown\r\n");
	memset(bytes + filled, '@', len - filled);
	show(mail_classify(kit, bytes, len), shown, sizeof shown);
	assert_string_equal(shown, "jane@customer.example hard no_such_user 5.1.1 550 notice");
	free(bytes);
}

/* More recipients than are kept: the first of them are told. */
static void recipients_are_bounded(void **state)
{
	char *bytes = calloc(1, 65536);
	struct gw_json_value *json;
	size_t len, i;

	(void)state;
	len = (size_t)sprintf(bytes,
			      "From: MAILER-DAEMON@mta.example\r\nSubject: failure notice\r\n\r\n");
	for (i = 0; i < 500; i++)
		len += (size_t)sprintf(bytes + len,
				       "<u%zu@customer.example>:\r\nuser unknown\r\n\r\n", i);
	json = gw->json_read(gw_str(mail_classify(kit, bytes, len)), NULL, 0);
	assert_int_equal(gw->json_count(gw->json_member(json, "rows")), 50);
	gw->json_free(json);
	free(bytes);
}

/* --- a reply given in a session --- */

static void replies_are_judged_by_text_then_codes(void **state)
{
	static const struct {
		const char *words, *says;
	} replies[] = {
		{ "classify 550 5.1.1 no such user here", "- hard no_such_user 5.1.1 550 smtp" },
		{ "classify 550 5.7.1 is blacklisted", "- block reputation 5.7.1 550 smtp" },
		{ "classify 550 5.2.1 too many messages, rate limit",
		  "- soft rate 5.2.1 550 smtp" },
		{ "classify 552 5.2.2 nothing more", "- soft mailbox_full 5.2.2 552 smtp" },
		{ "classify 550 5.1.2 -", "- hard no_such_domain 5.1.2 550 smtp" },
		{ "classify 552 -", "- soft mailbox_full - 552 smtp" },
		{ "classify 550 5.0.0 -", "- soft unknown 5.0.0 550 smtp" },
		{ "classify 451 4.7.1 greylisted", "- soft greylist 4.7.1 451 smtp" },
	};
	char shown[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof replies / sizeof *replies; i++) {
		testkit_forget(kit);
		testkit_run_control(kit, replies[i].words, false);
		show(testkit_line(kit, TESTKIT_REPLY, 0), shown, sizeof shown);
		assert_string_equal(shown, replies[i].says);
	}
}

static void the_rule_is_told(void **state)
{
	(void)state;
	testkit_forget(kit);
	testkit_run_control(kit, "classify 550 5.1.1 User Unknown", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "text:user unknown"));
	testkit_forget(kit);
	testkit_run_control(kit, "classify 552 5.2.2 -", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "status:5.2.2"));
}

static void without_a_mail_it_is_asked_for(void **state)
{
	(void)state;
	testkit_forget(kit);
	testkit_run_control(kit, "classify", false);
	assert_string_equal(testkit_line(kit, TESTKIT_REPLY, 0), "{\"input\":262144}");
}

/* --- rules --- */

static void own_rules_come_first(void **state)
{
	struct testkit *own = testkit_create(gw_module_v1);

	(void)state;
	testkit_option(own, "rules[0].reason", "rate");
	testkit_option(own, "rules[0].codes", "5??");
	testkit_option(own, "rules[0].status", "5.1.1");
	assert_int_equal(testkit_start(own), 0);
	testkit_run_control(own, "classify 550 5.1.1 User Unknown", false);
	assert_true(testkit_has(own, TESTKIT_REPLY, "\"reason\":\"rate\""));
	testkit_destroy(own);
}

static void wrong_rules_are_told_with_their_place(void **state)
{
	static const struct {
		const char *key, *value, *told;
	} wrong[] = {
		{ "rules[0].codes", "55", "rules[0].codes: \"55\" in codes is no reply code" },
		{ "rules[0].status", "7.1.1",
		  "rules[0].status: \"7.1.1\" in status is no enhanced code" },
		{ "rules[0].reason", "nobody", "reason" },
		{ "rules[0].reason", "spam", "rules[0].reason: a row without codes" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct testkit *bad = testkit_create(gw_module_v1);
		testkit_option(bad, "rules[0].reason", "spam");
		testkit_option(bad, wrong[i].key, wrong[i].value);
		assert_int_equal(testkit_start(bad), -1);
		assert_true(testkit_has(bad, TESTKIT_PROBLEM, wrong[i].told));
		testkit_destroy(bad);
	}
}

/* Names of charsets that there are not, which GMime would remember for ever. */
static void what_a_mail_makes_up_is_not_remembered(void **state)
{
	size_t before = 0, grown;
	char text[400];
	unsigned i;

	(void)state;
	for (i = 0; i < 600; i++) {
		struct mail mail;

		if (i == 100)
			before = mallinfo2().uordblks;
		snprintf(text, sizeof text,
			 "Subject: =?c%06u?q?a?=\r\nFrom: =?d%06u?q?a?= <a@b.example>\r\n"
			 "Content-Type: text/plain; charset=e%06u; name*=f%06u''x\r\n\r\n"
			 "=?c1?q?a?=\r\n",
			 i, i, i, i);
		mail_read(&mail, gw_str(text));
		assert_string_equal(mail.notice->str, "=?c1?q?a?=\n");
		mail_finish(&mail);
	}
	grown = mallinfo2().uordblks - before;
	assert_true(grown < 60000 || grown > SIZE_MAX / 2); /* 2,000 names would be 140 KB */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_form_is_understood, begin, end),
		cmocka_unit_test_setup_teardown(what_is_cut_off_is_answered, begin, end),
		cmocka_unit_test_setup_teardown(only_the_front_is_read, begin, end),
		cmocka_unit_test_setup_teardown(recipients_are_bounded, begin, end),
		cmocka_unit_test_setup_teardown(replies_are_judged_by_text_then_codes, begin, end),
		cmocka_unit_test_setup_teardown(the_rule_is_told, begin, end),
		cmocka_unit_test_setup_teardown(without_a_mail_it_is_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(what_a_mail_makes_up_is_not_remembered, begin, end),
		cmocka_unit_test(own_rules_come_first),
		cmocka_unit_test(wrong_rules_are_told_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
