/* answer_test.c - what answers mean, and what becomes of a message that has none. */
#include "office.h"

#define BYTES "To: a@x.example\r\nSubject: x\r\n\r\nbody\r\n"

#define GRAPH(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"words of it\"}}"
#define GMAIL(status, reason)                                                                      \
	"{\"error\":{\"code\":1,\"message\":\"words of it\",\"status\":\"" status                  \
	"\",\"errors\":[{\"reason\":\"" reason "\"}]}}"

static struct office sent(const char *api, const char *rcpts)
{
	struct office o = office(api);

	assert_int_equal(testkit_start(o.kit), 0);
	put_message(&o, BYTES, rcpts);
	assert_int_equal(deliver(&o), GW_PENDING);
	return o;
}

/* --- the table --- */

static const struct {
	const char *api;
	int status;
	const char *head, *body;
	enum gw_status becomes;
	int code;
	const char *enhanced, *stage;
	bool unfit;
} rows[] = {
	{ "graph", 202, "request-id: 1234", "", GW_DELIVERED, 250, "2.0.0", "dot", false },
	{ "gmail", 200, "", "{\"id\":\"1\"}", GW_DELIVERED, 250, "2.0.0", "dot", false },
	{ "graph", 401, "", GRAPH("InvalidAuthenticationToken"), GW_BOUNCED, 535, "5.7.3", "auth",
	  false },
	{ "graph", 403, "", GRAPH("ErrorAccessDenied"), GW_BOUNCED, 535, "5.7.8", "auth", false },
	{ "graph", 403, "", GRAPH("ErrorSendAsDenied"), GW_BOUNCED, 550, "5.7.60", "mail", false },
	{ "graph", 400, "", GRAPH("ErrorMessageSubmissionBlocked"), GW_BOUNCED, 550, "5.1.8",
	  "mail", false },
	{ "graph", 404, "", GRAPH("ErrorInvalidUser"), GW_BOUNCED, 535, "5.7.8", "auth", false },
	{ "graph", 413, "", "<html>too large</html>", GW_BOUNCED, 552, "5.3.4", "dot", true },
	{ "graph", 400, "", GRAPH("ErrorMessageSizeExceeded"), GW_BOUNCED, 552, "5.3.4", "dot",
	  true },
	{ "graph", 400, "", GRAPH("ErrorInvalidRecipients"), GW_BOUNCED, 550, "5.1.3", "rcpt",
	  false },
	{ "graph", 400, "", GRAPH("ErrorMimeContentInvalidBase64String"), GW_BOUNCED, 554, "5.6.0",
	  "dot", false },
	{ "graph", 400, "", GRAPH("ErrorExceededMessageLimit"), GW_BOUNCED, 550, "5.4.5", "mail",
	  false },
	{ "graph", 429, "Retry-After: 10", GRAPH("ApplicationThrottled"), GW_DEFERRED, 432, "4.3.2",
	  "mail", false },
	{ "graph", 503, "Retry-After: 10", "", GW_DEFERRED, 432, "4.3.2", "mail", false },
	{ "graph", 503, "", "not json", GW_DEFERRED, 451, "4.3.0", "mail", false },
	{ "graph", 500, "", GRAPH("ErrorInternalServerError"), GW_DEFERRED, 451, "4.3.0", "mail",
	  false },
	{ "graph", 504, "", "", GW_UNKNOWN, 0, "4.4.2", "dot", false },
	{ "graph", 507, "", GRAPH("ErrorQuotaExceeded"), GW_DEFERRED, 451, "4.3.1", "mail", false },
	{ "graph", 302, "Location: https://evil.example/", "", GW_DEFERRED, 451, "4.3.5", "mail",
	  false },
	{ "graph", 405, "", "", GW_DEFERRED, 451, "4.3.5", "mail", false },
	{ "gmail", 403, "", GMAIL("PERMISSION_DENIED", "insufficientPermissions"), GW_BOUNCED, 535,
	  "5.7.8", "auth", false },
	{ "gmail", 403, "", GMAIL("PERMISSION_DENIED", "dailyLimitExceeded"), GW_BOUNCED, 550,
	  "5.4.5", "mail", false },
	{ "gmail", 403, "", GMAIL("", "userRateLimitExceeded"), GW_DEFERRED, 432, "4.3.2", "mail",
	  false },
	{ "gmail", 429, "", GMAIL("RESOURCE_EXHAUSTED", "rateLimitExceeded"), GW_DEFERRED, 432,
	  "4.3.2", "mail", false },
	{ "gmail", 400, "", GMAIL("FAILED_PRECONDITION", "failedPrecondition"), GW_BOUNCED, 535,
	  "5.7.8", "auth", false },
	{ "gmail", 400, "", GMAIL("INVALID_ARGUMENT", "invalidArgument"), GW_BOUNCED, 554, "5.6.0",
	  "dot", false },
	{ "gmail", 413, "", GMAIL("", "uploadTooLarge"), GW_BOUNCED, 552, "5.3.4", "dot", true },
};

static void an_answer_is_a_reply_that_everybody_knows(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct office o = sent(rows[i].api, "a@x.example");
		const struct gw_outcome *was;

		assert_outcome(outcome(&o, 0), GW_UNKNOWN, 0, "4.4.2",
			       "dot"); /* until it is there */
		assert_true(testkit_run_http(o.kit, rows[i].status, rows[i].head, rows[i].body));
		assert_int_equal(testkit_resume(o.kit, 1000), GW_ACCEPT);
		was = outcome(&o, 0);
		assert_outcome(was, rows[i].becomes, rows[i].code, rows[i].enhanced, rows[i].stage);
		assert_int_equal(was->unfit, rows[i].unfit);
		assert_int_equal(testkit_login_refused(o.delivery) != NULL, rows[i].status == 401);
		if (strstr(rows[i].body, "words of it"))
			assert_non_null(strstr(was->text.ptr, "words of it"));
		testkit_destroy(o.kit);
	}
}

/* --- no answer --- */

static void without_an_answer_nobody_knows(void **state)
{
	struct office o = sent("graph", "a@x.example");

	assert_true(testkit_run_http_broken(o.kit, 0, "the connection was closed"));
	assert_int_equal(testkit_resume(o.kit, 1000), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_UNKNOWN, 0, "4.4.2", "dot");
	testkit_destroy(o.kit);

	o = sent("graph", "a@x.example"); /* a yes that broke off is a yes */
	assert_true(testkit_run_http_broken(o.kit, 202, "too large"));
	assert_int_equal(testkit_resume(o.kit, 1000), GW_ACCEPT);
	assert_int_equal(outcome(&o, 0)->status, GW_DELIVERED);
	testkit_destroy(o.kit);

	o = sent("graph", "a@x.example"); /* and a no is a no */
	assert_true(testkit_run_http_broken(o.kit, 413, "too large"));
	assert_int_equal(testkit_resume(o.kit, 1000), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_BOUNCED, 552, "5.3.4", "dot");
	testkit_destroy(o.kit);

	o = sent("graph", "a@x.example"); /* nothing went out */
	assert_true(testkit_run_http(o.kit, 0, "", "no route to host"));
	assert_int_equal(testkit_resume(o.kit, 1000), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_DEFERRED, 0, "4.4.1", "connect");
	testkit_destroy(o.kit);
}

static void who_is_gone_gives_no_octet_more_and_hears_nothing(void **state)
{
	struct office o = sent("graph", "a@x.example");

	testkit_drop(o.kit, o.delivery);
	assert_null(testkit_request_body(o.kit, 0).ptr);
	assert_outcome(outcome(&o, 0), GW_UNKNOWN, 0, "4.4.2", "dot"); /* what was said stands */
	assert_true(testkit_run_http(o.kit, 202, "", ""));
	assert_true(testkit_has(o.kit, TESTKIT_LOG, "nobody waited"));
	testkit_destroy(o.kit);

	o = sent("graph", "a@x.example"); /* past the deadline of the call */
	testkit_advance(o.kit, 600000);
	assert_int_equal(testkit_held(o.kit), 0);
	assert_true(testkit_run_http(o.kit, 202, "", ""));
	testkit_destroy(o.kit);

	o = sent("graph", "a@x.example"); /* stopped in the middle */
	testkit_destroy(o.kit);
}

/* --- recipients --- */

static void the_recipient_that_is_named_is_refused_alone(void **state)
{
	struct office o = sent("graph", "a@x.example ad@x.example bad@x.example");

	testkit_run_http(
		o.kit, 400, "",
		"{\"error\":{\"code\":\"ErrorInvalidRecipients\",\"message\":\"Recipient 'Bad@x.example' is not resolved.\"}}");
	assert_int_equal(testkit_resume(o.kit, 1000), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_DEFERRED, 451, "4.1.3", "rcpt");
	assert_outcome(outcome(&o, 1), GW_DEFERRED, 451, "4.1.3", "rcpt");
	assert_outcome(outcome(&o, 2), GW_BOUNCED, 550, "5.1.3", "rcpt");
	testkit_destroy(o.kit);
}

/* --- how much, and when --- */

static enum gw_verdict admit(struct office *o)
{
	put_message(o, BYTES, "a@x.example");
	return testkit_run_admit(o->kit, o->delivery, o->relay);
}

static void a_pause_is_kept_by_all_and_ends(void **state)
{
	struct office o = sent("graph", "a@x.example");

	assert_int_equal(admit(&o), GW_CONTINUE);
	testkit_run_http(o.kit, 429, "Retry-After: 120", "");
	testkit_resume(o.kit, 1000);
	assert_int_equal(admit(&o), GW_WAIT);
	assert_int_equal(testkit_answer(o.kit)->cause, GW_CAUSE_RATE);
	assert_int_equal(testkit_answer(o.kit)->wait_until, 1767225600000 + 120000);
	testkit_restart(o.kit);
	testkit_advance(o.kit, 120000);
	assert_int_equal(admit(&o), GW_CONTINUE);
	testkit_destroy(o.kit);

	/* a date, and what is not believed */
	static const struct {
		const char *head;
		int64_t pause;
	} cases[] = {
		{ "Retry-After: Thu, 01 Jan 2026 00:05:00 GMT", 300000 },
		{ "Retry-After: 999999999999999999999", 3600000 },
		{ "Retry-After: -5", 30000 },
		{ "Retry-After: soon", 30000 },
		{ "", 30000 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		o = sent("graph", "a@x.example");
		testkit_run_http(o.kit, 429, cases[i].head, "");
		assert_int_equal(admit(&o), GW_WAIT);
		assert_int_equal(testkit_answer(o.kit)->wait_until, 1767225600000 + cases[i].pause);
		testkit_destroy(o.kit);
	}
}

static void as_many_are_on_their_way_as_the_relay_has_connections(void **state)
{
	struct office o = office("graph");
	struct gw_delivery *first;

	assert_int_equal(testkit_start(o.kit), 0);
	assert_int_equal(admit(&o), GW_CONTINUE);
	first = o.delivery;
	assert_int_equal(admit(&o), GW_CONTINUE);
	assert_int_equal(admit(&o), GW_CONTINUE);
	assert_int_equal(admit(&o), GW_WAIT);
	assert_string_equal(testkit_answer(o.kit)->wait_on, "lane/m365-api");
	testkit_run_leave(o.kit, first, o.relay);
	assert_true(testkit_has(o.kit, TESTKIT_NOTIFIED, "lane/m365-api 1"));
	assert_int_equal(admit(&o), GW_CONTINUE);
	testkit_run_relay_status(o.kit, o.relay);
	assert_true(testkit_has(o.kit, TESTKIT_STATUS, "return path: the mailbox"));
	assert_true(testkit_has(o.kit, TESTKIT_STATUS, "on its way: 3 of 3"));
	testkit_destroy(o.kit);
}

static void who_only_asks_takes_no_place(void **state)
{
	struct office o = office("graph");

	assert_int_equal(testkit_start(o.kit), 0);
	for (int i = 0; i < 5; i++) {
		put_message(&o, BYTES, "a@x.example");
		testkit_message_fact(o.message, GW_MESSAGE_DRY, "1");
		assert_int_equal(testkit_run_admit(o.kit, o.delivery, o.relay), GW_CONTINUE);
		testkit_run_leave(o.kit, o.delivery, o.relay);
	}
	assert_int_equal(admit(&o), GW_CONTINUE);
	testkit_destroy(o.kit);
}

/* --- relay test --- */

static void a_probe_sends_to_nobody_and_takes_no_for_an_answer(void **state)
{
	static const struct {
		int status;
		enum gw_status becomes;
		const char *stage;
	} cases[] = {
		{ 400, GW_DELIVERED, "dot" },
		{ 401, GW_BOUNCED, "auth" },
		{ 403, GW_BOUNCED, "auth" },
		{ 503, GW_DEFERRED, "mail" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct office o = office("gmail");

		assert_int_equal(testkit_start(o.kit), 0);
		put_message(&o, BYTES, "a@x.example");
		assert_int_equal(testkit_run_probe(o.kit, o.delivery, o.relay), GW_PENDING);
		assert_null(strstr(testkit_request_body(o.kit, 0).ptr, "a@x.example"));
		testkit_run_http(o.kit, cases[i].status, "", GMAIL("X", "y"));
		assert_int_equal(testkit_resume(o.kit, 1000), GW_ACCEPT);
		assert_int_equal(outcome(&o, 0)->status, cases[i].becomes);
		assert_string_equal(outcome(&o, 0)->stage.ptr, cases[i].stage);
		testkit_destroy(o.kit);
	}
}

static void a_relay_without_a_login_says_so(void **state)
{
	struct office o = office("graph");

	assert_int_equal(testkit_start(o.kit), 0);
	o.message = testkit_message(o.kit, NULL, "relay@example.com", BYTES);
	testkit_rcpt(o.message, "a@x.example");
	o.delivery = testkit_delivery(o.message, o.relay);
	assert_int_equal(deliver(&o), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_DEFERRED, 0, "4.7.0", "auth");
	testkit_destroy(o.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_a_reply_that_everybody_knows),
		cmocka_unit_test(without_an_answer_nobody_knows),
		cmocka_unit_test(who_is_gone_gives_no_octet_more_and_hears_nothing),
		cmocka_unit_test(the_recipient_that_is_named_is_refused_alone),
		cmocka_unit_test(a_pause_is_kept_by_all_and_ends),
		cmocka_unit_test(as_many_are_on_their_way_as_the_relay_has_connections),
		cmocka_unit_test(who_only_asks_takes_no_place),
		cmocka_unit_test(a_probe_sends_to_nobody_and_takes_no_for_an_answer),
		cmocka_unit_test(a_relay_without_a_login_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
