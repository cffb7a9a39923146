/* suspend_test.c - three failures in a day, and the relay is left alone until the next one. */
#include "office.h"

/* --- when --- */

static void three_failures_suspend_until_the_relays_next_day(void **state)
{
	begin();
	refused();
	refused();
	assert_false(suspended());
	refused();
	assert_true(suspended());
	assert_int_equal(testkit_closed(relay)->until, MIDNIGHT + 23 * HOUR);
	assert_string_equal(
		testkit_closed(relay)->why.ptr,
		"suspended until 00:00 Europe/Berlin: 3 failures today, the last: connect, "
		"smtp.example.net [192.0.2.1]:25: Connection refused");
	assert_told(TESTKIT_LOG,
		    "warning relay main is suspended until 00:00 Europe/Berlin: 3 failures today");
	assert_told(TESTKIT_EVENT, "relay-suspended suspended until 00:00 Europe/Berlin");
	assert_told(
		TESTKIT_EVENT,
		"{\"until\":1767308400000,\"failures\":[{\"time\":1767225660000,\"class\":\"connection\",\"stage\":\"connect\","
		"\"code\":0,\"host\":\"smtp.example.net [192.0.2.1]:25\",\"text\":\"Connection refused\"},{");
	assert_int_equal(testkit_metric(kit, "failures"), 3);
	assert_int_equal(testkit_metric(kit, "suspensions"), 1);
}

static void what_was_under_way_is_one_incident(void **state)
{
	int64_t began;
	int i;

	begin();
	began = now;
	pass(1000);
	for (i = 0; i < 20; i++)
		result_since(began + i, GW_DEFERRED, "data", GW_FAULT_RELAY, 0, "connection lost");
	assert_false(suspended());
	assert_int_equal(testkit_metric(kit, "failures"), 1);
	refused();
	refused();
	assert_true(suspended());
	refused(); /* it was under way: nothing more is made of it */
	assert_int_equal(testkit_metric(kit, "failures"), 3);
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 1);
}

/* A restart of the next hop, a probe, a dozen connections: whoever meets it within that time. */
static void incidents_are_some_minutes_apart(void **state)
{
	int i;

	testkit_relay_option(relay, "failures_apart", "10m");
	begin();
	for (i = 0; i < 9; i++)
		refused();
	assert_int_equal(testkit_metric(kit, "failures"), 1);
	pass(MINUTE);
	for (i = 0; i < 10; i++)
		refused();
	assert_int_equal(testkit_metric(kit, "failures"), 2);
	assert_false(suspended());
	refused();
	assert_true(suspended());
}

static void one_message_is_evidence_once(void **state)
{
	int i;

	testkit_message_fact(message, GW_MESSAGE_ID, "77");
	begin();
	for (i = 0; i < 5; i++)
		attempt(GW_DEFERRED, "mail", GW_FAULT_MESSAGE, 451, "4.3.0 trouble");
	assert_int_equal(testkit_metric(kit, "failures"), 1);
}

static void a_next_hop_that_delivers_and_wants_no_more_connections_is_not_down(void **state)
{
	testkit_relay_option(relay, "failures", "1");
	begin();
	delivered();
	attempt(GW_DEFERRED, "greeting", GW_FAULT_RELAY, 421, "enough of you");
	assert_int_equal(testkit_pace(relay), 4);
	assert_false(suspended());
	pass(5 * MINUTE);
	attempt(GW_DEFERRED, "greeting", GW_FAULT_RELAY, 421, "enough of you");
	assert_true(suspended());
}

static enum gw_fault refuse(const char *id, const char *words)
{
	testkit_forget(kit);
	testkit_message_fact(message, GW_MESSAGE_ID, id);
	attempt(GW_BOUNCED, "dot", GW_FAULT_MESSAGE, 554, words);
	return testkit_fault(kit);
}

/* One message is refused as often as it likes; several alike, and none taken: it is our account. */
static void the_same_refusal_of_several_messages_is_the_accounts(void **state)
{
	begin();
	assert_int_equal(refuse("1", "5.0.0 no service 17"), GW_FAULT_MESSAGE);
	assert_int_equal(refuse("1", "5.0.0 no service 18"), GW_FAULT_MESSAGE);
	assert_int_equal(refuse("2", "5.0.0 no service 19"), GW_FAULT_MESSAGE);
	delivered();
	assert_int_equal(refuse("3", "5.0.0 no service 20"), GW_FAULT_MESSAGE);
	assert_int_equal(refuse("4", "5.0.0 no service 21"), GW_FAULT_MESSAGE);
	assert_int_equal(refuse("5", "5.0.0 something else"), GW_FAULT_MESSAGE);
	assert_int_equal(refuse("6", "5.0.0 no service 22"), GW_FAULT_MESSAGE);
	assert_int_equal(refuse("7", "5.0.0 no service 23"), GW_FAULT_MESSAGE);
	assert_int_equal(refuse("8", "5.0.0 no service 24"), GW_FAULT_ACCOUNT);
	assert_told(TESTKIT_LOG, "warning relay main refuses one message after the other alike");
	assert_int_equal(refuse("9", "5.0.0 no service 25"), GW_FAULT_ACCOUNT);
	assert_false(suspended());
	assert_int_equal(testkit_metric(kit, "failures"), 0);
}

static void a_clock_that_is_set_back_hides_no_failure(void **state)
{
	begin();
	refused();
	now -= DAY;
	testkit_set_time(kit, now);
	refused();
	refused();
	assert_true(suspended());
}

static void a_recipient_or_a_message_is_no_failure(void **state)
{
	int i;

	begin();
	for (i = 0; i < 10; i++) {
		attempt(GW_BOUNCED, "rcpt", GW_FAULT_RECIPIENT, 550, "5.1.1 User unknown");
		assert_int_equal(testkit_fault(kit), GW_FAULT_RECIPIENT);
		attempt(GW_BOUNCED, "dot", GW_FAULT_MESSAGE, 554, "5.7.1 Message contains a virus");
		assert_int_equal(testkit_fault(kit), GW_FAULT_MESSAGE);
	}
	assert_false(suspended());
	assert_int_equal(testkit_metric(kit, "failures"), 0);
	testkit_run_tick(kit);
	assert_int_equal(testkit_restart(kit), 0);
	testkit_forget(kit);
	testkit_run_relay_status(kit, relay);
	assert_told(TESTKIT_STATUS, "failures: 0 of 3 today");
	assert_told(TESTKIT_STATUS, "5.7.1 Message contains a virus (message)");
}

/* f a failure, s a success, d the next day; upper case: and then it is suspended. */
static void modes_and_times_decide_what_is_counted(void **state)
{
	static const struct {
		const char *key, *value, *key2, *value2, *course;
		int64_t pause;
	} rows[] = {
		{ "failures", "3", "failures_mode", "total", "fsfsF", 0 },
		{ "failures", "3", "failures_mode", "consecutive", "fsfsfsffF", 0 },
		{ "failures", "1", "failures_mode", "total", "F", 0 },
		{ "failures", "0", "failures_mode", "total", "ffffffff", 0 },
		{ "failures", "3", "failures_within", "day", "ffdffF", 0 },
		{ "failures", "3", "failures_within", "1h", "ffF", 20 * MINUTE },
		{ "failures", "3", "failures_within", "1h", "ffffff", 40 * MINUTE },
		{ "failures", "3", "failures_within", "2d", "ffdF", 0 },
	};
	const char *step;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		close_office(state);
		open_office(state);
		testkit_relay_option(relay, rows[i].key, rows[i].value);
		testkit_relay_option(relay, rows[i].key2, rows[i].value2);
		begin();
		for (step = rows[i].course; *step; step++) {
			pass(rows[i].pause);
			if (*step == 's')
				delivered();
			else if (*step == 'd')
				pass(DAY);
			else
				refused();
			if (suspended() != (*step == 'F'))
				fail_msg("row %zu, step %td", i, step - rows[i].course);
		}
	}
}

static void it_may_be_suspended_for_a_time(void **state)
{
	testkit_relay_option(relay, "failures", "1");
	testkit_relay_option(relay, "suspend", "90m");
	begin();
	refused();
	assert_int_equal(testkit_closed(relay)->until, now + 90 * MINUTE);
	assert_told(TESTKIT_EVENT, "suspended until 2026-01-01 01:31:00 UTC: 1 failure today");
	pass(90 * MINUTE);
	testkit_run_tick(kit);
	assert_told(TESTKIT_EVENT, "relay-back");
}

static void it_may_be_tried_again_after_longer_and_longer(void **state)
{
	int64_t pause = 5 * MINUTE;
	int i;

	testkit_relay_option(relay, "suspend", "backoff");
	begin();
	refused();
	refused();
	refused();
	for (i = 0; i < 12; i++) {
		assert_true(suspended());
		assert_int_equal(testkit_closed(relay)->until, now + pause);
		testkit_run_tick(kit);
		pass(pause);
		testkit_run_tick(kit);
		assert_false(suspended());
		assert_int_equal(testkit_pace(relay), 1);
		assert_int_equal(testkit_restart(kit), 0);
		assert_int_equal(testkit_pace(relay), 1);
		refused();
		pause = pause * 2 < DAY ? pause * 2 : DAY;
	}
	assert_int_equal(testkit_submissions(kit), 1);
	pass(DAY);
	testkit_run_tick(kit);
	testkit_run_relay_status(kit, relay);
	assert_told(TESTKIT_STATUS, "state: on trial: one connection");
	delivered();
	assert_int_equal(testkit_pace(relay), 0);
	refused();
	refused();
	assert_false(suspended());
	refused();
	assert_int_equal(testkit_closed(relay)->until, now + 5 * MINUTE);
}

static void many_hosts_under_one_name_are_never_suspended(void **state)
{
	int i;

	testkit_relay_fact(relay, GW_RELAY_HOST, "mx");
	begin();
	for (i = 0; i < 5; i++)
		refused();
	assert_false(suspended());
	assert_int_equal(testkit_fault(kit), GW_FAULT_RELAY);
	assert_int_equal(testkit_metric(kit, "failures"), 0);
}

static void a_blocked_account_is_suspended_at_once(void **state)
{
	testkit_option(kit, "replies[0].class", "account_blocked");
	testkit_option(kit, "replies[0].codes", "554");
	testkit_option(kit, "replies[0].status", "5.1.8");
	testkit_option(kit, "replies[0].fault", "account");
	testkit_option(kit, "replies[0].counts", "true");
	testkit_option(kit, "replies[0].action", "suspend");
	testkit_option(kit, "replies[0].hint", "ask the provider");
	begin();
	attempt(GW_BOUNCED, "mail", GW_FAULT_MESSAGE, 554, "5.1.8 Email Outgoing Blocked");
	assert_int_equal(testkit_fault(kit), GW_FAULT_ACCOUNT);
	assert_true(suspended());
	assert_told(TESTKIT_EVENT,
		    "until 00:00 Europe/Berlin: account_blocked, the last: mail, smtp.example.net");
	testkit_run_tick(kit);
	assert_non_null(
		strstr(testkit_submission(kit, 0)->bytes.ptr, "      -> ask the provider\r\n"));
}

static void a_providers_limit_closes_until_the_next_day_and_is_no_failure(void **state)
{
	testkit_option(kit, "replies[0].class", "quota_day");
	testkit_option(kit, "replies[0].codes", "550");
	testkit_option(kit, "replies[0].status", "5.4.5");
	testkit_option(kit, "replies[0].fault", "account");
	testkit_option(kit, "replies[0].action", "limit");
	begin();
	attempt(GW_BOUNCED, "mail", GW_FAULT_MESSAGE, 550,
		"5.4.5 Daily user sending limit exceeded");
	assert_int_equal(testkit_fault(kit), GW_FAULT_ACCOUNT);
	assert_int_equal(testkit_closed(relay)->cause, GW_CAUSE_LIMIT);
	assert_int_equal(testkit_closed(relay)->until, MIDNIGHT + 23 * HOUR);
	assert_told(
		TESTKIT_EVENT,
		"relay-limit closed until 00:00 Europe/Berlin: it takes no more today: 5.4.5 Daily user sending limit exceeded");
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 0);
	assert_int_equal(testkit_metric(kit, "failures"), 0);
}

/* --- while it lasts --- */

/* The gateway passes a closed relay over; who comes all the same was sent by an admin. */
static void a_suspended_relay_is_closed_and_what_an_admin_sends_there_may_go(void **state)
{
	testkit_relay_option(relay, "failures", "1");
	begin();
	assert_null(testkit_closed(relay));
	refused();
	assert_int_equal(testkit_closed(relay)->cause, GW_CAUSE_FAILURE);
	assert_int_equal(testkit_closed(relay)->until, MIDNIGHT + 23 * HOUR);
	assert_non_null(strstr(testkit_closed(relay)->why.ptr,
			       "suspended until 00:00 Europe/Berlin: 1 failure today"));
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
}

static void gatewayctl_shows_it(void **state)
{
	testkit_relay_option(relay, "failures", "2");
	begin();
	delivered();
	refused();
	testkit_run_relay_status(kit, relay);
	assert_string_equal(testkit_line(kit, TESTKIT_STATUS, 0), "state: up");
	assert_string_equal(testkit_line(kit, TESTKIT_STATUS, 1), "failures: 1 of 2 today");
	assert_string_equal(
		testkit_line(kit, TESTKIT_STATUS, 2),
		"last error: 2026-01-01 00:02:00 UTC, at connect, smtp.example.net [192.0.2.1]:25: "
		"Connection refused (connection)");
	assert_string_equal(testkit_line(kit, TESTKIT_STATUS, 3),
			    "last success: 2026-01-01 00:01:00 UTC");
	testkit_run_status(kit);
	/* nothing to say of a relay that works */
	assert_int_equal(testkit_lines(kit, TESTKIT_STATUS), 4);
	refused();
	testkit_forget(kit);
	testkit_run_relay_status(kit, relay);
	testkit_run_status(kit);
	assert_told(
		TESTKIT_STATUS,
		"state: suspended until 00:00 Europe/Berlin because of 2 failures today, the last: connect");
	assert_told(TESTKIT_STATUS, "failures: 2 of 2 today");
	assert_told(TESTKIT_STATUS, "main: suspended until 00:00 Europe/Berlin");
	pass(DAY);
	testkit_forget(kit);
	testkit_run_relay_status(kit, relay);
	assert_told(TESTKIT_STATUS, "state: up");
	assert_told(TESTKIT_STATUS, "failures: 0 of 2 today");
}

/* --- the end of it --- */

static void the_next_day_it_is_back_and_counts_begin_anew(void **state)
{
	begin();
	refused();
	refused();
	refused();
	testkit_forget(kit);
	pass(DAY);
	testkit_run_tick(kit);
	assert_told(TESTKIT_EVENT, "relay-back its time is over");
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	refused();
	refused();
	assert_false(suspended());
	refused();
	assert_true(suspended());
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 2); /* a new suspension, a new warning */
}

static void an_admin_resumes_it(void **state)
{
	begin();
	refused();
	refused();
	refused();
	resume();
	assert_null(testkit_closed(relay));
	assert_told(TESTKIT_EVENT, "relay-back an admin resumed it");
	assert_int_equal(testkit_run_admit(kit, delivery, relay), GW_CONTINUE);
	refused();
	refused();
	assert_false(suspended());
}

static void a_resumed_relay_that_was_not_suspended_forgets_its_failures(void **state)
{
	begin();
	refused();
	refused();
	resume();
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 0);
	refused();
	refused();
	assert_false(suspended());
}

/* --- restarts and reloads --- */

static void a_restart_forgets_nothing(void **state)
{
	begin();
	refused();
	refused();
	assert_int_equal(testkit_restart(kit), 0);
	refused();
	assert_true(suspended());
	testkit_run_tick(kit);
	assert_int_equal(testkit_restart(kit), 0);
	assert_true(suspended());
	assert_int_equal(testkit_closed(relay)->until, MIDNIGHT + 23 * HOUR);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 1);
	testkit_run_relay_status(kit, relay);
	assert_told(TESTKIT_STATUS, "failures: 3 of 3 today");
	assert_told(TESTKIT_STATUS, "last error: 2026-01-01 00:03:00 UTC, at connect");
}

static void a_suspension_that_ended_meanwhile_is_over(void **state)
{
	begin();
	refused();
	refused();
	refused();
	testkit_run_tick(kit);
	testkit_stop(kit);
	pass(DAY);
	begin();
	assert_null(testkit_closed(relay));
	testkit_run_tick(kit);
	assert_told(TESTKIT_EVENT, "relay-back");
	assert_int_equal(testkit_submissions(kit), 1);
}

static void a_record_that_makes_no_sense_is_no_suspension(void **state)
{
	static const char *const records[] = { "",
					       "1",
					       "closed",
					       "closed x\nfailure 12\nfailure 1 2 only\n",
					       "failure 1 0 a\tb\n\n\n",
					       "2 7\nother" };
	size_t i;

	for (i = 0; i < sizeof records / sizeof *records; i++) {
		testkit_set_record(kit, "relay/main", records[i]);
		begin();
		assert_null(testkit_closed(relay));
		testkit_stop(kit);
	}
}

static void a_relay_that_is_gone_is_forgotten(void **state)
{
	testkit_set_record(kit, "relay/old", "1 0\nclosed 1 9000000000000 1 long ago\n");
	testkit_set_record(kit, "relay/older", "1 0\n");
	begin();
	refused();
	testkit_run_tick(kit);
	assert_null(testkit_record(kit, "relay/old"));
	assert_null(testkit_record(kit, "relay/older"));
	assert_non_null(testkit_record(kit, "relay/main"));
}

/* A second instance is there before the first one goes. */
static void a_reload_forgets_nothing(void **state)
{
	struct testkit *old = kit;

	begin();
	refused();
	refused();
	refused();
	testkit_run_tick(kit);
	open_office(state);
	begin();
	testkit_destroy(old);
	assert_non_null(testkit_closed(relay));
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 0); /* the old one has warned */
}

/* --- the warning --- */

static void one_mail_says_all_of_it(void **state)
{
	const struct gw_submission *mail;
	const char *text;

	testkit_option(kit, "warn_from", "gateway@example.com");
	begin();
	refused();
	attempt(GW_DEFERRED, "auth", GW_FAULT_ACCOUNT, 535, "5.7.8 wrong\nlook at caf\xc3\xa9");
	attempt(GW_DEFERRED, "greeting", GW_FAULT_RELAY, 554, "no service");
	testkit_run_tick(kit);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 1);
	mail = testkit_submission(kit, 0);
	text = mail->bytes.ptr;
	assert_string_equal(mail->sender.ptr, "gateway@example.com");
	assert_int_equal(mail->rcpts.count, 2);
	assert_string_equal(mail->rcpts.items[1].ptr, "boss@example.com");
	assert_non_null(strstr(text, "Date: Thu, 01 Jan 2026 00:03:00 +0000\r\n"));
	assert_non_null(strstr(text, "Message-ID: <suspended.1767308400000.main@example.com>\r\n"));
	assert_non_null(strstr(text, "From: Mail gateway <gateway@example.com>\r\n"));
	assert_non_null(strstr(text, "To: <admin@example.com>,\r\n <boss@example.com>\r\n"));
	assert_non_null(
		strstr(text, "Subject: Relay main is suspended until 00:00 Europe/Berlin\r\n"));
	assert_non_null(strstr(text, "Auto-Submitted: auto-generated\r\n"));
	assert_non_null(strstr(
		text,
		"\r\n\r\nThe relay main (main.example) failed, and gets no mail until 00:00 Europe/Berlin:\r\n"));
	assert_non_null(strstr(
		text,
		"  1. 2026-01-01 00:01:00 UTC, at connect, smtp.example.net [192.0.2.1]:25 (connection)\r\n"
		"      Connection refused\r\n"));
	assert_non_null(strstr(
		text,
		"  2. 2026-01-01 00:02:00 UTC, at auth, smtp.example.net [192.0.2.1]:25 (login)\r\n"
		"      535 5.7.8 wrong\r\n      535 look at caf??\r\n"));
	assert_non_null(strstr(
		text,
		"  3. 2026-01-01 00:03:00 UTC, at greeting, smtp.example.net [192.0.2.1]:25 (connection)\r\n"
		"      554 no service\r\n"));
	assert_non_null(strstr(text, "gatewayctl relay test main\r\n"));
	assert_non_null(strstr(text, "gatewayctl relay resume main\r\n"));
}

static void it_names_the_gateway_as_next_hops_see_it(void **state)
{
	const char *text;

	testkit_relay_option(relay, "failures", "1");
	begin();
	refused();
	pass(6000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 1);
	text = testkit_submission(kit, 0)->bytes.ptr;
	assert_non_null(strstr(text, ".main@relay.example.com>\r\nFrom: Mail gateway "
				     "<postmaster@relay.example.com>\r\n"));
	assert_non_null(strstr(text, "\r\nOn relay.example.com:\r\n"));
}

/* Octets between two marks of the letter. */
static size_t between(const char *text, const char *from, const char *to)
{
	const char *begins = strstr(text, from), *ends = begins ? strstr(begins, to) : NULL;

	assert_non_null(ends);
	return (size_t)(ends - begins);
}

/* As many failures as are remembered, each with whatever a next hop likes to say. */
static void whatever_is_said_the_letter_is_bounded(void **state)
{
	char line[1301], lines[3000];
	const char *text;
	size_t i;
	int nth;

	memset(line, 'l', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	for (i = 0; i < sizeof lines - 1; i++)
		lines[i] = i % 2 ? '\n' : 'x';
	lines[sizeof lines - 1] = '\0';
	testkit_relay_option(relay, "failures", "30");
	begin();
	for (nth = 0; nth < 30; nth++)
		attempt(GW_DEFERRED, "greeting", GW_FAULT_RELAY, 554, nth % 2 ? line : lines);
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 1); /* all is in the record too */
	assert_int_equal(testkit_restart(kit), 0);
	assert_true(suspended());
	pass(6000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 1);
	text = testkit_submission(kit, 0)->bytes.ptr;
	assert_true(between(text, "  1. 2026", "  2. 2026") < 2048);
	assert_true(between(text, "  1. 2026", "  2. 2026") > 1500);
	assert_non_null(strstr(text, "      554 x\r\n      ...\r\n  2. 2026"));
	assert_true(between(text, "  2. 2026", "  3. 2026") > sizeof line);
	assert_true(between(text, "  30. 2026", "\r\n\r\nOn ") < 2048);
	for (; *text; text += strcspn(text, "\n") + 1)
		assert_true(strcspn(text, "\n") < 999);
}

static void a_mail_that_is_not_taken_is_sent_later(void **state)
{
	testkit_relay_option(relay, "failures", "1");
	begin();
	refused();
	testkit_fail(kit, "submit", 1);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 0);
	assert_int_equal(testkit_restart(kit), 0);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 0); /* it may be in the queue */
	pass(6000);
	testkit_run_tick(kit);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_string_equal(testkit_submission(kit, 0)->sender.ptr, "");
	assert_non_null(
		strstr(testkit_submission(kit, 0)->bytes.ptr, "From: Mail gateway <postmaster@"));
}

/* The record of it was not on disk yet when the gateway died, the letter was. */
static void a_crash_sends_no_second_letter(void **state)
{
	char before[4000];
	struct gw_delivery *letter;
	struct gw_message *sent;

	testkit_relay_option(relay, "failures", "1");
	begin();
	refused();
	snprintf(before, sizeof before, "%s", testkit_record(kit, "relay/main"));
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 1);
	sent = testkit_message(kit, NULL, "", testkit_submission(kit, 0)->bytes.ptr);
	testkit_message_fact(sent, GW_MESSAGE_OWN, "1");
	letter = testkit_delivery(sent, relay);
	assert_int_equal(testkit_run_admit(kit, letter, relay), GW_WAIT);
	testkit_stop(kit);
	testkit_set_record(kit, "relay/main", before);
	begin();
	testkit_run_tick(kit);
	assert_int_equal(testkit_run_admit(kit, letter, relay), GW_WAIT);
	pass(6000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 1);
	assert_int_equal(testkit_run_admit(kit, letter, relay), GW_CONTINUE);
}

static void nobody_is_written_to_unless_named(void **state)
{
	testkit_option(kit, "warn_to", "");
	testkit_relay_option(relay, "failures", "1");
	begin();
	refused();
	testkit_run_tick(kit);
	assert_int_equal(testkit_submissions(kit), 0);
	assert_int_equal(testkit_lines(kit, TESTKIT_EVENT), 1);
}

/* --- what cannot work --- */

static void a_time_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *key, *text;
		bool good;
	} rows[] = {
		{ "suspend", "day", true },          { "suspend", "90s", true },
		{ "failures_within", "2d", true },   { "suspend", "tomorrow", false },
		{ "suspend", "0h", false },          { "failures_within", "5", false },
		{ "failures_within", "-1h", false }, { "suspend", "", false },
		{ "failures_apart", "0", true },     { "failures_apart", "day", false },
		{ "suspend", "0", false },           { "failures", "31", false },
		{ "failures_mode", "some", false },  { "unknown", "drop", false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		close_office(state);
		open_office(state);
		testkit_relay_option(relay, rows[i].key, rows[i].text);
		assert_int_equal(testkit_start(kit), rows[i].good ? 0 : -1);
		if (!rows[i].good)
			assert_told(TESTKIT_PROBLEM, rows[i].key);
	}
}

static void an_address_that_is_none_is_refused(void **state)
{
	static const struct {
		const char *key, *text;
	} rows[] = {
		{ "warn_to", "a@example.com nobody" },
		{ "warn_to", "@example.com" },
		{ "warn_from", "<a@example.com>" },
		{ "warn_from", "a@" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		close_office(state);
		open_office(state);
		testkit_option(kit, rows[i].key, rows[i].text);
		assert_int_equal(testkit_start(kit), -1);
		assert_told(TESTKIT_PROBLEM, rows[i].key);
		assert_told(TESTKIT_PROBLEM, "is no address");
	}
}

static void a_full_disk_is_told_and_harms_nothing(void **state)
{
	testkit_relay_option(relay, "failures", "1");
	begin();
	testkit_fail(kit, "record_put", 1);
	refused();
	assert_true(suspended());
	assert_told(TESTKIT_LOG, "warning what is known of relay main could not be kept");
}

static void memory_that_is_out_is_no_start(void **state)
{
	testkit_fail(kit, "alloc", 1);
	assert_int_equal(testkit_start(kit), -1);
	assert_told(TESTKIT_PROBLEM, "no memory");
}

/* --- a message of unknown fate --- */

static void the_same_relay_is_tried_again_and_then_nobody(void **state)
{
	int i;

	begin();
	for (i = 0; i < 3; i++) {
		lost_after_dot();
		assert_int_equal(testkit_fault(kit), GW_FAULT_UNKNOWN);
		assert_int_equal(testkit_lines(kit, TESTKIT_HELD), 0);
		assert_int_equal(testkit_restart(kit), 0);
	}
	lost_after_dot();
	assert_int_equal(testkit_fault(kit), GW_FAULT_UNKNOWN);
	assert_string_equal(
		testkit_line(kit, TESTKIT_HELD, 0),
		"relay main may have it already: its link was lost after the final dot, more than once");
	/* one message that kills its link is no outage */
	assert_int_equal(testkit_metric(kit, "failures"), 1);
}

static void all_recipients_of_an_attempt_are_one_try(void **state)
{
	int i;

	testkit_relay_option(relay, "unknown_tries", "1");
	begin();
	pass(MINUTE);
	for (i = 0; i < 5; i++)
		result_since(now - 1000, GW_UNKNOWN, "dot", GW_FAULT_UNKNOWN, 0, "connection lost");
	assert_int_equal(testkit_lines(kit, TESTKIT_HELD), 0);
	lost_after_dot();
	assert_int_equal(testkit_lines(kit, TESTKIT_HELD), 1);
}

static void it_may_be_held_at_once(void **state)
{
	testkit_relay_option(relay, "unknown", "hold");
	begin();
	lost_after_dot();
	assert_int_equal(testkit_fault(kit), GW_FAULT_UNKNOWN);
	assert_string_equal(
		testkit_line(kit, TESTKIT_HELD, 0),
		"relay main may have it already: its link was lost after the final dot");
}

static void or_go_on_to_the_next_relay(void **state)
{
	testkit_relay_option(relay, "unknown", "fallback");
	begin();
	lost_after_dot();
	assert_int_equal(testkit_fault(kit), GW_FAULT_RELAY);
	assert_int_equal(testkit_lines(kit, TESTKIT_HELD), 0);
	assert_int_equal(testkit_metric(kit, "failures"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OFFICE_TEST(three_failures_suspend_until_the_relays_next_day),
		OFFICE_TEST(what_was_under_way_is_one_incident),
		OFFICE_TEST(incidents_are_some_minutes_apart),
		OFFICE_TEST(one_message_is_evidence_once),
		OFFICE_TEST(a_next_hop_that_delivers_and_wants_no_more_connections_is_not_down),
		OFFICE_TEST(the_same_refusal_of_several_messages_is_the_accounts),
		OFFICE_TEST(a_clock_that_is_set_back_hides_no_failure),
		OFFICE_TEST(a_recipient_or_a_message_is_no_failure),
		OFFICE_TEST(modes_and_times_decide_what_is_counted),
		OFFICE_TEST(it_may_be_suspended_for_a_time),
		OFFICE_TEST(it_may_be_tried_again_after_longer_and_longer),
		OFFICE_TEST(many_hosts_under_one_name_are_never_suspended),
		OFFICE_TEST(a_blocked_account_is_suspended_at_once),
		OFFICE_TEST(a_providers_limit_closes_until_the_next_day_and_is_no_failure),
		OFFICE_TEST(a_suspended_relay_is_closed_and_what_an_admin_sends_there_may_go),
		OFFICE_TEST(gatewayctl_shows_it),
		OFFICE_TEST(the_next_day_it_is_back_and_counts_begin_anew),
		OFFICE_TEST(an_admin_resumes_it),
		OFFICE_TEST(a_resumed_relay_that_was_not_suspended_forgets_its_failures),
		OFFICE_TEST(a_restart_forgets_nothing),
		OFFICE_TEST(a_suspension_that_ended_meanwhile_is_over),
		OFFICE_TEST(a_record_that_makes_no_sense_is_no_suspension),
		OFFICE_TEST(a_relay_that_is_gone_is_forgotten),
		OFFICE_TEST(a_reload_forgets_nothing),
		OFFICE_TEST(one_mail_says_all_of_it),
		OFFICE_TEST(it_names_the_gateway_as_next_hops_see_it),
		OFFICE_TEST(whatever_is_said_the_letter_is_bounded),
		OFFICE_TEST(a_mail_that_is_not_taken_is_sent_later),
		OFFICE_TEST(a_crash_sends_no_second_letter),
		OFFICE_TEST(nobody_is_written_to_unless_named),
		OFFICE_TEST(a_time_that_is_none_is_refused),
		OFFICE_TEST(an_address_that_is_none_is_refused),
		OFFICE_TEST(a_full_disk_is_told_and_harms_nothing),
		OFFICE_TEST(memory_that_is_out_is_no_start),
		OFFICE_TEST(the_same_relay_is_tried_again_and_then_nobody),
		OFFICE_TEST(all_recipients_of_an_attempt_are_one_try),
		OFFICE_TEST(it_may_be_held_at_once),
		OFFICE_TEST(or_go_on_to_the_next_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
