/* policy_test.c - what is wrong in the form of a mail is told with its line, refused, mended or
 * noted as the fragment says. */
#include <gateway/testkit.h>

#include "date.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FROM "From: a@example.com\r\n"
#define DATE "Date: Sat, 28 Nov 2026 19:10:28 +0100\r\n"
#define ID "Message-ID: <1@example.com>\r\n"
#define GOOD FROM DATE ID "Subject: x\r\n"
#define LIST "List-Unsubscribe: <mailto:off@example.com>, <https://example.com/off?1>\r\n"
#define POST "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
#define BODY "\r\nhi\r\n"

static struct testkit *kit_of(const char *const *options)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	for (; options && options[0]; options += 2)
		testkit_option(kit, options[0], options[1]);
	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static struct gw_message *message_of(struct testkit *kit, const char *type, const char *bytes)
{
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com", bytes);

	testkit_message_fact(message, GW_MESSAGE_TYPE, type);
	testkit_message_fact(message, GW_MESSAGE_CLIENT, "crm");
	testkit_rcpt(message, "b@elsewhere.example");
	return message;
}

static char *repeat(char *out, const char *what, size_t times)
{
	out[0] = '\0';
	for (size_t i = 0; i < times; i++)
		strcat(out, what);
	return out;
}

static void what_receivers_refuse_is_refused(void **state)
{
	static char hops[4000], line[2000], subject[6000];
	static const char fields[] = FROM DATE ID;
	const struct {
		const char *header, *words; /* NULL: it goes */
	} rows[] = {
		{ GOOD, NULL },
		{ GOOD "Received: a\r\nReceived: b\r\nComments: c\r\nComments: d\r\n", NULL },
		{ GOOD LIST POST, NULL },
		{ "Subject: x\r\n" DATE ID, "there is no From field (from_missing)" },
		{ "From: \r\n" DATE ID, "line 1: the field From is empty (from_missing)" },
		{ GOOD FROM,
		  "line 5: the field From stands a second time, the first is in line 1 (twice)" },
		{ FROM "Subject: x\r\n y\r\n" DATE ID "subject: z\r\n",
		  "line 6: the field Subject stands a second time, the first is in line 2 (twice)" },
		{ GOOD POST POST,
		  "line 6: the field List-Unsubscribe-Post stands a second time, the first is in line 5 (twice)" },
		{ GOOD "X-Name: a\r\n J\303\244ger\r\n",
		  "line 6: the field X-Name has an octet that is no ASCII and not encoded (RFC 2047) (eight_bit)" },
		{ FROM "Date: yesterday\r\n" ID,
		  "line 2: the field Date has no date that exists (RFC 5322) (date_bad)" },
		{ FROM DATE "Message-ID: 17\r\n",
		  "line 3: the field Message-ID is not one <left@right> (message_id_bad)" },
		{ FROM DATE "Message-ID: <a@b> <c@d>\r\n",
		  "line 3: the field Message-ID is not one <left@right> (message_id_bad)" },
		{ repeat(hops, "Received: from here by there\r\n", 51),
		  "there is no From field (from_missing); line 51: there are more than 50 Received fields: the mail goes round (hops)" },
		{ line,
		  "line 4: the field X-Long has a line of 1005 octets, 998 are allowed (line_length)" },
		{ subject,
		  "line 4: the field Subject has 2100 octets, 2048 are allowed (subject_size)" },
	};
	struct testkit *kit = kit_of(NULL);

	(void)state;
	snprintf(line, sizeof(line), "%sX-Long: %0997d\r\n", fields, 1);
	snprintf(subject, sizeof(subject), "%sSubject:", fields);
	for (size_t i = 0; i < 100; i++)
		strcat(subject, " 12345678901234567890\r\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char bytes[8000], words[400] = "receivers refuse mail of this form: ";
		enum gw_verdict verdict;

		snprintf(bytes, sizeof(bytes), "%s" BODY, rows[i].header);
		verdict = testkit_run_message(kit, message_of(kit, "individual", bytes));
		if (!rows[i].words) {
			assert_int_equal(verdict, GW_CONTINUE);
			continue;
		}
		assert_int_equal(verdict, GW_REJECT);
		strcat(words, rows[i].words);
		assert_string_equal(testkit_answer(kit)->text, words);
	}
	testkit_destroy(kit);
}

static void a_large_header_is_refused(void **state)
{
	static const char *const options[] = { "max_header", "100", NULL };
	struct testkit *kit = kit_of(options);

	(void)state;
	assert_int_equal(testkit_run_message(
				 kit, message_of(kit, "individual", GOOD "X: 1234567890\r\n" BODY)),
			 GW_REJECT);
	assert_non_null(strstr(testkit_answer(kit)->text, "100 are allowed (header_size)"));
	testkit_destroy(kit);
}

static void mass_mail_has_to_offer_unsubscribing(void **state)
{
	static const char *const options[] = { "unsubscribe", "refuse", NULL };
	static const struct {
		const char *type, *fields;
		enum gw_verdict verdict;
	} rows[] = {
		{ "mass", LIST POST, GW_CONTINUE },
		{ "mass", "", GW_REJECT },
		{ "mass", LIST, GW_REJECT },
		{ "mass", "List-Unsubscribe: <mailto:off@example.com>\r\n" POST, GW_REJECT },
		{ "mass", LIST "List-Unsubscribe-Post: yes\r\n", GW_REJECT },
		{ "workflow", "", GW_CONTINUE },
	};
	struct testkit *kit = kit_of(options);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char bytes[2000];

		snprintf(bytes, sizeof(bytes), GOOD "%s" BODY, rows[i].fields);
		assert_int_equal(testkit_run_message(kit, message_of(kit, rows[i].type, bytes)),
				 rows[i].verdict);
	}
	testkit_destroy(kit);
}

static void what_is_noted_goes_and_is_remembered(void **state)
{
	static const char *const options[] = { "twice", "note", "date_bad", "off", NULL };
	struct testkit *kit = kit_of(options);
	struct gw_message *message = message_of(
		kit, "mass", FROM "Date: ?\r\n" ID "To: a@b.example\r\nTo: c@d.example\r\n" BODY);

	(void)state;
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	assert_string_equal(
		testkit_note(message, "policy.form"),
		"line 5: the field To stands a second time, the first is in line 4 (twice); "
		"it is mass mail without List-Unsubscribe: <https://...> (RFC 8058) (unsubscribe)");
	assert_int_equal(testkit_metric(kit, "noted"), 1);
	testkit_destroy(kit);
}

static void what_is_missing_is_added_once_and_always_alike(void **state)
{
	struct testkit *kit = kit_of(NULL);
	struct gw_relay *relay = NULL;
	struct gw_message *message = message_of(kit, "individual", "From: a@example.com\r\n" BODY);
	struct gw_delivery *first, *second;
	char expected[300];
	char date[DATE_SIZE];

	(void)state;
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	first = testkit_delivery(message, relay);
	testkit_advance(kit, 3600000);
	second = testkit_delivery(message, relay);
	assert_int_equal(testkit_run_prepare(kit, first), GW_CONTINUE);
	assert_int_equal(testkit_run_prepare(kit, second), GW_CONTINUE);
	date_write(date, gw->message_number(message, GW_MESSAGE_RECEIVED_AT));
	snprintf(expected, sizeof(expected),
		 "From: a@example.com\r\nDate: %s\r\nMessage-ID: <%.*s@", date,
		 GW_STR_ARGS(gw->message_fact(message, GW_MESSAGE_ID)));
	assert_true(testkit_sent(first).len > strlen(expected));
	assert_memory_equal(testkit_sent(first).ptr, expected, strlen(expected));
	assert_int_equal(testkit_sent(first).len, testkit_sent(second).len);
	assert_memory_equal(testkit_sent(first).ptr, testkit_sent(second).ptr,
			    testkit_sent(first).len);
	testkit_destroy(kit);
}

static void other_mail_is_not_looked_at(void **state)
{
	static const char *const options[] = { "types", "mass", "clients", "crm shop", NULL };
	struct testkit *kit = kit_of(options);
	struct gw_message *message = message_of(kit, "individual", "Subject: x\r\n" BODY);
	struct gw_delivery *delivery = testkit_delivery(message, NULL);

	(void)state;
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	assert_int_equal(testkit_run_prepare(kit, delivery), GW_CONTINUE);
	assert_int_equal(testkit_sent(delivery).len, strlen("Subject: x\r\n" BODY));
	testkit_message_fact(message, GW_MESSAGE_TYPE, "mass");
	assert_int_equal(testkit_run_message(kit, message), GW_REJECT);
	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	testkit_destroy(kit);
}

static void dates_that_exist(void **state)
{
	static const char *const right[] = {
		"Sat, 28 Nov 2026 19:10:28 +0100",
		" 1 Jan 2026 00:00 GMT ",
		"Mon, 29 Feb 2024 23:59:60 -0000 (a (b) c)",
		"28 Nov 26 11(x):10:28 EST",
		"sat,28 nov 2026 09:10:28 +0000",
		"Sat,\r\n 28 Nov 2026 09:10:28 +0000",
		"28 Nov 126 09:10 Z",
	};
	static const char *const wrong[] = {
		"",
		"Sat",
		"Sat 28 Nov 2026 19:10:28 +0100",
		"29 Feb 2023 00:00 GMT",
		"31 Apr 2026 00:00 GMT",
		"0 Jan 2026 00:00 GMT",
		"1 Jan 2026 24:00 GMT",
		"1 Jan 2026 23:60 GMT",
		"1 Jan 2026 23:59:61 GMT",
		"1 Jan 2026 23:59",
		"1 Jan 2026 23:59 +1",
		"1 Jan 2026 23:59 +0160",
		"1 Jan 2026 23:59 +0100 x",
		"1 Jan 2026 23:59 +0100 (",
		"1 Foo 2026 23:59 +0100",
		"1 Jan 1899 23:59 +0100",
		"2026-11-28T19:10:28Z",
		"1 Jan 20260 23:59 +0100",
		"1 Jan 2026 23:59 J",
		"Sat, Sun, 1 Jan 2026 23:59 +0100",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		assert_true(date_is_right(gw_str(right[i])));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(date_is_right(gw_str(wrong[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_receivers_refuse_is_refused),
		cmocka_unit_test(a_large_header_is_refused),
		cmocka_unit_test(mass_mail_has_to_offer_unsubscribing),
		cmocka_unit_test(what_is_noted_goes_and_is_remembered),
		cmocka_unit_test(what_is_missing_is_added_once_and_always_alike),
		cmocka_unit_test(other_mail_is_not_looked_at),
		cmocka_unit_test(dates_that_exist),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
