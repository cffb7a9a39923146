/* incoming_test.c - a bounce comes to a return path of ours: who gets in, what is remembered, and
 * who hears of it. */
#include "mails.h"
#include "waited.h"

#include <setjmp.h>

#include <cmocka.h>

#include <sqlite3.h>

#define MAIL                                                                                       \
	"From: Ann <ann@example.com>\r\nTo: jane@customer.example\r\nSubject: offer\r\n"           \
	"Message-ID: <m1@crm.example>\r\nX-CRM-ID: 4711\r\nReceived: from here\r\n\r\nhello\r\n"
#define FORGED                                                                                     \
	"From: mailer-daemon@elsewhere.example\r\nSubject: failure\r\nMIME-Version: 1.0\r\n"       \
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"          \
	"--b\r\nContent-Type: text/plain\r\n\r\nno\r\n"                                            \
	"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x.example\r\n"    \
	"\r\nFinal-Recipient: rfc822; n%d@elsewhere.example\r\nAction: failed\r\n"                 \
	"Status: 5.1.1\r\n\r\n--b--\r\n"
#define DAY 86400000LL

static struct testkit *kit;
static struct gw_relay *relay;
static char path[128];

/* A message leaves, and `path` is where its bounces come to. */
static int begin(void **state)
{
	struct gw_message *message;
	struct gw_delivery *delivery;

	(void)state;
	kit = testkit_create(gw_module_v1);
	relay = testkit_relay(kit, "out");
	testkit_relay_option(relay, "return_path", "own");
	testkit_option(kit, "domain", "b.example.com");
	testkit_fragment(kit, SHIPPED);
	assert_int_equal(testkit_start(kit), 0);
	message = testkit_message(kit, NULL, "crm+77@crm.example", MAIL);
	testkit_message_fact(message, GW_MESSAGE_ENVID, "env-1");
	testkit_message_fact(message, GW_MESSAGE_CLIENT, "crm-eu");
	testkit_rcpt(message, "jane@customer.example");
	delivery = testkit_delivery(message, relay);
	assert_int_equal(waited(kit, testkit_run_prepare(kit, delivery)), GW_CONTINUE);
	snprintf(path, sizeof path, "%s", gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH).ptr);
	testkit_forget(kit);
	return 0;
}

static struct gw_message *leaves(const char *first, const char *second)
{
	struct gw_message *message = testkit_message(kit, NULL, "crm+77@crm.example", MAIL);
	struct gw_delivery *delivery;

	testkit_message_fact(message, GW_MESSAGE_ENVID, "a+2Bb");
	testkit_rcpt(message, first);
	if (second)
		testkit_rcpt(message, second);
	delivery = testkit_delivery(message, relay);
	assert_int_equal(waited(kit, testkit_run_prepare(kit, delivery)), GW_CONTINUE);
	snprintf(path, sizeof path, "%s", gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH).ptr);
	return message;
}

static int end(void **state)
{
	(void)state;
	testkit_destroy(kit);
	return 0;
}

/* Its verdict at RCPT, or where that is ACCEPT what becomes of the mail. */
static enum gw_verdict comes(const char *to, const char *bytes, size_t len)
{
	struct gw_message *message = testkit_message(kit, NULL, "", "Subject: x\r\n\r\n");
	enum gw_verdict verdict;

	testkit_message_bytes(message, bytes, len);
	verdict = testkit_run_rcpt(kit, message, testkit_rcpt(message, to));
	return verdict == GW_ACCEPT ? waited(kit, testkit_run_message(kit, message)) : verdict;
}

static enum gw_verdict comes_file(const char *to, const char *name)
{
	char file[4096], *bytes;
	enum gw_verdict verdict;
	size_t len;

	snprintf(file, sizeof file, "%s/mails/%s.eml", TEST_FOLDER, name);
	bytes = mail_bytes(file, &len);
	verdict = comes(to, bytes, len);
	free(bytes);
	return verdict;
}

static void refused(const char *enhanced)
{
	assert_int_equal(testkit_answer(kit)->code, 550);
	assert_string_equal(testkit_answer(kit)->enhanced, enhanced);
}

/* --- who gets in --- */

static void only_a_valid_token_gets_in(void **state)
{
	char forged[128];

	(void)state;
	snprintf(forged, sizeof forged, "%s", path);
	forged[3] = forged[3] == 'a' ? 'b' : 'a';
	assert_int_equal(comes_file(forged, "dsn-user"), GW_REJECT);
	refused("5.1.1");
	assert_int_equal(comes_file("postmaster@b.example.com", "dsn-user"), GW_REJECT);
	refused("5.1.1");
	assert_int_equal(comes_file("jane@elsewhere.example", "dsn-user"), GW_CONTINUE);
	testkit_advance(kit, 15 * DAY);
	assert_int_equal(comes_file(path, "dsn-user"), GW_REJECT);
	refused("5.7.1");
	assert_int_equal(testkit_submissions(kit), 0);
}

static void a_bounce_has_one_recipient(void **state)
{
	struct gw_message *message = testkit_message(kit, NULL, "", "Subject: x\r\n\r\n");

	(void)state;
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "x@other.example")),
			 GW_CONTINUE);
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, path)), GW_TEMPFAIL);
	message = testkit_message(kit, NULL, "", "Subject: x\r\n\r\n");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, path)), GW_ACCEPT);
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "x@other.example")),
			 GW_TEMPFAIL);
	assert_int_equal(testkit_answer(kit)->code, 452);
}

static void what_is_no_bounce_is_refused(void **state)
{
	(void)state;
	assert_int_equal(comes_file(path, "newsletter"), GW_REJECT);
	refused("5.7.1");
	assert_int_equal(comes_file(path, "empty"), GW_REJECT);
	assert_int_equal(testkit_submissions(kit), 0);
}

/* --- what follows --- */

static bool report_has(const char *part)
{
	struct gw_str bytes = testkit_submission(kit, 0)->bytes;

	return memmem(bytes.ptr, bytes.len, part, strlen(part)) != NULL;
}

static void the_client_hears_of_it_at_its_own_return_path(void **state)
{
	const struct gw_submission *report;

	(void)state;
	assert_int_equal(comes_file(path, "dsn-user"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 1);
	report = testkit_submission(kit, 0);
	assert_int_equal(report->sender.len, 0);
	assert_int_equal(report->rcpts.count, 1);
	assert_string_equal(report->rcpts.items[0].ptr, "crm+77@crm.example");
	assert_true(report_has("Content-Type: multipart/report; report-type=delivery-status;"));
	assert_true(report_has("\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n"));
	assert_true(report_has("\r\nOriginal-Envelope-Id: env-1\r\n"));
	assert_true(report_has("\r\nFinal-Recipient: rfc822; jane@customer.example\r\n"));
	assert_true(report_has("\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
	assert_true(report_has("\r\nDiagnostic-Code: smtp; 550 5.1.1 "));
	assert_true(report_has("\r\nMessage-ID: <m1@crm.example>\r\n"));
	assert_true(report_has("\r\nX-CRM-ID: 4711\r\n"));
	assert_false(report_has("Received: from here"));
	assert_true(
		testkit_has(kit, TESTKIT_EVENT, "bounce jane@customer.example: hard no_such_user"));
}

static void each_form_is_reflected(void **state)
{
	static const char *const forms[] = { "qmail", "exim", "gmail" };
	size_t i;

	for (i = 0; i < 3; i++) {
		if (i)
			begin(state);
		assert_int_equal(comes_file(path, forms[i]), GW_DISCARD);
		assert_int_equal(testkit_submissions(kit), 1);
		assert_true(report_has(
			"\r\nFinal-Recipient: rfc822; jane@customer.example\r\nAction: failed\r\n"));
		if (i < 2)
			end(state);
	}
}

static void a_copy_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(comes_file(path, "dsn-user"), GW_DISCARD);
	testkit_forget(kit);
	assert_int_equal(comes_file(path, "dsn-user"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
}

static void on_store(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(testkit_file(kit, "bounce.db", NULL), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* One of two recipients cannot be kept: none is, and both are told when the mail comes again. */
static void what_cannot_be_kept_is_asked_for_again(void **state)
{
	(void)state;
	leaves("jane@customer.example", "joe@customer.example");
	on_store("CREATE TRIGGER full BEFORE INSERT ON bounce WHEN new.recipient LIKE 'joe@%' "
		 "BEGIN SELECT RAISE(ABORT,'full'); END");
	assert_int_equal(comes_file(path, "dsn-two"), GW_TEMPFAIL);
	assert_int_equal(testkit_answer(kit)->code, 451);
	assert_int_equal(testkit_submissions(kit), 0);
	on_store("DROP TRIGGER full");
	assert_int_equal(comes_file(path, "dsn-two"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_true(report_has("\r\nFinal-Recipient: rfc822; jane@customer.example\r\n"));
	assert_true(report_has("\r\nFinal-Recipient: rfc822; joe@customer.example\r\n"));
}

static void late_complaining_and_answering_is_told_to_nobody(void **state)
{
	static const char *const forms[] = { "dsn-delay", "dsn-success", "arf", "auto-reply" };
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(comes_file(path, forms[i]), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 0);
}

/* Mail that was passed on comes back with another address in its report. */
static void the_only_recipient_is_who_it_is_about(void **state)
{
	(void)state;
	leaves("jane@first.example", NULL);
	assert_int_equal(comes_file(path, "dsn-user"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_true(report_has("\r\nFinal-Recipient: rfc822; jane@first.example\r\n"));
	assert_true(report_has("\r\nOriginal-Envelope-Id: a+b\r\n"));
}

/* Whoever got the mail knows its return path, and may write what he likes. */
static void a_recipient_that_it_never_had_is_told_to_nobody(void **state)
{
	(void)state;
	leaves("joe@customer.example", "ann@customer.example");
	assert_int_equal(comes_file(path, "dsn-user"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 0);
	assert_int_equal(comes_file(path, "dsn-two"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_true(report_has("\r\nFinal-Recipient: rfc822; joe@customer.example\r\n"));
	assert_false(report_has("jane@customer.example\r\nAction"));
}

/* As the host does it: the path is of the first, who says at it that the other does not exist. */
static void a_recipient_says_nothing_of_another(void **state)
{
	struct gw_message *message = testkit_message(kit, NULL, "crm+77@crm.example", MAIL);
	struct gw_delivery *delivery;

	(void)state;
	testkit_rcpt(message, "joe@customer.example");
	testkit_rcpt(message, "jane@customer.example");
	delivery = testkit_delivery(message, relay);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	assert_int_equal(waited(kit, testkit_run_prepare(kit, delivery)), GW_CONTINUE);
	snprintf(path, sizeof path, "%s", gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH).ptr);
	testkit_forget(kit);
	assert_int_equal(comes_file(path, "dsn-user"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_true(report_has("\r\nFinal-Recipient: rfc822; joe@customer.example\r\n"));
	assert_false(report_has("Final-Recipient: rfc822; jane@customer.example"));
}

/* He may write as often as he likes too. */
static void what_others_write_has_a_bound(void **state)
{
	char bytes[1200];
	int i;

	(void)state;
	leaves("joe@customer.example", "ann@customer.example");
	for (i = 0; i < 150; i++) {
		snprintf(bytes, sizeof bytes, FORGED, i);
		assert_int_equal(comes(path, bytes, strlen(bytes)), GW_DISCARD);
	}
	testkit_forget(kit);
	testkit_run_control(kit, "list recipient=n101@elsewhere.example", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "n101@elsewhere.example"));
	testkit_forget(kit);
	testkit_run_control(kit, "list recipient=n102@elsewhere.example", false);
	assert_false(testkit_has(kit, TESTKIT_REPLY, "n102@elsewhere.example"));
	assert_int_equal(comes_file(path, "dsn-two"), GW_DISCARD);
	assert_true(testkit_submissions(kit) == 1);
}

static void bounces_are_listed_by_field(void **state)
{
	(void)state;
	leaves("jane@customer.example", "joe@customer.example");
	comes_file(path, "dsn-two");
	testkit_forget(kit);
	testkit_run_control(kit, "list", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"recipient\":\"joe@customer.example\""));
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"return_path\":\"crm+77@crm.example\""));
	testkit_forget(kit);
	testkit_run_control(kit, "list kind=soft relay=out", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"recipient\":\"jane@customer.example\""));
	assert_false(testkit_has(kit, TESTKIT_REPLY, "joe@"));
	testkit_run_control(kit, "list colour=red", false);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "is no field"));
	testkit_forget(kit);
	testkit_run_control(kit, "get 1", true);
	assert_true(
		testkit_has(kit, TESTKIT_REPLY, "Final-Recipient: rfc822; joe@customer.example"));
	testkit_run_control(kit, "get 99", false);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "there is no such bounce"));
}

static void all_is_there_after_a_restart(void **state)
{
	(void)state;
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(comes_file(path, "dsn-user"), GW_DISCARD);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_int_equal(testkit_restart(kit), 0);
	testkit_forget(kit);
	testkit_run_control(kit, "list", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"recipient\":\"jane@customer.example\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(only_a_valid_token_gets_in),
		TEST(a_bounce_has_one_recipient),
		TEST(what_is_no_bounce_is_refused),
		TEST(the_client_hears_of_it_at_its_own_return_path),
		TEST(each_form_is_reflected),
		TEST(a_copy_changes_nothing),
		TEST(what_cannot_be_kept_is_asked_for_again),
		TEST(late_complaining_and_answering_is_told_to_nobody),
		TEST(the_only_recipient_is_who_it_is_about),
		TEST(a_recipient_that_it_never_had_is_told_to_nobody),
		TEST(a_recipient_says_nothing_of_another),
		TEST(what_others_write_has_a_bound),
		TEST(bounces_are_listed_by_field),
		TEST(all_is_there_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
