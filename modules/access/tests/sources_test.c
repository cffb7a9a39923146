/* sources_test.c - networks that are listed in files and in SPF, and clients known by them; logins
 * and certificates as clients; the SPF of MAIL FROM. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define LISTED "192.0.2.7"
#define OTHER "198.51.100.1"

static struct testkit *kit_of(const char *networks)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].networks", networks);
	testkit_option(kit, "clients[0].domains", "example.com");
	return kit;
}

/* What RCPT is told in a session of that address: 250, 550 or 451. */
static int rcpt_of(struct testkit *kit, const char *peer)
{
	struct gw_session *session = testkit_session(kit, peer);
	struct gw_message *message;
	enum gw_verdict verdict;

	testkit_run_connect(kit, session);
	message = testkit_message(kit, session, "a@example.com", "From: a@example.com\r\n\r\n");
	testkit_run_mail(kit, message);
	verdict = testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@elsewhere.example"));
	return verdict == GW_ACCEPT     ? 250
	       : verdict == GW_CONTINUE ? 550
					: testkit_answer(kit)->code;
}

static void tick(struct testkit *kit, int64_t ms)
{
	testkit_advance(kit, ms);
	testkit_run_tick(kit);
}

/* --- files --- */

static void a_file_lists_networks(void **state)
{
	char option[200];
	struct testkit *kit = kit_of("");

	snprintf(option, sizeof option, "@%s",
		 testkit_file(kit, "crm.cidr",
			      "# the CRM\n\n192.0.2.0/24 # a comment\r\n2001:db8::/32\n"));
	testkit_option(kit, "clients[0].networks", option);
	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(rcpt_of(kit, LISTED), 250);
	assert_int_equal(rcpt_of(kit, "2001:db8::1"), 250);
	assert_int_equal(rcpt_of(kit, OTHER), 550);
	testkit_destroy(kit);
}

static void a_bad_file_is_an_error_with_its_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "192.0.2.0/24\n192.0.2.300\n", "crm.cidr:2: network \"192.0.2.300\" is no IP" },
		{ "\n\n0.0.0.0/0\n", "crm.cidr:3: network \"0.0.0.0/0\" is so wide" },
		{ "192.0.2.1/24\n", "crm.cidr:1: network \"192.0.2.1/24\" has address bits" },
		{ NULL, "No such file" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of("");
		char option[200];

		snprintf(option, sizeof option, "@%s", testkit_file(kit, "crm.cidr", rows[i].text));
		testkit_option(kit, "clients[0].networks", option);
		assert_int_equal(testkit_start(kit), -1);
		assert_non_null(strstr(testkit_line(kit, TESTKIT_PROBLEM, 0), rows[i].error));
		testkit_destroy(kit);
	}
}

static void a_changed_file_is_read_again_and_a_bad_one_is_not_taken(void **state)
{
	struct testkit *kit = kit_of("");
	char option[200];
	int tries;

	snprintf(option, sizeof option, "@%s", testkit_file(kit, "crm.cidr", "192.0.2.0/24\n"));
	testkit_option(kit, "clients[0].networks", option);
	assert_int_equal(testkit_start(kit), 0);
	tick(kit, 1000);
	testkit_file(kit, "crm.cidr", "192.0.2.0/24\n198.51.100.0/24\n");
	for (tries = 0; tries < 200 && rcpt_of(kit, OTHER) != 250; tries++)
		usleep(50000);
	assert_int_equal(rcpt_of(kit, OTHER), 250);
	testkit_file(kit, "crm.cidr", "nonsense of the third kind\n");
	for (tries = 0; tries < 200 &&
			!strstr(testkit_line(kit, TESTKIT_LOG, testkit_lines(kit, TESTKIT_LOG) - 1),
				"the last good list stays");
	     tries++) {
		usleep(50000);
		tick(kit, 1000);
	}
	assert_true(tries < 200);
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "WRONG: "));
	assert_int_equal(rcpt_of(kit, OTHER), 250);
	testkit_destroy(kit);
}

/* --- SPF --- */

static void a_list_that_has_not_come_is_no_refusal(void **state)
{
	struct testkit *kit = kit_of("203.0.113.5 spf:crm.example");

	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(rcpt_of(kit, "203.0.113.5"), 250);
	assert_int_equal(rcpt_of(kit, LISTED), 451);
	assert_int_equal(rcpt_of(kit, "no address"), 550);
	tick(kit, 1000);
	assert_string_equal(testkit_question(kit)->name.ptr, "crm.example");
	assert_int_equal(rcpt_of(kit, LISTED), 451);
	assert_true(testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=spf1 ip4:192.0.2.0/24 -all"));
	assert_int_equal(rcpt_of(kit, LISTED), 250);
	assert_int_equal(rcpt_of(kit, OTHER), 550);
	testkit_destroy(kit);
}

static void a_list_ends_with_its_ttl_and_stays_over_failures(void **state)
{
	struct testkit *kit = kit_of("spf:crm.example");

	assert_int_equal(testkit_start(kit), 0);
	tick(kit, 1000);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=spf1 ip4:192.0.2.0/24 -all");
	tick(kit, 299000);
	assert_int_equal(testkit_questions(kit), 0);
	tick(kit, 2000);
	testkit_run_dns(kit, GW_DNS_FAILED, 0, "timed out");
	assert_int_equal(rcpt_of(kit, LISTED), 250);
	tick(kit, 61000);
	testkit_run_dns(kit, GW_DNS_FOUND, 1, "v=spf1 +all");
	assert_int_equal(rcpt_of(kit, LISTED), 250);
	assert_int_equal(rcpt_of(kit, OTHER), 550);
	tick(kit, 601000);
	testkit_run_dns(kit, GW_DNS_FOUND, 1, "v=spf1 ip4:198.51.100.0/24 -all");
	assert_int_equal(rcpt_of(kit, OTHER), 250);
	assert_int_equal(rcpt_of(kit, LISTED), 550);
	tick(kit, 59000); /* the least time that anything is kept */
	assert_int_equal(testkit_questions(kit), 0);
	tick(kit, 2000);
	assert_int_equal(testkit_questions(kit), 1);
	testkit_destroy(kit);
}

static void a_list_outlives_the_process(void **state)
{
	struct testkit *kit = kit_of("spf:crm.example");

	assert_int_equal(testkit_start(kit), 0);
	tick(kit, 1000);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all");
	assert_int_equal(testkit_restart(kit), 0);
	assert_int_equal(rcpt_of(kit, LISTED), 250);
	assert_int_equal(rcpt_of(kit, "2001:db8::9"), 250);
	assert_int_equal(rcpt_of(kit, OTHER), 550);
	tick(kit, 1000); /* and is asked for at once */
	assert_int_equal(testkit_questions(kit), 1);
	testkit_destroy(kit);
}

/* Of a session that came before the list the domains would not be bound. */
static void a_client_that_is_known_late_is_bound_all_the_same(void **state)
{
	struct testkit *kit = kit_of("spf:crm.example");
	struct gw_session *session;
	struct gw_message *message;

	assert_int_equal(testkit_start(kit), 0);
	session = testkit_session(kit, LISTED);
	testkit_run_connect(kit, session);
	tick(kit, 1000);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=spf1 ip4:192.0.2.0/24 -all");
	message = testkit_message(kit, session, "a@example.com", "From: a@other.example\r\n\r\n");
	testkit_run_mail(kit, message);
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@x.example")),
			 GW_ACCEPT);
	assert_string_equal(gw->message_fact(message, GW_MESSAGE_CLIENT).ptr, "crm");
	assert_int_equal(testkit_run_message(kit, message), GW_REJECT);
	testkit_destroy(kit);
}

/* --- logins and certificates --- */

static struct testkit *kit_of_certificate(const char *networks, const char *domains)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	testkit_option(kit, "clients[0].name", "erp");
	testkit_option(kit, "clients[0].certificates",
		       "\"AB:cd:000000000000000000000000000000000000000000000000000000000000\" "
		       "\"CN=erp,O=Example\"");
	testkit_option(kit, "clients[0].domains", domains);
	testkit_option(kit, "clients[0].networks", networks);
	return kit;
}

static void a_certificate_is_a_client(void **state)
{
	static const struct {
		const char *networks, *peer, *fingerprint, *subject;
		int code;
	} rows[] = {
		{ "", OTHER, "abcd000000000000000000000000000000000000000000000000000000000000", "",
		  250 },
		{ "", OTHER, "abcd000000000000000000000000000000000000000000000000000000000001", "",
		  550 },
		{ "", OTHER, "abcd000000000000000000000000000000000000000000000000000000000001",
		  "CN=erp,O=Example", 250 },
		{ "", OTHER, "", "", 550 },
		{ "192.0.2.0/24", OTHER,
		  "abcd000000000000000000000000000000000000000000000000000000000000", "", 550 },
		{ "192.0.2.0/24", LISTED,
		  "abcd000000000000000000000000000000000000000000000000000000000000", "", 250 },
		{ "192.0.2.0/24", LISTED, "", "", 550 }, /* its network alone is not it */
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of_certificate(rows[i].networks, "example.com");
		struct gw_session *session;
		struct gw_message *message;
		enum gw_verdict verdict;

		assert_int_equal(testkit_start(kit), 0);
		session = testkit_session(kit, rows[i].peer);
		testkit_run_connect(kit, session);
		testkit_session_fact(session, GW_SESSION_TLS_FINGERPRINT, rows[i].fingerprint);
		testkit_session_fact(session, GW_SESSION_TLS_SUBJECT, rows[i].subject);
		testkit_run_ehlo(kit, session);
		message = testkit_message(kit, session, "a@example.com",
					  "From: a@other.example\r\n\r\n");
		testkit_run_mail(kit, message);
		verdict = testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@x.example"));
		if (verdict != (rows[i].code == 250 ? GW_ACCEPT : GW_CONTINUE))
			fail_msg("row %zu", i);
		if (rows[i].code == 250) /* bound to its domains */
			assert_int_equal(testkit_run_message(kit, message), GW_REJECT);
		testkit_destroy(kit);
	}
}

static void a_login_is_a_client(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_session *session;
	struct gw_message *message;

	testkit_option(kit, "clients[0].name", "erp");
	testkit_option(kit, "clients[0].logins", "erp-login");
	testkit_option(kit, "clients[0].domains", "example.com");
	testkit_option(kit, "clients[0].type", "workflow");
	testkit_option(kit, "logins", "false");
	assert_int_equal(testkit_start(kit), 0);
	session = testkit_session(kit, OTHER);
	testkit_run_connect(kit, session);
	testkit_session_fact(session, GW_SESSION_LOGIN, "ERP-login");
	message = testkit_message(kit, session, "a@example.com", "From: a@other.example\r\n\r\n");
	testkit_run_mail(kit, message);
	assert_string_equal(gw->message_fact(message, GW_MESSAGE_CLIENT).ptr, "erp");
	assert_string_equal(gw->message_fact(message, GW_MESSAGE_TYPE).ptr, "workflow");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@x.example")),
			 GW_ACCEPT);
	assert_int_equal(testkit_run_message(kit, message), GW_REJECT);
	testkit_destroy(kit);
}

/* --- the SPF of MAIL FROM --- */

static struct gw_message *mail(struct testkit *kit, const char *sender)
{
	struct gw_session *session = testkit_session(kit, LISTED);

	testkit_run_connect(kit, session);
	testkit_session_fact(session, GW_SESSION_HELO, "out.crm.example");
	return testkit_message(kit, session, sender, "From: a@example.com\r\n\r\nhi\r\n");
}

static void the_spf_of_mail_from_is_recorded_and_may_be_required(void **state)
{
	static const struct {
		const char *required, *sender;
		enum gw_dns_status status;
		const char *record;
		int code;
		const char *enhanced, *note;
	} rows[] = {
		{ "false", "b@crm.example", GW_DNS_FOUND, "v=spf1 ip4:192.0.2.0/24 -all", 0, "",
		  "pass" },
		{ "false", "b@crm.example", GW_DNS_FOUND, "v=spf1 -all", 0, "", "fail" },
		{ "false", "b@crm.example", GW_DNS_FAILED, "timed out", 0, "", "temperror" },
		{ "true", "b@crm.example", GW_DNS_FOUND, "v=spf1 ip4:192.0.2.0/24 -all", 0, "",
		  "pass" },
		{ "true", "b@crm.example", GW_DNS_FOUND, "v=spf1 -all", 550, "5.7.23", "fail" },
		{ "true", "b@crm.example", GW_DNS_FOUND, "v=spf1 ~all", 550, "5.7.23", "softfail" },
		{ "true", "b@crm.example", GW_DNS_NONE, "", 550, "5.7.23", "none" },
		{ "true", "b@crm.example", GW_DNS_FOUND, "v=spf1 bad:x", 550, "5.7.23",
		  "permerror" },
		{ "true", "b@crm.example", GW_DNS_FAILED, "timed out", 451, "4.7.24", "temperror" },
		{ "true", "", GW_DNS_FOUND, "v=spf1 ip4:192.0.2.0/24 -all", 0, "", "pass" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of("192.0.2.0/24");
		struct gw_message *message;
		enum gw_verdict verdict;

		testkit_option(kit, "clients[0].require_spf", rows[i].required);
		testkit_option(kit, "spf", "record");
		assert_int_equal(testkit_start(kit), 0);
		message = mail(kit, rows[i].sender);
		assert_int_equal(testkit_run_mail(kit, message), GW_PENDING);
		assert_string_equal(testkit_question(kit)->name.ptr,
				    rows[i].sender[0] ? "crm.example" : "out.crm.example");
		testkit_run_dns(kit, rows[i].status, 300, rows[i].record);
		verdict = testkit_resume(kit, 5000);
		assert_int_equal(verdict, rows[i].code == 0     ? GW_CONTINUE
					  : rows[i].code == 550 ? GW_REJECT
								: GW_TEMPFAIL);
		assert_int_equal(testkit_answer(kit)->code, rows[i].code);
		assert_string_equal(testkit_answer(kit)->enhanced, rows[i].enhanced);
		assert_string_equal(testkit_note(message, "access.spf"), rows[i].note);
		testkit_destroy(kit);
	}
}

static void a_received_spf_field_is_written_where_it_is_wanted(void **state)
{
	struct testkit *kit = kit_of("192.0.2.0/24");
	struct gw_relay *relay = testkit_relay(kit, "relay");
	struct gw_message *message;
	struct gw_delivery *delivery;

	testkit_option(kit, "spf", "field");
	assert_int_equal(testkit_start(kit), 0);
	message = mail(kit, "b@crm.example");
	testkit_run_mail(kit, message);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=spf1 ip4:192.0.2.0/24 -all");
	assert_int_equal(testkit_resume(kit, 5000), GW_CONTINUE);
	testkit_rcpt(message, "b@x.example");
	delivery = testkit_delivery(message, relay);
	assert_int_equal(testkit_run_prepare(kit, delivery), GW_CONTINUE);
	assert_non_null(strstr(testkit_sent(delivery).ptr, "Received-SPF: pass ("));
	assert_non_null(strstr(testkit_sent(delivery).ptr,
			       "\r\n client-ip=192.0.2.7; envelope-from=\"b@crm.example\"; "
			       "helo=out.crm.example;\r\n"));
	testkit_destroy(kit);
}

static void who_leaves_meanwhile_is_forgotten(void **state)
{
	struct testkit *kit = kit_of("192.0.2.0/24");
	struct gw_message *message;

	testkit_option(kit, "spf", "record");
	assert_int_equal(testkit_start(kit), 0);
	message = mail(kit, "b@crm.example");
	assert_int_equal(testkit_run_mail(kit, message), GW_PENDING);
	testkit_drop(kit, message);
	assert_true(
		testkit_run_dns(kit, GW_DNS_FOUND, 300, "v=spf1 include:more.crm.example -all"));
	assert_int_equal(testkit_questions(kit), 0);
	assert_int_equal(testkit_run_mail(kit, mail(kit, "b@crm.example")), GW_PENDING);
	testkit_destroy(kit); /* with a question open */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_lists_networks),
		cmocka_unit_test(a_bad_file_is_an_error_with_its_line),
		cmocka_unit_test(a_changed_file_is_read_again_and_a_bad_one_is_not_taken),
		cmocka_unit_test(a_list_that_has_not_come_is_no_refusal),
		cmocka_unit_test(a_list_ends_with_its_ttl_and_stays_over_failures),
		cmocka_unit_test(a_list_outlives_the_process),
		cmocka_unit_test(a_client_that_is_known_late_is_bound_all_the_same),
		cmocka_unit_test(a_certificate_is_a_client),
		cmocka_unit_test(a_login_is_a_client),
		cmocka_unit_test(the_spf_of_mail_from_is_recorded_and_may_be_required),
		cmocka_unit_test(a_received_spf_field_is_written_where_it_is_wanted),
		cmocka_unit_test(who_leaves_meanwhile_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
