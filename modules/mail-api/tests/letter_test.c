/* letter_test.c - what an API is given: the message, with a header that names the recipients of the
 * delivery and nobody else. */
#include "office.h"

#define END "Subject: x\r\n\r\nbody\r\n"

/* --- header against envelope --- */

struct row {
	const char *head, *rcpts, *others;
	const char *sent;  /* the head as it goes out; NULL: it is refused, */
	const char *words; /* with these words */
};

static const struct row rows[] = {
	/* as it came, to the octet */
	{ "To: a@x.example\r\n", "a@x.example", "refuse", "To: a@x.example\r\n", NULL },
	{ "TO : \"A, b\" <a@x.example>,\r\n\tb@x.example\r\nCC: c@x.example\r\n",
	  "a@x.example b@x.example c@x.example", "refuse",
	  "TO : \"A, b\" <a@x.example>,\r\n\tb@x.example\r\nCC: c@x.example\r\n", NULL },
	{ "To: Jane@X.Example\r\n", "jane@x.example", "refuse", "To: Jane@X.Example\r\n", NULL },
	{ "To: \"jane\"@x.example\r\n", "jane@x.example", "refuse", "To: \"jane\"@x.example\r\n",
	  NULL },
	{ "To: jane@x.example (Jane, (of) x)\r\n", "jane@x.example", "refuse",
	  "To: jane@x.example (Jane, (of) x)\r\n", NULL },
	{ "To: Team: a@x.example, B <b@x.example>;\r\n", "a@x.example b@x.example", "refuse",
	  "To: Team: a@x.example, B <b@x.example>;\r\n", NULL },
	{ "To: =?utf-8?q?J=C3=BCrgen=2C?= <j@x.example>\r\n", "j@x.example", "refuse",
	  "To: =?utf-8?q?J=C3=BCrgen=2C?= <j@x.example>\r\n", NULL },
	/* blind ones */
	{ "To: a@x.example\r\n", "a@x.example b@x.example c@x.example", "refuse",
	  "To: a@x.example\r\nBcc: <b@x.example>,\r\n <c@x.example>\r\n", NULL },
	{ "", "a@x.example", "refuse", "Bcc: <a@x.example>\r\n", NULL },
	{ "To: undisclosed-recipients:;\r\n", "a@x.example", "refuse",
	  "To: undisclosed-recipients:;\r\nBcc: <a@x.example>\r\n", NULL },
	{ "Bcc: a@x.example, other@x.example\r\nTo: b@x.example\r\n", "a@x.example b@x.example",
	  "refuse", "To: b@x.example\r\nBcc: <a@x.example>\r\n", NULL },
	{ "Bcc: nonsense <<\r\nTo: b@x.example\r\n", "b@x.example", "refuse", "To: b@x.example\r\n",
	  NULL },
	{ "Return-Path: <x@y.example>\r\nTo: b@x.example\r\n", "b@x.example", "refuse",
	  "To: b@x.example\r\n", NULL },
	/* others, to whom it must not go */
	{ "To: a@x.example, b@x.example\r\n", "a@x.example", "refuse", NULL,
	  "To names b@x.example" },
	{ "To: a@x.example\r\nCc: B <b@x.example>\r\n", "a@x.example", "refuse", NULL,
	  "Cc names b@x.example" },
	{ "To: a@x.example\r\nto: b@x.example\r\n", "a@x.example", "refuse", NULL,
	  "to names b@x.example" },
	{ "To: list@x.example\r\n", "a@x.example", "refuse", NULL, "To names list@x.example" },
	{ "To: a@x.example.evil.example\r\n", "a@x.example", "refuse", NULL, "To names" },
	{ "To: a@x.example, B <b@x.example>,\r\n \"C\" <c@x.example>\r\n",
	  "a@x.example c@x.example", "remove", "To: a@x.example,\r\n \"C\" <c@x.example>\r\n",
	  NULL },
	{ "To: b@x.example\r\nCc: a@x.example\r\n", "a@x.example", "remove", "Cc: a@x.example\r\n",
	  NULL },
	{ "To: list@x.example\r\n", "a@x.example", "remove", "Bcc: <a@x.example>\r\n", NULL },
	{ "To: G: b@x.example, a@x.example;\r\n", "a@x.example", "remove", "To: a@x.example\r\n",
	  NULL },
	/* what could be read in two ways */
	{ "To: a@x.example b@x.example\r\n", "a@x.example", "remove", NULL, "more than one way" },
	{ "To: a@x.example <b@x.example>\r\n", "b@x.example", "refuse",
	  "To: a@x.example <b@x.example>\r\n", NULL },
	{ "To: <a@x.example> <b@x.example>\r\n", "a@x.example", "remove", NULL,
	  "more than one way" },
	{ "To: <@b.example:a@x.example>\r\n", "a@x.example", "remove", NULL, "more than one way" },
	{ "To: \"a@x.example\r\n", "a@x.example", "remove", NULL, "more than one way" },
	{ "To: (a@x.example\r\n", "a@x.example", "remove", NULL, "more than one way" },
	{ "To: a@x.example;b@x.example\r\n", "a@x.example", "remove", NULL, "more than one way" },
	{ "To: G: a@x.example\r\n", "a@x.example", "remove", NULL, "more than one way" },
	{ "To: postmaster\r\n", "a@x.example", "remove", NULL, "more than one way" },
	{ "To: a@x.example\r\nResent-To: b@x.example\r\n", "a@x.example", "remove", NULL,
	  "Resent-To" },
};

static void check(const struct row *row)
{
	struct office o = office("gmail");
	char bytes[1000], wanted[1000];

	testkit_relay_option(o.relay, "api_others", row->others);
	assert_int_equal(testkit_start(o.kit), 0);
	snprintf(bytes, sizeof bytes, "%s" END, row->head);
	put_message(&o, bytes, row->rcpts);
	if (!row->sent) {
		assert_int_equal(deliver(&o), GW_ACCEPT);
		assert_outcome(outcome(&o, 0), GW_BOUNCED, 0, "5.3.3", "mail");
		assert_true(outcome(&o, 0)->unfit);
		if (!strstr(outcome(&o, 0)->text.ptr, row->words))
			fail_msg("%s: %s", row->head, outcome(&o, 0)->text.ptr);
		assert_int_equal(testkit_requests(o.kit), 0);
	} else {
		const char *bcc = strstr(row->sent, "Bcc:");
		int before = bcc ? (int)(bcc - row->sent) : (int)strlen(row->sent);

		/* a Bcc of ours stands at the end */
		snprintf(wanted, sizeof wanted, "%.*sSubject: x\r\n%s\r\nbody\r\n", before,
			 row->sent, row->sent + before);
		assert_int_equal(deliver(&o), GW_PENDING);
		assert_string_equal(testkit_request_body(o.kit, 7).ptr, wanted);
	}
	testkit_destroy(o.kit);
}

static void the_header_names_the_recipients_and_nobody_else(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(&rows[i]);
}

/* --- the octets --- */

static char *make_bytes(size_t size)
{
	static const char head[] = "To: a@x.example\r\n\r\n";
	char *bytes = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)('a' + i % 23);
	memcpy(bytes, head, sizeof head - 1);
	bytes[size] = '\0';
	return bytes;
}

static void graph_has_the_message_in_base64_whatever_the_pieces_are(void **state)
{
	static const size_t pieces[] = { 1, 3, 5, 4096, 16384, 65536 };

	for (size_t size = 40001; size < 40004; size++)
		for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
			struct office o = office("graph");
			char *bytes = make_bytes(size), *sent;

			assert_int_equal(testkit_start(o.kit), 0);
			put_message(&o, bytes, "a@x.example");
			assert_int_equal(deliver(&o), GW_PENDING);
			sent = decode(testkit_request_body(o.kit, pieces[i]));
			assert_string_equal(sent, bytes);
			free(sent);
			free(bytes);
			testkit_destroy(o.kit);
		}
}

static void a_request_is_what_the_reference_says(void **state)
{
	struct office o = office("graph");
	const struct gw_http_request *request;

	assert_int_equal(testkit_start(o.kit), 0);
	put_message(&o, "To: a@x.example\r\n" END, "a@x.example");
	testkit_delivery_trace(o.delivery, "Received: by gateway\r\n");
	assert_int_equal(deliver(&o), GW_PENDING);
	request = testkit_request(o.kit);
	assert_string_equal(request->url.ptr,
			    "https://graph.microsoft.com/v1.0/users/relay%40example.com/sendMail");
	assert_string_equal(request->method.ptr, "POST");
	assert_string_equal(request->headers.items[0].ptr, "Authorization: Bearer SECRET-token");
	assert_string_equal(request->headers.items[1].ptr, "Content-Type: text/plain");
	testkit_destroy(o.kit);

	o = office("gmail");
	testkit_relay_option(o.relay, "api_mailbox", "other@example.com");
	testkit_relay_option(o.relay, "api_url", "https://api.example/");
	assert_int_equal(testkit_start(o.kit), 0);
	put_message(&o, "To: a@x.example\r\n" END, "a@x.example");
	assert_int_equal(deliver(&o), GW_PENDING);
	request = testkit_request(o.kit);
	assert_string_equal(
		request->url.ptr,
		"https://api.example/upload/gmail/v1/users/other%40example.com/messages/send?uploadType=media");
	assert_string_equal(request->headers.items[1].ptr, "Content-Type: message/rfc822");
	testkit_destroy(o.kit);
}

static void what_is_too_large_is_for_another_relay(void **state)
{
	struct office o = office("graph");
	char *bytes = make_bytes(3 * 1024 * 1024 + 1);

	assert_int_equal(testkit_start(o.kit), 0);
	put_message(&o, bytes, "a@x.example");
	assert_int_equal(deliver(&o), GW_ACCEPT);
	assert_outcome(outcome(&o, 0), GW_BOUNCED, 0, "5.3.4", "mail");
	assert_true(outcome(&o, 0)->unfit);
	free(bytes);
	testkit_destroy(o.kit);
}

static void a_report_does_not_go_through_a_mailbox(void **state)
{
	struct office o = office("graph");

	assert_int_equal(testkit_start(o.kit), 0);
	put_message(&o, "To: a@x.example\r\n" END, "a@x.example");
	testkit_delivery_fact(o.delivery, GW_DELIVERY_RETURN_PATH, "");
	assert_int_equal(deliver(&o), GW_ACCEPT);
	assert_true(outcome(&o, 0)->unfit);
	assert_int_equal(testkit_requests(o.kit), 0);
	testkit_destroy(o.kit);
}

static void a_relay_of_others_is_not_ours(void **state)
{
	struct office o = office("none");

	assert_int_equal(testkit_start(o.kit), 0);
	put_message(&o, "To: a@x.example\r\n" END, "a@x.example");
	assert_int_equal(deliver(&o), GW_CONTINUE);
	assert_int_equal(testkit_run_probe(o.kit, o.delivery, o.relay), GW_CONTINUE);
	testkit_destroy(o.kit);
}

static void a_url_that_is_not_https_is_an_error(void **state)
{
	struct office o = office("graph");

	testkit_relay_option(o.relay, "api_url", "http://api.example");
	assert_int_equal(testkit_start(o.kit), -1);
	assert_true(testkit_has(o.kit, TESTKIT_PROBLEM, "https://"));
	testkit_destroy(o.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_names_the_recipients_and_nobody_else),
		cmocka_unit_test(graph_has_the_message_in_base64_whatever_the_pieces_are),
		cmocka_unit_test(a_request_is_what_the_reference_says),
		cmocka_unit_test(what_is_too_large_is_for_another_relay),
		cmocka_unit_test(a_report_does_not_go_through_a_mailbox),
		cmocka_unit_test(a_relay_of_others_is_not_ours),
		cmocka_unit_test(a_url_that_is_not_https_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
