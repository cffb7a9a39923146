/* operation_test.c - Azure has a mail before it says what became of it: it is asked until it does,
 * and whoever does not know whether it has it asks before he sends again. */
#include "office.h"

#define BYTES "From: relay@example.com\r\nTo: a@x.example\r\nSubject: x\r\n\r\nbody\r\n"
#define RUNS "{\"id\":\"1\",\"status\":\"Running\",\"error\":null}"
#define SENT "{\"id\":\"1\",\"status\":\"Succeeded\"}"
#define FAILED(code)                                                                               \
	"{\"id\":\"1\",\"status\":\"Failed\",\"error\":{\"code\":\"" code                          \
	"\",\"message\":\"words of it\"}}"
#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"words of it\"}}"

static struct office azure(void)
{
	struct office o = office("azure");

	testkit_relay_option(o.relay, "api_url", "https://acs.example");
	testkit_relay_option(o.relay, "auth.method", "oauth");
	assert_int_equal(testkit_start(o.kit), 0);
	return o;
}

static struct office sent(void)
{
	struct office o = azure();

	put_message(&o, BYTES, "a@x.example");
	assert_int_equal(deliver(&o), GW_PENDING);
	pass_note(&o);
	return o;
}

/* The kind of the oldest question; "": there is none. */
static const char *asked(const struct office *o)
{
	const struct gw_http_request *request = testkit_request(o->kit);

	return !request                                          ? ""
	       : strstr(request->url.ptr, "/emails:send?")       ? "send"
	       : strstr(request->url.ptr, "/emails/operations/") ? "operation"
								 : "what";
}

static const char *line(const struct office *o, const char *name)
{
	struct gw_list list = testkit_request(o->kit)->headers;

	for (size_t i = 0; i < list.count; i++)
		if (strncmp(list.items[i].ptr, name, strlen(name)) == 0)
			return list.items[i].ptr;
	return "";
}

static enum gw_verdict answered(struct office *o, int status, const char *head, const char *body)
{
	assert_true(testkit_run_http(o->kit, status, head, body));
	return testkit_resume(o->kit, 1000);
}

/* A pause of the API's is over: it is asked. */
static void pass(struct office *o, int64_t ms)
{
	assert_string_equal(asked(o), "");
	testkit_advance(o->kit, ms - 1);
	assert_int_equal(testkit_requests(o->kit), 0);
	testkit_advance(o->kit, 1);
	assert_int_equal(testkit_resume(o->kit, 1000), GW_PENDING);
	assert_string_equal(asked(o), "operation");
}

static void it_is_asked_until_it_says_that_it_was_sent(void **state)
{
	struct office o = sent();
	char number[100], url[200];

	assert_string_equal(asked(&o), "send");
	assert_string_equal(testkit_request(o.kit)->url.ptr,
			    "https://acs.example/emails:send?api-version=2023-03-31");
	assert_string_equal(line(&o, "Authorization"), "Authorization: Bearer SECRET-token");
	snprintf(number, sizeof number, "%s", line(&o, "Operation-Id: ") + 14);
	assert_int_equal(strlen(number), 36);
	assert_int_equal(answered(&o, 202,
				  "Retry-After: 30\nOperation-Location: https://evil.example/",
				  RUNS),
			 GW_PENDING);
	pass(&o, 30000);
	snprintf(url, sizeof url, "https://acs.example/emails/operations/%s?api-version=2023-03-31",
		 number);
	assert_string_equal(testkit_request(o.kit)->url.ptr,
			    url); /* of ours, not of the answer's */
	assert_string_equal(testkit_request(o.kit)->method.ptr, "GET");
	assert_int_equal(answered(&o, 200, "Retry-After: 7", RUNS), GW_PENDING);
	pass(&o, 7000);
	assert_int_equal(answered(&o, 429, "Retry-After: 9", ""), GW_PENDING); /* of questions */
	pass(&o, 9000);
	assert_int_equal(answered(&o, 500, "", ""), GW_PENDING);
	pass(&o, 5000);
	assert_int_equal(answered(&o, 200, "", SENT), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_DELIVERED, 250, "2.0.0", "dot");
	assert_non_null(strstr(outcome(&o, 0)->text.ptr, number));
	testkit_destroy(o.kit);
}

static const struct {
	int status;
	const char *body;
	enum gw_status becomes;
	int code;
	const char *enhanced, *stage;
	bool unfit;
} rows[] = {
	{ 202, SENT, GW_DELIVERED, 250, "2.0.0", "dot", false },
	{ 202, FAILED("EmailDropped"), GW_BOUNCED, 554, "5.0.0", "dot", false },
	{ 202, FAILED("EmailDroppedAllRecipientsSuppressed"), GW_BOUNCED, 550, "5.7.1", "rcpt",
	  false },
	{ 401, ERROR("Denied"), GW_BOUNCED, 535, "5.7.3", "auth", false },
	{ 404, ERROR("DomainNotLinked"), GW_BOUNCED, 550, "5.7.60", "mail", false },
	{ 413, "", GW_BOUNCED, 552, "5.3.4", "dot", true },
	{ 429, ERROR("TooManyRequests"), GW_DEFERRED, 432, "4.3.2", "mail", false },
	{ 500, "", GW_DEFERRED, 451, "4.3.0", "mail", false },
	{ 502, "", GW_UNKNOWN, 0, "4.4.2", "dot", false },
};

static void an_answer_is_a_reply_that_everybody_knows(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct office o = sent();

		assert_outcome(outcome(&o, 0), GW_UNKNOWN, 0, "4.4.2", "dot");
		assert_int_equal(answered(&o, rows[i].status, "", rows[i].body), GW_ACCEPT);
		assert_outcome(outcome(&o, 0), rows[i].becomes, rows[i].code, rows[i].enhanced,
			       rows[i].stage);
		assert_int_equal(outcome(&o, 0)->unfit, rows[i].unfit);
		if (strstr(rows[i].body, "words of it"))
			assert_non_null(strstr(outcome(&o, 0)->text.ptr, "words of it"));
		testkit_destroy(o.kit);
	}
}

/* It may be refused since it has it: then it is there. */
static void what_is_refused_as_wrong_is_asked_for(void **state)
{
	struct office o = sent();

	assert_int_equal(answered(&o, 400, "", ERROR("BadRequest")), GW_PENDING);
	assert_string_equal(asked(&o), "operation");
	assert_int_equal(answered(&o, 404, "", ERROR("NotFound")), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_BOUNCED, 554, "5.6.0", "dot");
	assert_true(outcome(&o, 0)->unfit); /* it was told anew: as it came it may be liked */
	testkit_destroy(o.kit);

	o = sent();
	assert_int_equal(answered(&o, 409, "", ERROR("Conflict")), GW_PENDING);
	assert_int_equal(answered(&o, 200, "", SENT), GW_ACCEPT);
	assert_int_equal(outcome(&o, 0)->status, GW_DELIVERED);
	testkit_destroy(o.kit);
}

static void a_mail_that_may_be_there_is_asked_for_before_it_is_sent(void **state)
{
	struct office o = azure();

	put_message(&o, BYTES, "a@x.example");
	testkit_message_fact(o.message, GW_MESSAGE_ATTEMPTS, "1");
	assert_int_equal(deliver(&o), GW_PENDING);
	assert_string_equal(asked(&o), "operation");
	assert_int_equal(answered(&o, 200, "", SENT), GW_ACCEPT);
	assert_int_equal(outcome(&o, 0)->status, GW_DELIVERED);
	testkit_destroy(o.kit);

	o = azure(); /* it came before the gateway was started */
	put_message(&o, BYTES, "a@x.example");
	testkit_message_fact(o.message, GW_MESSAGE_RECEIVED_AT, "1000");
	assert_int_equal(deliver(&o), GW_PENDING);
	assert_string_equal(asked(&o), "operation");
	assert_int_equal(answered(&o, 404, "", ""), GW_PENDING);
	pass_note(&o);
	assert_string_equal(asked(&o), "send");
	assert_int_equal(answered(&o, 202, "", SENT), GW_ACCEPT);
	testkit_destroy(o.kit);

	o = azure(); /* but where nothing was noted, another relay may have it, whatever it says */
	put_message(&o, BYTES, "a@x.example");
	testkit_message_fact(o.message, GW_MESSAGE_RECEIVED_AT, "1000");
	assert_int_equal(deliver(&o), GW_PENDING);
	assert_int_equal(answered(&o, 400, "", ""), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_DEFERRED, 0, "4.4.1", "connect");
	testkit_destroy(o.kit);
}

static void what_is_not_said_in_time_is_unknown(void **state)
{
	struct office o = sent();

	assert_int_equal(answered(&o, 202, "Retry-After: 60", RUNS), GW_PENDING);
	pass(&o, 60000);
	assert_int_equal(answered(&o, 200, "Retry-After: 60", RUNS), GW_PENDING);
	pass(&o, 60000);
	assert_int_equal(answered(&o, 200, "Retry-After: 60", RUNS), GW_ACCEPT);
	assert_int_equal(outcome(&o, 0)->status, GW_UNKNOWN);
	assert_non_null(strstr(outcome(&o, 0)->text.ptr, "has not said yet"));
	testkit_destroy(o.kit);

	o = sent(); /* the delivery is gone, and its timer is not */
	assert_int_equal(answered(&o, 202, "Retry-After: 30", RUNS), GW_PENDING);
	testkit_drop(o.kit, o.delivery);
	testkit_advance(o.kit, 30000);
	assert_int_equal(testkit_requests(o.kit), 0);
	testkit_destroy(o.kit);

	o = sent(); /* stopped in a pause */
	assert_int_equal(answered(&o, 202, "Retry-After: 30", RUNS), GW_PENDING);
	testkit_destroy(o.kit);
}

static void a_probe_asks_for_a_mail_that_there_is_not(void **state)
{
	static const struct {
		int status;
		enum gw_status becomes;
	} cases[] = { { 404, GW_DELIVERED }, { 401, GW_BOUNCED }, { 503, GW_DEFERRED } };

	for (size_t i = 0; i < 3; i++) {
		struct office o = azure();

		put_message(&o, BYTES, "a@x.example");
		assert_int_equal(testkit_run_probe(o.kit, o.delivery, o.relay), GW_PENDING);
		assert_string_equal(asked(&o), "operation");
		assert_int_equal(answered(&o, cases[i].status, "", ""), GW_ACCEPT);
		assert_int_equal(outcome(&o, 0)->status, cases[i].becomes);
		testkit_destroy(o.kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_until_it_says_that_it_was_sent),
		cmocka_unit_test(an_answer_is_a_reply_that_everybody_knows),
		cmocka_unit_test(what_is_refused_as_wrong_is_asked_for),
		cmocka_unit_test(a_mail_that_may_be_there_is_asked_for_before_it_is_sent),
		cmocka_unit_test(what_is_not_said_in_time_is_unknown),
		cmocka_unit_test(a_probe_asks_for_a_mail_that_there_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
