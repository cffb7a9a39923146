/* azure_test.c - what Azure Communication Services Email is told of a mail, and which mail it is
 * not told: all that its JSON cannot say. */
#include "../azure_key.h"
#include "office.h"

#define HEAD "From: relay@example.com\r\nTo: a@x.example\r\nSubject: x\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
#define PDF                                                                                        \
	"\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; "            \
	"filename=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\n"

static struct office azure(void)
{
	struct office o = office("azure");

	testkit_relay_option(o.relay, "api_url", "https://acs.example/");
	testkit_relay_option(o.relay, "auth.method", "oauth");
	return o;
}

/* What it is told of the mail; NULL: nothing, and `o` has the outcome. */
static char *told(struct office *o, const char *bytes, const char *rcpts)
{
	assert_int_equal(testkit_start(o->kit), 0);
	put_message(o, bytes, rcpts);
	if (deliver(o) != GW_PENDING)
		return NULL;
	pass_note(o);
	return strdup(testkit_request_body(o->kit, 100).ptr);
}

/* --- what it is told --- */

struct row {
	const char *bytes, *rcpts;
	const char *json[6]; /* parts of it */
};

static const struct row rows[] = {
	{ HEAD "\r\nhello \"you\"\r\n\r\n",
	  "a@x.example",
	  { "\"senderAddress\":\"relay@example.com\"", "\"to\":[{\"address\":\"a@x.example\"}]",
	    "\"subject\":\"x\"", "\"plainText\":\"hello \\\"you\\\"\\u000d\\n\\u000d\\n\"",
	    "\"userEngagementTrackingDisabled\":true" } },
	/* people: names, blind ones, answers */
	{ "From: <relay@example.com>\r\nTo: \"Doe, J\" <a@x.example>,\r\n =?utf-8?q?J=C3=BCrgen?= <b@x.example>\r\nCc: c@x.example\r\n"
	  "Reply-To: Help <h@example.com>\r\nSubject: x\r\n\r\n.\r\n",
	  "a@x.example b@x.example c@x.example blind@x.example",
	  { "\"to\":[{\"address\":\"a@x.example\",\"displayName\":\"Doe, J\"},{\"address\":\"b@x.example\",\"displayName\":\"J\303\274rgen\"}]",
	    "\"cc\":[{\"address\":\"c@x.example\"}]", "\"bcc\":[{\"address\":\"blind@x.example\"}]",
	    "\"replyTo\":[{\"address\":\"h@example.com\",\"displayName\":\"Help\"}]" } },
	/* the header */
	{ HEAD
	  "Message-ID: <1@example.com>\r\nIn-Reply-To: <0@x.example>\r\nList-Unsubscribe:\r\n <https://example.com/u>\r\n"
	  "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nReceived: by x\r\nReceived: by y\r\nDKIM-Signature: v=1\r\nMIME-Version: 1.0\r\n\r\n.\r\n",
	  "a@x.example",
	  { "\"headers\":{\"Message-ID\":\"<1@example.com>\",\"In-Reply-To\":\"<0@x.example>\",\"List-Unsubscribe\":\"<https://example.com/u>\"}" } },
	{ "From: relay@example.com\r\nSender: Relay@example.com\r\nTo: a@x.example\r\nSubject: =?utf-8?b?w6Q=?=\r\n =?iso-8859-1?q?=F6?= u\r\n\r\n.\r\n",
	  "a@x.example",
	  { "\"subject\":\"\303\244\303\266 u\"" } },
	/* the text */
	{ HEAD
	  "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nf=FCr=\r\n dich\r\n",
	  "a@x.example",
	  { "\"plainText\":\"f\303\274r dich\\u000d\\n\"" } },
	{ HEAD
	  "Content-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+w6Q8L2I+\r\n",
	  "a@x.example",
	  { "\"html\":\"<b>\303\244</b>\"}" } },
	{ HEAD
	  "Content-Type: multipart/alternative; boundary=\"b\"\r\n\r\npreamble\r\n--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n",
	  "a@x.example",
	  { "\"plainText\":\"plain\"", "\"html\":\"<p>\"" } },
	/* attachments */
	{ HEAD MIXED
	  "\r\ntext" PDF
	  "\r\nAAEC\r\n/w==\r\n--b\r\nContent-Type: text/csv; name=l.csv\r\nContent-Disposition: attachment;\r\n filename*=utf-8''%C3%A4.csv\r\n\r\n1;2\r\n--b--\r\n",
	  "a@x.example",
	  { "\"plainText\":\"text\"",
	    "\"attachments\":[{\"name\":\"a.pdf\",\"contentType\":\"application/pdf\",\"contentInBase64\":\"AAEC/w==\"},"
	    "{\"name\":\"\303\244.csv\",\"contentType\":\"text/csv\",\"contentInBase64\":\"MTsy\"}]" } },
};

static void it_is_told_what_the_mail_says(void **state)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct office o = azure();
		char *json = told(&o, rows[i].bytes, rows[i].rcpts);

		if (!json)
			fail_msg("%zu: %s", i, outcome(&o, 0)->text.ptr);
		for (size_t n = 0; n < 6 && rows[i].json[n]; n++)
			if (!strstr(json, rows[i].json[n]))
				fail_msg("%zu: %s\nhas no %s", i, json, rows[i].json[n]);
		assert_null(strstr(json, "Received"));
		free(json);
		testkit_destroy(o.kit);
	}
}

/* --- what it cannot be told --- */

static const struct {
	const char *bytes, *words;
} refused[] = {
	/* the header */
	{ "From: Shop <relay@example.com>\r\nTo: a@x.example\r\nSubject: x\r\n\r\n.\r\n",
	  "From field has a name" },
	{ "From: relay@example.com, b@example.com\r\nTo: a@x.example\r\nSubject: x\r\n\r\n.\r\n",
	  "From field names 2" },
	{ "To: a@x.example\r\nSubject: x\r\n\r\n.\r\n", "no From" },
	{ HEAD "From: b@example.com\r\n\r\n.\r\n", "more than one From" },
	{ HEAD "Sender: b@example.com\r\n\r\n.\r\n", "Sender is another" },
	{ "From: relay@example.com\r\nSubject: x\r\n\r\n.\r\n", "nobody in To" },
	{ "From: relay@example.com\r\nTo: undisclosed-recipients:;\r\nSubject: x\r\n\r\n.\r\n",
	  "To field are a group" },
	{ "From: relay@example.com\r\nTo: a@x.example (A)\r\nSubject: x\r\n\r\n.\r\n",
	  "name in its To" },
	{ "From: relay@example.com\r\nTo: =?x-unknown?q?A?= <a@x.example>\r\nSubject: x\r\n\r\n.\r\n",
	  "name in its To" },
	{ "From: relay@example.com\r\nTo: \"=?utf-8?q?A?=\" <a@x.example>\r\nSubject: x\r\n\r\n.\r\n",
	  "name in its To" },
	{ "From: relay@example.com\r\nTo: a@x.example\r\n\r\n.\r\n", "no Subject" },
	{ "From: relay@example.com\r\nTo: a@x.example\r\nSubject: =?utf-8?q?=FF?=\r\n\r\n.\r\n",
	  "Subject is empty, or can be read" },
	{ "From: relay@example.com\r\nTo: a@x.example\r\nSubject: =?utf-8?q?=0D?=\r\n\r\n.\r\n",
	  "Subject has a control" },
	{ HEAD "X-A: 1\r\nX-B: 1\r\nx-a: 2\r\n\r\n.\r\n", "more than one x-a" },
	{ HEAD "X-A: \303\244\r\n\r\n.\r\n", "X-A field is not ASCII" },
	{ HEAD "Message-ID: <local>\r\n\r\n.\r\n", "Message-ID is one" },
	{ HEAD "Content-Language: en\r\n\r\n.\r\n", "Content-Language" },
	{ HEAD "x-ms-acsemail-suppress-invalid-attachment: true\r\n\r\n.\r\n", "x-ms-acsemail" },
	{ HEAD "MIME-Version: 2.0\r\n\r\n.\r\n", "MIME-Version" },
	{ HEAD "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n.\r\n",
	  "more than one Content-Type" },
	/* signed, encrypted, an invitation, pictures within the text, a mail within a mail */
	{ HEAD
	  "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\ny\r\n--b--\r\n",
	  "multipart/signed" },
	{ HEAD
	  "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n",
	  "application/pkcs7-mime" },
	{ HEAD "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
	  "multipart/encrypted" },
	{ HEAD "Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n",
	  "text/calendar" },
	{ HEAD
	  "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\r\n",
	  "multipart/related" },
	{ HEAD MIXED
	  "\r\ntext\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=m.eml\r\n\r\nSubject: y\r\n\r\nz\r\n--b--\r\n",
	  "message/rfc822" },
	{ HEAD MIXED
	  "\r\ntext\r\n--b\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: inline; filename=a.png\r\n\r\nz\r\n--b--\r\n",
	  "image/png" },
	{ HEAD MIXED
	  "\r\ntext\r\n--b\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <1>\r\nContent-Disposition: attachment\r\n\r\nz\r\n--b--\r\n",
	  "fields that the API" },
	{ HEAD MIXED "\r\ntext\r\n--b\r\n\r\nfooter\r\n--b--\r\n", "text/plain" },
	{ HEAD
	  "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b\r\n\r\nx\r\n--b--\r\n",
	  "multipart/alternative" },
	{ HEAD "Content-Type: text/plain; format=flowed\r\n\r\n.\r\n", "text/plain" },
	{ HEAD "Content-Type: text/plain; charset=x-unknown\r\n\r\n.\r\n", "text/plain" },
	{ HEAD "\r\n\303\244\r\n", "charset" },
	{ HEAD "Content-Type: text/plain; charset=utf-8\r\n\r\n\377\r\n", "charset" },
	{ HEAD "Content-Transfer-Encoding: x-rot13\r\n\r\n.\r\n", "decoded" },
	{ HEAD MIXED "\r\ntext" PDF "\r\nAAEC!\r\n--b--\r\n", "decoded" },
	{ HEAD MIXED
	  "\r\ntext\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\nz\r\n--b--\r\n",
	  "has no name" },
};

static void what_it_cannot_be_told_is_for_another_relay(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct office o = azure();

		if (told(&o, refused[i].bytes, "a@x.example"))
			fail_msg("%zu was told: %s", i, refused[i].bytes);
		assert_outcome(outcome(&o, 0), GW_BOUNCED, 0, "5.3.3", "mail");
		assert_true(outcome(&o, 0)->unfit);
		if (!strstr(outcome(&o, 0)->text.ptr, refused[i].words))
			fail_msg("%zu: %s", i, outcome(&o, 0)->text.ptr);
		assert_int_equal(testkit_requests(o.kit), 0);
		testkit_destroy(o.kit);
	}
}

static void a_name_of_from_is_left_out_where_the_admin_says_so(void **state)
{
	struct office o = azure();
	char *json;

	testkit_relay_option(o.relay, "api_from_name", "drop");
	json = told(&o,
		    "From: Shop <relay@example.com>\r\nTo: a@x.example\r\nSubject: x\r\n\r\n.\r\n",
		    "a@x.example");
	assert_non_null(json);
	assert_non_null(strstr(json, "\"senderAddress\":\"relay@example.com\""));
	assert_null(strstr(json, "Shop"));
	free(json);
	testkit_destroy(o.kit);
}

static void what_is_too_large_is_for_another_relay(void **state)
{
	struct office o = azure();
	size_t size = 1700000, head = strlen(HEAD "\r\n");
	char *bytes = malloc(size + 1);

	memset(bytes, '\1', size); /* each is six octets of JSON */
	memcpy(bytes, HEAD "\r\n", head);
	bytes[size] = '\0';
	assert_null(told(&o, bytes, "a@x.example"));
	assert_outcome(outcome(&o, 0), GW_BOUNCED, 0, "5.3.4", "mail");
	assert_true(outcome(&o, 0)->unfit);
	free(bytes);
	testkit_destroy(o.kit);
}

/* --- the signature --- */

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

static void a_request_is_signed_as_the_reference_says(void **state)
{
	struct azure_signature signature;
	char hash[AZURE_HASH];

	azure_hash(gw_str("{\"a\":1}"), hash);
	assert_true(azure_sign(&signature, "POST",
			       gw_str("https://acs.example:443/emails:send?api-version=2023-03-31"),
			       hash, gw_str(KEY "\n"), 1767225600000));
	assert_string_equal(signature.date, "x-ms-date: Thu, 01 Jan 2026 00:00:00 GMT");
	assert_string_equal(signature.hash,
			    "x-ms-content-sha256: AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX+GI=");
	assert_string_equal(
		signature.authorization,
		"Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=Bh205kl6NTOP6L8i014wBdhsB+cOJN+B+Vanh3/Eags=");
	assert_false(azure_sign(&signature, "GET", gw_str("https://acs.example/x"), hash,
				gw_str("not base64!"), 0));
	assert_false(azure_sign(&signature, "GET", gw_str("https://acs.example/x"), hash,
				gw_str(""), 0));
}

static void a_relay_says_where_its_resource_is(void **state)
{
	struct office o = office("azure");

	assert_int_equal(testkit_start(o.kit), -1);
	assert_true(testkit_has(o.kit, TESTKIT_PROBLEM, "api_url is missing"));
	testkit_destroy(o.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_what_the_mail_says),
		cmocka_unit_test(what_it_cannot_be_told_is_for_another_relay),
		cmocka_unit_test(a_name_of_from_is_left_out_where_the_admin_says_so),
		cmocka_unit_test(what_is_too_large_is_for_another_relay),
		cmocka_unit_test(a_request_is_signed_as_the_reference_says),
		cmocka_unit_test(a_relay_says_where_its_resource_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
