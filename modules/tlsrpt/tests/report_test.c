/* report_test.c - what is counted, who is told of it and how, and what stays when that fails. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

#include "record.h"

#define DAY 86400000
#define TODAY (1767225600000 / DAY) /* a kit's: 2026-01-01 */

static struct gw_relay *relay;
static struct gw_delivery *delivery;

static struct testkit *gate(const char *key, const char *value)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_message *message;

	relay = testkit_relay(kit, "direct");
	testkit_option(kit, "from", "tls@sender.example");
	if (key)
		testkit_option(kit, key, value);
	assert_int_equal(testkit_start(kit), 0);
	message = testkit_message(kit, testkit_session(kit, "192.0.2.1"), "a@sender.example",
				  "Subject: x\r\n\r\nhi\r\n");
	delivery = testkit_delivery(message, relay);
	return kit;
}

static void count(struct testkit *kit, const char *domain, enum gw_link_policy policy,
		  const char *failure)
{
	static const struct gw_str lines[] = { GW_STR("version: STSv1"), GW_STR("mode: enforce") },
				   hosts[] = { GW_STR("*.example.net") };
	struct gw_link link = { .size = sizeof link,
				.policy = policy,
				.domain = gw_str(domain),
				.policy_domain = gw_str(domain),
				.host = gw_str("mx.example.net"),
				.address = gw_str("192.0.2.7"),
				.source = gw_str("192.0.2.1"),
				.failure = gw_str(failure),
				.reason = gw_str(*failure ? "the \"words\"\r\n" : "") };

	if (policy == GW_LINK_STS) {
		link.policy_text = (struct gw_list){ lines, 2 };
		link.policy_hosts = (struct gw_list){ hosts, 1 };
	}
	testkit_run_link(kit, delivery, &link);
}

/* A day later, at its report's time. */
static void next_day(struct testkit *kit)
{
	testkit_run_tick(kit);
	testkit_advance(kit, DAY + 30 * 60000);
	testkit_run_tick(kit);
}

static const char *unpacked(struct gw_str packed)
{
	static char text[65536];
	z_stream stream = { .next_in = (unsigned char *)packed.ptr,
			    .avail_in = (unsigned)packed.len,
			    .next_out = (unsigned char *)text,
			    .avail_out = sizeof text - 1 };

	assert_int_equal(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	text[stream.total_out] = '\0';
	inflateEnd(&stream);
	return text;
}

#define WEB "v=TLSRPTv1; rua=https://reports.example.net/x"
#define MAIL "v=TLSRPTv1;rua=mailto:a@example.net"

/* --- what is counted, and told --- */

static void a_report_has_policies_sums_and_failures(void **state)
{
	struct testkit *kit = gate(NULL, NULL);
	const struct gw_http_request *request;

	count(kit, "example.net", GW_LINK_STS, "");
	count(kit, "example.net", GW_LINK_STS, "certificate-expired");
	count(kit, "example.net", GW_LINK_STS, "certificate-expired");
	count(kit, "example.net", GW_LINK_NO_POLICY, "starttls-not-supported");
	next_day(kit);
	assert_string_equal(testkit_question(kit)->name.ptr, "_smtp._tls.example.net");
	testkit_run_dns(kit, GW_DNS_FOUND, 300, WEB);
	request = testkit_request(kit);
	assert_string_equal(request->url.ptr, "https://reports.example.net/x");
	assert_true(request->public_only); /* its owner named it, and may mean us */
	assert_string_equal(request->headers.items[0].ptr, "Content-Type: application/tlsrpt+gzip");
	assert_string_equal(
		unpacked(testkit_request_body(kit, 0)),
		"{\"organization-name\":\"sender.example\",\"date-range\":{\"start-datetime\":\"2026-01-01T00:00:00.000Z\",\"end-datetime\":\"2026-01-01T23:59:59.000Z\"},"
		"\"contact-info\":\"tls@sender.example\",\"report-id\":\"1767225600.example.net@sender.example\",\"policies\":["
		"{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: enforce\"],\"policy-domain\":\"example.net\",\"mx-host\":[\"*.example.net\"]},"
		"\"summary\":{\"total-successful-session-count\":1,\"total-failure-session-count\":2},\"failure-details\":[{\"result-type\":\"certificate-expired\","
		"\"sending-mta-ip\":\"192.0.2.1\",\"receiving-mx-hostname\":\"mx.example.net\",\"receiving-ip\":\"192.0.2.7\",\"failed-session-count\":2,\"failure-reason-code\":\"the \\\"words\\\"??\"}]},"
		"{\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"example.net\"},"
		"\"summary\":{\"total-successful-session-count\":0,\"total-failure-session-count\":1},\"failure-details\":[{\"result-type\":\"starttls-not-supported\","
		"\"sending-mta-ip\":\"192.0.2.1\",\"receiving-mx-hostname\":\"mx.example.net\",\"receiving-ip\":\"192.0.2.7\",\"failed-session-count\":1,\"failure-reason-code\":\"the \\\"words\\\"??\"}]}]}");
	testkit_run_http(kit, 200, "", "");
	testkit_advance(kit, 2 * 3600000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 0); /* it is told */
	testkit_destroy(kit);
}

static void a_mail_is_what_the_standard_says(void **state)
{
	static const char *const parts[] = {
		"\r\nFrom: <tls@sender.example>\r\nTo: <a@example.net>,\r\n <b+c@example.org>\r\n",
		"\r\nSubject: Report Domain: example.net\r\n Submitter: sender.example\r\n Report-ID: <1767225600.example.net@sender.example>\r\n",
		"\r\nTLS-Report-Domain: example.net\r\nTLS-Report-Submitter: sender.example\r\nTLS-Required: No\r\n",
		"\r\nContent-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"=_tlsrpt\"\r\n",
		"\r\nContent-Type: application/tlsrpt+gzip\r\n",
		"filename=\"sender.example!example.net!1767225600!1767311999!001.json.gz\"\r\n",
		"\r\n\r\nH4sI", /* what gzip begins with, as base64 */
		"\r\n--=_tlsrpt--\r\n",
	};
	struct testkit *kit = gate(NULL, NULL);
	const struct gw_submission *mail;

	count(kit, "example.net", GW_LINK_NO_POLICY, "");
	next_day(kit);
	testkit_run_dns(
		kit, GW_DNS_FOUND, 300,
		"other\nv=TLSRPTv1; rua=mailto:a@example.net?subject=x , mailto:b%2bc@example.org");
	assert_int_equal(testkit_submissions(kit), 1);
	mail = testkit_submission(kit, 0);
	assert_string_equal(mail->sender.ptr, "tls@sender.example");
	assert_int_equal(mail->rcpts.count, 2);
	assert_string_equal(mail->rcpts.items[1].ptr, "b+c@example.org");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!strstr(mail->bytes.ptr, parts[i]))
			fail_msg("%s is not in %s", parts[i], mail->bytes.ptr);
	testkit_destroy(kit);
}

static void counts_outlive_a_restart(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	count(kit, "example.net", GW_LINK_STS, "");
	testkit_run_tick(kit);
	count(kit, "example.net", GW_LINK_STS, "certificate-expired");
	testkit_stop(kit); /* what no tick has written is */
	assert_int_equal(testkit_start(kit), 0);
	count(kit, "example.net", GW_LINK_STS, "certificate-expired");
	next_day(kit);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, WEB);
	assert_non_null(
		strstr(unpacked(testkit_request_body(kit, 0)),
		       "{\"total-successful-session-count\":1,\"total-failure-session-count\":2}"));
	testkit_destroy(kit);
}

/* However often the gateway began anew in a day, its counts are of one report, and gone then. */
static void many_restarts_are_one_report(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	for (int i = 0; i < 70; i++) {
		count(kit, "example.net", GW_LINK_NO_POLICY, "");
		testkit_stop(kit);
		assert_int_equal(testkit_start(kit), 0);
	}
	testkit_run_control(kit, "show", false);
	assert_non_null(strstr(testkit_line(kit, TESTKIT_REPLY, 0), "\"good\":70,\"failed\":0"));
	next_day(kit);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, WEB);
	testkit_run_http(kit, 200, "", "");
	testkit_run_control(kit, "show", false);
	assert_null(strstr(testkit_line(kit, TESTKIT_REPLY, 1), "example.net"));
	testkit_destroy(kit);
}

static void each_day_has_its_report(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	count(kit, "example.net", GW_LINK_NO_POLICY, "");
	testkit_advance(kit, DAY);
	count(kit, "example.net", GW_LINK_NO_POLICY, "");
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 0); /* at half past, and not before */
	testkit_advance(kit, 30 * 60000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 1); /* today's is not over */
	testkit_run_dns(kit, GW_DNS_FOUND, 300, WEB);
	assert_non_null(strstr(unpacked(testkit_request_body(kit, 0)), "2026-01-01T00"));
	testkit_run_http(kit, 200, "", "");
	testkit_run_tick(kit);
	testkit_advance(kit, DAY);
	testkit_run_tick(kit);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, WEB);
	assert_non_null(strstr(unpacked(testkit_request_body(kit, 0)), "2026-01-02T00"));
	testkit_destroy(kit);
}

static void a_report_is_not_in_the_next_one(void **state)
{
	struct testkit *kit = gate(NULL, NULL);
	struct gw_message *message = testkit_message(kit, testkit_session(kit, "192.0.2.1"),
						     "tls@sender.example", "\r\n");

	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	delivery = testkit_delivery(message, relay);
	count(kit, "example.net", GW_LINK_NO_POLICY, "");
	next_day(kit);
	assert_int_equal(testkit_questions(kit), 0);
	testkit_destroy(kit);
}

/* --- when somebody is down --- */

static void what_cannot_be_told_stays_and_nobody_is_told_twice(void **state)
{
	struct testkit *kit = gate(NULL, NULL);
	int i;

	count(kit, "example.net", GW_LINK_NO_POLICY, "");
	next_day(kit);
	testkit_run_dns(kit, GW_DNS_FAILED, 0, "no name server answers");
	for (i = 0; i < 3; i++) {
		testkit_run_tick(kit);
		assert_int_equal(testkit_questions(kit), 0);
		testkit_advance(kit, 3600000);
		testkit_run_tick(kit);
		testkit_run_dns(kit, GW_DNS_FOUND, 300,
				MAIL ",https://one.example/,https://two.example/");
		assert_int_equal(testkit_submissions(kit), 1);
		assert_int_equal(testkit_requests(kit), i ? 1 : 2);
		if (!i)
			testkit_run_http(kit, 201, "", "");
		testkit_run_http(kit, i == 2 ? 200 : 503, "", "");
	}
	testkit_advance(kit, 3600000);
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 0);
	testkit_destroy(kit);
}

static void after_two_days_it_interests_nobody(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	count(kit, "example.net", GW_LINK_NO_POLICY, "");
	testkit_run_tick(kit);
	testkit_advance(kit, 3 * (int64_t)DAY + 30 * 60000);
	testkit_run_tick(kit);
	testkit_run_tick(kit);
	assert_int_equal(testkit_questions(kit), 0);
	testkit_run_control(kit, "show", false);
	assert_null(strstr(testkit_line(kit, TESTKIT_REPLY, 0), "example.net"));
	testkit_destroy(kit);
}

static void who_wants_none_gets_none(void **state)
{
	static const struct {
		enum gw_dns_status status;
		const char *text;
	} rows[] = {
		{ GW_DNS_NONE, "" },
		{ GW_DNS_NO_NAME, "" },
		{ GW_DNS_FOUND, "v=spf1 -all" },
		{ GW_DNS_FOUND, "v=TLSRPTv2; rua=mailto:a@example.net" },
		{ GW_DNS_FOUND, "v=TLSRPTv1; rua=ftp://example.net/" },
		{ GW_DNS_FOUND, "v=TLSRPTv1; rua=http://example.net/" },
		{ GW_DNS_FOUND, "v=TLSRPTv1; rua=mailto:nobody" },
		{ GW_DNS_FOUND, "v=TLSRPTv1; rua=mailto:a%0d%0a@example.net" },
		{ GW_DNS_FOUND, MAIL "\n" MAIL }, /* one of two cannot be told from the other */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = gate(NULL, NULL);

		count(kit, "example.net", GW_LINK_NO_POLICY, "");
		next_day(kit);
		testkit_run_dns(kit, rows[i].status, 300, rows[i].text);
		assert_int_equal(testkit_submissions(kit) + testkit_requests(kit), 0);
		testkit_advance(kit, 3600000);
		testkit_run_tick(kit);
		assert_int_equal(testkit_questions(kit), 0);
		testkit_destroy(kit);
	}
}

/* --- bounds --- */

static void domains_and_failures_have_a_bound(void **state)
{
	struct testkit *kit = gate("domains", "2");
	char name[32];

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof name, "failure-%d", i);
		count(kit,
		      i % 3 == 0   ? "a.example"
		      : i % 3 == 1 ? "b.example"
				   : "c.example",
		      GW_LINK_NO_POLICY, name);
	}
	testkit_run_control(kit, "show", false);
	assert_non_null(strstr(testkit_line(kit, TESTKIT_REPLY, 0),
			       "\"domain\":\"a.example\",\"good\":0,\"failed\":17"));
	assert_non_null(strstr(testkit_line(kit, TESTKIT_REPLY, 0), "b.example"));
	assert_null(strstr(testkit_line(kit, TESTKIT_REPLY, 0), "c.example"));
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 1);
	testkit_destroy(kit);
}

static void an_admin_sees_it_and_sends_it_at_once(void **state)
{
	struct testkit *kit = gate(NULL, NULL);

	count(kit, "example.net", GW_LINK_NO_POLICY, "");
	testkit_run_control(kit, "send EXAMPLE.net", true);
	testkit_run_tick(kit);
	testkit_run_dns(kit, GW_DNS_FOUND, 300, MAIL);
	assert_int_equal(testkit_submissions(kit), 1);
	testkit_run_status(kit);
	assert_true(testkit_has(kit, TESTKIT_STATUS, "last report: example.net: it was told"));
	/* and what was told is not told again */
	count(kit, "example.net", GW_LINK_NO_POLICY, "certificate-expired");
	testkit_run_control(kit, "show example.net", false);
	assert_non_null(strstr(testkit_line(kit, TESTKIT_REPLY, 1), "\"good\":0,\"failed\":1"));
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_has_policies_sums_and_failures),
		cmocka_unit_test(a_mail_is_what_the_standard_says),
		cmocka_unit_test(counts_outlive_a_restart),
		cmocka_unit_test(many_restarts_are_one_report),
		cmocka_unit_test(each_day_has_its_report),
		cmocka_unit_test(a_report_is_not_in_the_next_one),
		cmocka_unit_test(what_cannot_be_told_stays_and_nobody_is_told_twice),
		cmocka_unit_test(after_two_days_it_interests_nobody),
		cmocka_unit_test(who_wants_none_gets_none),
		cmocka_unit_test(domains_and_failures_have_a_bound),
		cmocka_unit_test(an_admin_sees_it_and_sends_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
