/* honest_test.c - what becomes of mail that says it is from somebody else: refused, rewritten or
 * flagged. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

static struct gw_relay *relay;

static struct testkit *kit_of(const char *from)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	relay = testkit_relay(kit, "relay");
	testkit_option(kit, "clients[0].name", "crm");
	testkit_option(kit, "clients[0].networks", "192.0.2.0/24");
	testkit_option(kit, "clients[0].domains", "example.com");
	testkit_option(kit, "clients[0].login", "true");
	testkit_option(kit, "clients[0].from", from);
	testkit_option(kit, "clients[0].address", "crm@example.com");
	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static struct gw_message *message_of(struct testkit *kit, const char *header)
{
	struct gw_session *session = testkit_session(kit, "192.0.2.7");
	char bytes[800];

	snprintf(bytes, sizeof bytes, "%s\r\n\r\nhi\r\n", header);
	testkit_run_connect(kit, session);
	return testkit_message(kit, session, "bounce@crm.example", bytes);
}

/* What leaves, without the body; NULL: it was refused. */
static const char *sent(struct testkit *kit, struct gw_message *message)
{
	struct gw_delivery *delivery;
	static char text[2000];
	struct gw_str bytes;

	if (testkit_run_message(kit, message) != GW_CONTINUE)
		return NULL;
	testkit_rcpt(message, "b@elsewhere.example");
	delivery = testkit_delivery(message, relay);
	assert_int_equal(testkit_run_prepare(kit, delivery), GW_CONTINUE);
	bytes = testkit_sent(delivery);
	snprintf(text, sizeof text, "%.*s", GW_STR_ARGS(bytes));
	*strstr(text, "\r\n\r\n") = '\0';
	return text;
}

static void each_refusal_says_what_is_wrong(void **state)
{
	static const struct {
		const char *header, *id;
	} rows[] = {
		{ "Subject: x", "from-missing" },
		{ "From: a@example.com\r\nFrom: a@example.com", "from-twice" },
		{ "From: us: a@example.com;", "from-group" },
		{ "From: a@example.com, b@example.com", "from-several" },
		{ "From: a@example.com b", "from-unreadable" },
		{ "From: a@other.example", "from-domain" },
		{ "From: \"a@other.example\" <a@example.com>", "from-name" },
		{ "From: a@example.com\r\nSender: b@other.example", "sender-domain" },
		{ "From: a@example.com\r\nSender: a@example.com\r\nSender: b@other.example",
		  "sender-twice" },
		{ "From: a@example.com\r\nSender: a@example.com, b@other.example",
		  "sender-several" },
		{ "From: a@example.com\r\nSender: us: a@example.com;", "sender-group" },
		{ "From: a@example.com\r\nSender: nobody", "sender-unreadable" },
	};
	struct testkit *kit = kit_of("strict");
	char metric[64];
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_null(sent(kit, message_of(kit, rows[i].header)));
		assert_int_equal(testkit_answer(kit)->code, 550);
		snprintf(metric, sizeof metric, "refused.%s", rows[i].id);
		assert_int_equal(testkit_metric(kit, metric), 1);
	}
	assert_string_equal(sent(kit, message_of(kit, "From: a@example.com\r\nSender: B "
						      "<b@EXAMPLE.com>")),
			    "From: a@example.com\r\nSender: B <b@EXAMPLE.com>");
	testkit_destroy(kit);
}

static void a_foreign_from_is_rewritten(void **state)
{
	static const struct {
		const char *header, *sent;
	} rows[] = {
		{ "From: a@example.com\r\nDKIM-Signature: v=1",
		  "From: a@example.com\r\nDKIM-Signature: v=1" },
		{ "Subject: x\r\nFrom: a@other.example",
		  "Subject: x\r\nFrom: <crm@example.com>\r\nReply-To: a@other.example" },
		{ "From: Jane Doe <a@other.example>\r\nTo: b@elsewhere.example",
		  "From: \"Jane Doe\" <crm@example.com>\r\nReply-To: Jane Doe <a@other.example>\r\n"
		  "To: b@elsewhere.example" },
		{ "From: \"Doe, \\\"J\\\"\" <a@other.example>",
		  "From: \"Doe, \\\"J\\\"\" <crm@example.com>\r\n"
		  "Reply-To: \"Doe, \\\"J\\\"\" <a@other.example>" },
		{ "From: =?iso-8859-1?Q?J=E4ne?= <a@other.example>",
		  "From: =?utf-8?B?SsOkbmU=?= <crm@example.com>\r\n"
		  "Reply-To: =?iso-8859-1?Q?J=E4ne?= <a@other.example>" },
		/* a name that is an address says again what was taken away */
		{ "From: \"ceo@other.example\" <a@example.com>",
		  "From: <crm@example.com>\r\nReply-To: \"ceo@other.example\" <a@example.com>" },
		/* who replies is sent where the message said */
		{ "From: a@other.example\r\nReply-To: b@third.example",
		  "From: <crm@example.com>\r\nReply-To: b@third.example" },
		/* what the new From contradicts or breaks */
		{ "DKIM-Signature: v=1; d=other.example\r\nFrom: a@other.example\r\n"
		  "Sender: b@other.example\r\ndkim-signature: v=1; d=third.example",
		  "From: <crm@example.com>\r\nReply-To: a@other.example" },
		{ "From: a@example.com\r\nSender: b@other.example",
		  "From: <crm@example.com>\r\nReply-To: a@example.com" },
	};
	struct testkit *kit = kit_of("rewrite");
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(sent(kit, message_of(kit, rows[i].header)), rows[i].sent);
	assert_int_equal(testkit_metric(kit, "rewritten"), 8);
	testkit_destroy(kit);
}

static void what_cannot_be_read_is_not_rewritten(void **state)
{
	static const char *const headers[] = {
		"Subject: x",
		"From: a@other.example\r\nFrom: a@example.com",
		"From: a@other.example, b@other.example",
		"From: us: a@other.example;",
		"From: a@other.example b",
		"From: a@other.example\r\nSender: a@example.com\r\nSender: b@other.example",
	};
	struct testkit *kit = kit_of("rewrite");
	size_t i;

	for (i = 0; i < sizeof headers / sizeof *headers; i++)
		assert_null(sent(kit, message_of(kit, headers[i])));
	testkit_destroy(kit);
}

static void a_flag_says_what_is_wrong(void **state)
{
	struct testkit *kit = kit_of("flag");

	assert_string_equal(
		sent(kit, message_of(kit, "From: a@other.example\r\nX-Sender-Check: fine")),
		"X-Sender-Check: sender domain other.example is not allowed for client crm\r\n"
		"From: a@other.example");
	assert_string_equal(sent(kit, message_of(kit, "Subject: x")),
			    "X-Sender-Check: the message has no From field\r\nSubject: x");
	assert_string_equal(sent(kit, message_of(kit, "From: a@example.com")),
			    "From: a@example.com");
	assert_int_equal(testkit_metric(kit, "flagged"), 2);
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 2);
	testkit_destroy(kit);
}

static void rewriting_needs_an_address_of_the_client(void **state)
{
	static const char *const wrong[] = { "", "crm", "crm@other.example" };
	size_t i;

	for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);

		testkit_option(kit, "clients[0].name", "crm");
		testkit_option(kit, "clients[0].networks", "192.0.2.0/24");
		testkit_option(kit, "clients[0].domains", "example.com");
		testkit_option(kit, "clients[0].from", "rewrite");
		testkit_option(kit, "clients[0].address", wrong[i]);
		assert_int_equal(testkit_start(kit), -1);
		testkit_destroy(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_says_what_is_wrong),
		cmocka_unit_test(a_foreign_from_is_rewritten),
		cmocka_unit_test(what_cannot_be_read_is_not_rewritten),
		cmocka_unit_test(a_flag_says_what_is_wrong),
		cmocka_unit_test(rewriting_needs_an_address_of_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
