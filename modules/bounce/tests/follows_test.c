/* follows_test.c - what follows from a bounce: no more mail goes there, and the client hears of it,
 * whatever comes between. */
#include "mails.h"

#include <poll.h>
#include <setjmp.h>

#include <cmocka.h>

#include "suppression.h"
#include "waited.h"

#define DAY 86400000LL
#define JANE "jane@customer.example"

static struct testkit *kit;
static struct gw_relay *relay;
static char path[128];

static int open_with(const char *key, const char *value)
{
	kit = testkit_create(gw_module_v1);
	relay = testkit_relay(kit, "out");
	testkit_relay_option(relay, "return_path", "own");
	testkit_fragment(kit, SHIPPED);
	testkit_option(kit, "domain", "b.example.com");
	if (key)
		testkit_option(kit, key, value);
	return testkit_start(kit);
}

static int end(void **state)
{
	(void)state;
	testkit_destroy(kit);
	return 0;
}

static struct gw_message *message_of(const char *client, const char *type)
{
	struct gw_message *message = testkit_message(
		kit, NULL, "crm+77@crm.example", "From: Ann <ann@example.com>\r\n\r\nhello\r\n");

	testkit_message_fact(message, GW_MESSAGE_CLIENT, client);
	testkit_message_fact(message, GW_MESSAGE_TYPE, type);
	return message;
}

/* --- suppression --- */

/* The session's answer to it was this. */
static void fails(const char *client, const char *type, const char *to, int code, const char *text)
{
	struct gw_message *message = message_of(client, type);
	struct gw_outcome outcome = {
		.size = sizeof outcome, .status = GW_BOUNCED, .code = code, .text = gw_str(text)
	};
	struct gw_result result = { .size = sizeof result,
				    .rcpt = testkit_rcpt(message, to),
				    .outcome = &outcome,
				    .relay = GW_STR("out"),
				    .stage = GW_STR("rcpt") };

	assert_int_equal(waited(kit, testkit_run_bounce(kit, message, &result)), GW_CONTINUE);
}

static enum gw_verdict admitted(const char *client, const char *type, const char *to)
{
	struct gw_message *message = message_of(client, type);

	testkit_rcpt(message, to);
	return testkit_run_admit(kit, testkit_delivery(message, relay), relay);
}

static void only_hard_ones_of_mass_mail_suppress(void **state)
{
	static const struct {
		const char *client, *type, *to, *text;
		enum gw_verdict then;
	} rows[] = {
		{ "crm", "mass", "a@x.example", "550 5.1.1 user unknown", GW_REJECT },
		{ "crm", "workflow", "b@x.example", "550 5.1.1 user unknown", GW_CONTINUE },
		{ "crm", "mass", "c@x.example", "552 5.2.2 mailbox full", GW_CONTINUE },
		{ "crm", "mass", "d@x.example", "550 5.7.1 blocked using zen.spamhaus.org",
		  GW_CONTINUE },
		{ "crm", "mass", "e@x.example", "550 5.7.1 policy", GW_CONTINUE },
		{ "crm", "mass", "f@x.example", "550 5.2.1 mailbox disabled", GW_CONTINUE },
		{ "crm", "mass", "g@x.example", "550 5.1.2 no such domain", GW_REJECT },
	};
	size_t i;

	(void)state;
	open_with(NULL, NULL);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		fails(rows[i].client, rows[i].type, rows[i].to, atoi(rows[i].text),
		      rows[i].text + 4);
		if (admitted(rows[i].client, rows[i].type, rows[i].to) != rows[i].then)
			fail_msg("%s", rows[i].text);
	}
	assert_int_equal(admitted("crm", "workflow", "a@x.example"), GW_CONTINUE);
	assert_int_equal(admitted("other", "mass", "a@x.example"), GW_CONTINUE);
	assert_int_equal(admitted("crm", "mass", "A@X.Example"), GW_REJECT);
	assert_int_equal(testkit_answer(kit)->code, 550);
	assert_string_equal(testkit_answer(kit)->enhanced, "5.1.1");
	assert_true(testkit_has(kit, TESTKIT_REASON, "A@X.Example is suppressed: no_such_user"));
	assert_int_equal(testkit_metric(kit, "suppressed"), 3);
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(admitted("crm", "mass", "a@x.example"), GW_REJECT);
	testkit_run_control(kit, "list recipient=a@x.example", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"suppressed\":true"));
}

static void which_types_learn_is_configured_by_client(void **state)
{
	(void)state;
	open_with("suppress", "crm/* other/workflow");
	fails("crm", "mass", "a@x.example", 550, "5.1.1 user unknown");
	fails("crm", "individual", "a@x.example", 550, "5.1.1 user unknown");
	fails("other", "mass", "a@x.example", 550, "5.1.1 user unknown");
	fails("other", "workflow", "a@x.example", 550, "5.1.1 user unknown");
	assert_int_equal(admitted("crm", "mass", "a@x.example"), GW_REJECT);
	assert_int_equal(admitted("crm", "individual", "a@x.example"), GW_REJECT);
	assert_int_equal(admitted("other", "mass", "a@x.example"), GW_CONTINUE);
	assert_int_equal(admitted("other", "workflow", "a@x.example"), GW_REJECT);
}

static void it_ends_when_its_time_is_over(void **state)
{
	(void)state;
	open_with("suppress_for", "30d");
	fails("crm", "mass", "a@x.example", 550, "5.1.1 user unknown");
	testkit_advance(kit, 29 * DAY);
	assert_int_equal(admitted("crm", "mass", "a@x.example"), GW_REJECT);
	testkit_advance(kit, 2 * DAY);
	assert_int_equal(admitted("crm", "mass", "a@x.example"), GW_CONTINUE);
	fails("crm", "mass", "a@x.example", 550, "5.1.1 user unknown");
	assert_int_equal(admitted("crm", "mass", "a@x.example"), GW_REJECT);
}

static void an_admin_takes_it_back(void **state)
{
	(void)state;
	open_with(NULL, NULL);
	fails("crm", "mass", "a@x.example", 550, "5.1.1 user unknown");
	testkit_run_control(kit, "suppression rm a@x.example", true);
	assert_int_equal(admitted("crm", "mass", "a@x.example"), GW_CONTINUE);
	testkit_run_control(kit, "suppression add b@x.example", true);
	assert_int_equal(admitted("crm", "workflow", "b@x.example"), GW_REJECT);
}

/* Of several recipients those that are suppressed go a way of their own. */
static void others_of_the_message_get_it(void **state)
{
	struct gw_message *message;
	struct gw_delivery *delivery;

	(void)state;
	open_with(NULL, NULL);
	fails("crm", "mass", "a@x.example", 550, "5.1.1 user unknown");
	message = message_of("crm", "mass");
	testkit_rcpt(message, "b@x.example");
	testkit_rcpt(message, "a@x.example");
	testkit_rcpt(message, "c@x.example");
	delivery = testkit_delivery(message, relay);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	assert_int_equal(testkit_answer(kit)->split, 1);
	delivery = testkit_rest(delivery);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_REJECT);
	assert_int_equal(testkit_answer(kit)->split, 1);
	delivery = testkit_rest(delivery);
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	assert_int_equal(testkit_answer(kit)->split, 0);
}

static void what_is_not_sent_is_an_event_of_its_own(void **state)
{
	struct gw_message *message;
	struct gw_outcome outcome = { .size = sizeof outcome, .status = GW_BOUNCED, .code = 550 };
	struct gw_result result = { .size = sizeof result,
				    .outcome = &outcome,
				    .stage = GW_STR("module") };

	(void)state;
	open_with(NULL, NULL);
	fails("crm", "mass", "a@x.example", 550, "5.1.1 user unknown");
	admitted("crm", "mass", "a@x.example");
	outcome.text = gw_str(testkit_answer(kit)->text);
	message = message_of("crm", "mass");
	result.rcpt = testkit_rcpt(message, "a@x.example");
	testkit_forget(kit);
	assert_int_equal(waited(kit, testkit_run_bounce(kit, message, &result)), GW_CONTINUE);
	assert_true(testkit_has(kit, TESTKIT_REASON, "info suppressed, by suppression"));
	testkit_run_control(kit, "list event=suppressed", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"reason\":\"suppressed\""));
}

static void it_may_be_refused_at_rcpt(void **state)
{
	struct gw_message *message;

	(void)state;
	open_with("suppressed", "refuse");
	fails("crm", "mass", "a@x.example", 550, "5.1.1 user unknown");
	message = message_of("crm", "mass");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@x.example")),
			 GW_CONTINUE);
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "a@x.example")),
			 GW_REJECT);
	assert_int_equal(testkit_answer(kit)->code, 550);
	assert_string_equal(testkit_answer(kit)->enhanced, "5.1.1");
	assert_non_null(strstr(testkit_answer(kit)->text, "suppression list"));
	message = testkit_message(kit, NULL, "", "Subject: a report\r\n\r\n");
	testkit_message_fact(message, GW_MESSAGE_CLIENT, "crm");
	testkit_message_fact(message, GW_MESSAGE_TYPE, "mass");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "a@x.example")),
			 GW_CONTINUE);
}

static void a_wrong_entry_is_told(void **state)
{
	(void)state;
	assert_int_equal(open_with("suppress", "mass crm/"), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "\"crm/\" is neither TYPE nor CLIENT/TYPE"));
}

/* --- what comes back, and the client's report --- */

static void leaves_to_both(const char *type, const char *other)
{
	struct gw_message *message = message_of("crm", type);
	struct gw_delivery *delivery;

	testkit_rcpt_fact(testkit_rcpt(message, JANE), GW_RCPT_ORCPT,
			  "rfc822;Jane+2BDoe@first.example");
	if (other)
		testkit_rcpt(message, other);
	delivery = testkit_delivery(message, relay);
	assert_int_equal(waited(kit, testkit_run_prepare(kit, delivery)), GW_CONTINUE);
	snprintf(path, sizeof path, "%s", gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH).ptr);
}

static void leaves(const char *type)
{
	leaves_to_both(type, NULL);
}

static void comes_back(const char *name)
{
	struct gw_message *message = testkit_message(kit, NULL, "", "Subject: x\r\n\r\n");
	char file[4096], *bytes;
	size_t len;

	snprintf(file, sizeof file, "%s/mails/%s.eml", TEST_FOLDER, name);
	bytes = mail_bytes(file, &len);
	testkit_message_bytes(message, bytes, len);
	free(bytes);
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, path)), GW_ACCEPT);
	assert_int_equal(waited(kit, testkit_run_message(kit, message)), GW_DISCARD);
}

static void late_ones_are_learned_from_too(void **state)
{
	(void)state;
	open_with(NULL, NULL);
	leaves("mass");
	comes_back("qmail");
	assert_int_equal(admitted("crm", "mass", JANE), GW_REJECT);
	testkit_run_control(kit, "suppression list", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"by\":\"bounce\",\"bounce\":1"));
}

/* Joe got the mail too, and writes a report about Jane. */
static void of_several_recipients_none_stops_mail_to_another(void **state)
{
	(void)state;
	open_with(NULL, NULL);
	leaves_to_both("mass", "joe@customer.example");
	comes_back("dsn-user");
	assert_int_equal(testkit_submissions(kit), 1);
	testkit_run_control(kit, "list recipient=" JANE, false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"reason\":\"no_such_user\""));
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"suppressed\":false"));
	assert_int_equal(admitted("crm", "mass", JANE), GW_CONTINUE);
}

static void late_blocks_and_complaints_are_not(void **state)
{
	static const char *const mails[] = { "dsn-dmarc", "arf", "auto-reply", "dsn-delay" };
	size_t i;

	(void)state;
	open_with(NULL, NULL);
	for (i = 0; i < 4; i++) {
		leaves("mass");
		comes_back(mails[i]);
	}
	assert_int_equal(admitted("crm", "mass", JANE), GW_CONTINUE);
}

/* His machine answered before his mailbox was gone. */
static void an_automatic_reply_hides_no_bounce(void **state)
{
	(void)state;
	open_with(NULL, NULL);
	leaves("mass");
	comes_back("auto-reply");
	comes_back("dsn-user");
	assert_int_equal(testkit_submissions(kit), 1);
	assert_int_equal(admitted("crm", "mass", JANE), GW_REJECT);
}

static bool report_has(size_t nth, const char *part)
{
	struct gw_str bytes = testkit_submission(kit, nth)->bytes;

	return memmem(bytes.ptr, bytes.len, part, strlen(part)) != NULL;
}

static void the_report_names_whom_the_client_named(void **state)
{
	(void)state;
	open_with(NULL, NULL);
	leaves("mass");
	comes_back("dsn-user");
	assert_true(report_has(
		0, "\r\nOriginal-Recipient: rfc822;Jane+2BDoe@first.example\r\n"
		   "Final-Recipient: rfc822; jane@customer.example\r\nAction: failed\r\n"));
}

/* The queue says that it has the report. */
static void is_on_disk(size_t nth)
{
	struct gw_message *message = testkit_message(kit, NULL, "", "");
	struct gw_event event = { .size = sizeof event,
				  .name = GW_STR("accepted"),
				  .message = message };
	struct gw_str bytes = testkit_submission(kit, nth)->bytes;

	testkit_message_bytes(message, bytes.ptr, bytes.len);
	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	testkit_run_event(kit, &event);
}

/* Ticks until there are so many, or for as long as that might take. */
static size_t submissions_after(int64_t ms, size_t wanted)
{
	int tries;

	testkit_advance(kit, ms);
	for (tries = 0; tries < 500 && testkit_submissions(kit) < wanted; tries++) {
		testkit_run_tick(kit);
		poll(NULL, 0, 10);
	}
	return testkit_submissions(kit);
}

/* Killed before the queue had it: it is written again at once, the same to the octet. */
static void a_report_that_was_lost_is_found_again(void **state)
{
	struct gw_str first;

	(void)state;
	open_with(NULL, NULL);
	leaves("mass");
	comes_back("dsn-user");
	testkit_advance(kit, 1);
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(submissions_after(0, 2), 2);
	first = testkit_submission(kit, 0)->bytes;
	assert_int_equal(first.len, testkit_submission(kit, 1)->bytes.len);
	assert_memory_equal(first.ptr, testkit_submission(kit, 1)->bytes.ptr, first.len);
	assert_string_equal(testkit_submission(kit, 1)->rcpts.items[0].ptr, "crm+77@crm.example");
	is_on_disk(1);
	assert_int_equal(testkit_restart(kit), 0);
	leaves("mass");
	comes_back("dsn-user"); /* one that is owed shows that the other was looked for */
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(submissions_after(61000, 4), 4);
}

static void one_that_the_queue_has_is_not_sent_again(void **state)
{
	(void)state;
	open_with(NULL, NULL);
	leaves("mass");
	comes_back("dsn-user");
	is_on_disk(0);
	assert_int_equal(testkit_restart(kit), 0);
	leaves("mass");
	comes_back("dsn-user");
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(submissions_after(61000, 3), 3);
}

static void a_report_that_is_not_taken_is_owed(void **state)
{
	(void)state;
	open_with(NULL, NULL);
	leaves("mass");
	testkit_fail(kit, "submit", 1);
	comes_back("dsn-user");
	assert_int_equal(testkit_submissions(kit), 0);
	assert_int_equal(submissions_after(61000, 1), 1);
}

/* --- a mailbox of the company, piped into `bounce take` --- */

static const char *take(const char *name)
{
	struct gw_str word = GW_STR("take");
	struct gw_command command = { .size = sizeof command,
				      .words = { &word, 1 },
				      .admin = true };
	char file[4096], *bytes;
	size_t len;

	snprintf(file, sizeof file, "%s/mails/%s.eml", TEST_FOLDER, name);
	bytes = mail_bytes(file, &len);
	command.input = gw_str_n(bytes, len);
	testkit_forget(kit);
	testkit_run_control_command(kit, &command);
	free(bytes);
	return testkit_line(kit, TESTKIT_REPLY, 0);
}

/* The Message-ID that dsn-user returns. */
static void leaves_with(const char *return_path, const char *reflects, const char *to)
{
	struct gw_message *message;

	kit = testkit_create(gw_module_v1);
	relay = testkit_relay(kit, "out");
	testkit_relay_option(relay, "return_path", return_path);
	testkit_relay_option(relay, "return_path_reflect", reflects);
	testkit_relay_option(relay, "domains", "example.com");
	testkit_fragment(kit, SHIPPED);
	assert_int_equal(testkit_start(kit), 0);
	message = testkit_message(
		kit, NULL, "crm+77@crm.example",
		"From: Ann <ann@example.com>\r\nMessage-ID: <m1@sender.example>\r\n\r\nhello\r\n");
	testkit_message_fact(message, GW_MESSAGE_CLIENT, "crm");
	testkit_message_fact(message, GW_MESSAGE_TYPE, "mass");
	testkit_rcpt(message, to);
	assert_int_equal(waited(kit, testkit_run_prepare(kit, testkit_delivery(message, relay))),
			 GW_CONTINUE);
}

static void a_mailbox_brings_bounces_to_the_client_too(void **state)
{
	(void)state;
	leaves_with("bounces@example.com", "true", JANE);
	assert_non_null(strstr(take("dsn-user"), "\"outcome\":\"remembered\""));
	assert_non_null(strstr(take("dsn-user"), "\"outcome\":\"a copy\""));
	assert_non_null(strstr(take("person"), "\"outcome\":\"no bounce\""));
	assert_int_equal(admitted("crm", "mass", JANE), GW_REJECT);
	assert_int_equal(submissions_after(61000, 1), 1);
	assert_true(report_has(0, "\r\nFinal-Recipient: rfc822; jane@customer.example\r\n"));
	assert_string_equal(testkit_submission(kit, 0)->rcpts.items[0].ptr, "crm+77@crm.example");
}

static void only_of_what_is_remembered(void **state)
{
	(void)state;
	leaves_with("from", "false", JANE);
	assert_non_null(strstr(take("dsn-user"), "of no message that is remembered"));
	testkit_run_control(kit, "list", false);
	assert_true(testkit_has(kit, TESTKIT_REPLY, "\"items\":[]"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		TEST(only_hard_ones_of_mass_mail_suppress),
		TEST(which_types_learn_is_configured_by_client),
		TEST(it_ends_when_its_time_is_over),
		TEST(an_admin_takes_it_back),
		TEST(others_of_the_message_get_it),
		TEST(what_is_not_sent_is_an_event_of_its_own),
		TEST(it_may_be_refused_at_rcpt),
		TEST(a_wrong_entry_is_told),
		TEST(late_ones_are_learned_from_too),
		TEST(of_several_recipients_none_stops_mail_to_another),
		TEST(late_blocks_and_complaints_are_not),
		TEST(an_automatic_reply_hides_no_bounce),
		TEST(the_report_names_whom_the_client_named),
		TEST(a_report_that_was_lost_is_found_again),
		TEST(one_that_the_queue_has_is_not_sent_again),
		TEST(a_report_that_is_not_taken_is_owed),
		TEST(a_mailbox_brings_bounces_to_the_client_too),
		TEST(only_of_what_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
