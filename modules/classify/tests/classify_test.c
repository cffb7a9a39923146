/* classify_test.c - who decides the type of a message, and that nothing of it leaves. */
#include <gateway/testkit.h>

#include "text.h"

#include <setjmp.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define BODY "Subject: x\r\n\r\nhi\r\n"

/* Rules as shipped, of each kind one, and a trusted client. */
static struct testkit *kit_of(const char *const *more)
{
	static const char *const rules[][4] = {
		{ "flow", "workflow", "X-Category", "workflow*" },
		{ "system", "workflow", NULL, NULL },
		{ "list", "mass", "List-Id List-Unsubscribe", NULL },
		{ "talk", "individual", "References", NULL },
	};
	struct testkit *kit = testkit_create(gw_module_v1);
	char key[64];
	size_t i, j;

	for (i = 0; i < sizeof rules / sizeof *rules; i++) {
		static const char *const keys[] = { "name", "type", "header", "value" };
		for (j = 0; j < 4; j++) {
			snprintf(key, sizeof key, "rules[%zu].%s", i, keys[j]);
			if (rules[i][j])
				testkit_option(kit, key, rules[i][j]);
		}
	}
	testkit_option(kit, "rules[1].senders", "system@*.example");
	testkit_option(kit, "rules[3].max_rcpts", "2");
	testkit_option(kit, "types", "Invoice");
	testkit_option(kit, "trust_header_from", "crm");
	for (; more && more[0]; more += 2)
		testkit_option(kit, more[0], more[1]);
	return kit;
}

/* What a row says of a message; NULL: nothing. */
struct mail {
	const char *said, *by; /* the type as it came in, and who said it */
	const char *client, *login, *sender, *bytes;
	size_t rcpts;
};

static struct gw_message *message_of(struct testkit *kit, const struct mail *mail)
{
	struct gw_message *message = testkit_message(kit, NULL,
						     mail->sender ? mail->sender : "a@example.com",
						     mail->bytes ? mail->bytes : BODY);
	size_t i;

	testkit_message_fact(message, GW_MESSAGE_TYPE, mail->said ? mail->said : "individual");
	testkit_message_fact(message, GW_MESSAGE_TYPE_BY, mail->by ? mail->by : "");
	testkit_message_fact(message, GW_MESSAGE_CLIENT, mail->client ? mail->client : "");
	testkit_message_fact(message, GW_MESSAGE_LOGIN, mail->login ? mail->login : "");
	for (i = 0; i < (mail->rcpts ? mail->rcpts : 1); i++)
		testkit_rcpt(message, "b@elsewhere.example");
	return message;
}

static const char *type_of(struct testkit *kit, struct gw_message *message)
{
	assert_int_equal(testkit_run_message(kit, message), GW_CONTINUE);
	return gw->message_fact(message, GW_MESSAGE_TYPE).ptr;
}

static void the_first_that_has_a_word_decides(void **state)
{
	static const struct {
		struct mail mail;
		const char *type, *rule;
	} rows[] = {
		{ { 0 }, "individual", "default" },
		{ { "workflow", "client", "crm",
		    .bytes = "X-Mail-Type: mass\r\nList-Id: <x>\r\n\r\n" },
		  "workflow",
		  "client" },
		{ { "workflow", "listener", "crm",
		    .bytes = "X-Mail-Type: mass\r\nList-Id: <x>\r\n\r\n" },
		  "workflow",
		  "listener" },
		{ { "workflow", "module", .bytes = "List-Id: <x>\r\n\r\n" }, "workflow", "module" },
		{ { .client = "crm", .bytes = "X-Mail-Type: workflow\r\nList-Id: <x>\r\n\r\n" },
		  "workflow",
		  "header X-Mail-Type" },
		{ { .client = "crm", .bytes = "x-relay-type:  INVOICE \r\n\r\n" },
		  "Invoice",
		  "header X-Relay-Type" },
		{ { .client = "crm", .bytes = "X-Mail-Type: urgent\r\nX-Relay-Type: mass\r\n\r\n" },
		  "mass",
		  "header X-Relay-Type" },
		{ { .client = "crm", .bytes = "X-Mail-Type: urgent\r\nList-Id: <x>\r\n\r\n" },
		  "mass",
		  "rule list" },
		{ { .client = "other", .bytes = "X-Mail-Type: mass\r\n\r\n" },
		  "individual",
		  "default" },
		{ { .client = "", .bytes = "X-Mail-Type: mass\r\n\r\n" }, "individual", "default" },
		{ { .bytes = "X-Category: WorkflowAlert\r\nList-Id: <x>\r\n\r\n" },
		  "workflow",
		  "rule flow" },
		{ { .bytes = "X-Category: overflow\r\nList-Unsubscribe: <x>\r\n\r\n" },
		  "mass",
		  "rule list" },
		{ { .sender = "System@crm.example" }, "workflow", "rule system" },
		{ { .bytes = "References: <x>\r\n\r\n", .rcpts = 2 }, "individual", "rule talk" },
		{ { .bytes = "References: <x>\r\n\r\n", .rcpts = 3 }, "individual", "default" },
	};
	struct testkit *kit = kit_of(NULL);
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_message *message = message_of(kit, &rows[i].mail);
		char reason[100];

		testkit_forget(kit);
		assert_string_equal(type_of(kit, message), rows[i].type);
		assert_string_equal(testkit_note(message, "classify.rule"), rows[i].rule);
		snprintf(reason, sizeof reason, "%s, decided by %s", rows[i].type, rows[i].rule);
		if (!testkit_has(kit, TESTKIT_REASON, reason))
			fail_msg("row %zu: \"%s\" instead of \"%s\"", i,
				 testkit_line(kit, TESTKIT_REASON, 0), reason);
	}
	testkit_destroy(kit);
}

static void a_rule_asks_for_all_that_it_names(void **state)
{
	static const struct {
		const char *key, *text;
		struct mail mail;
		bool holds;
	} rows[] = {
		{ "clients", "crm-*", { .client = "crm-eu" }, true },
		{ "clients", "crm-*", { .client = "shop" }, false },
		{ "logins", "mailing news", { .login = "News" }, true },
		{ "logins", "mailing news", { .login = "" }, false },
		{ "senders", "*@bounce.example", { .sender = "b=1@BOUNCE.example" }, true },
		{ "senders", "*@bounce.example", { .sender = "a@bounce.example.net" }, false },
		{ "from",
		  "news@example.com",
		  { .bytes = "From: \"a@b\" (c@d) <News@example.com>\r\n\r\n" },
		  true },
		{ "from",
		  "news@example.com",
		  { .bytes = "From: news@example.com <other@example.com>\r\n\r\n" },
		  false },
		{ "from", "*", { .bytes = "Subject: no From\r\n\r\n" }, true },
		{ "from", "?*", { .bytes = "Subject: no From\r\n\r\n" }, false },
		{ "min_rcpts", "3", { .rcpts = 3 }, true },
		{ "min_rcpts", "3", { .rcpts = 2 }, false },
		{ "max_rcpts", "3", { .rcpts = 3 }, true },
		{ "max_rcpts", "3", { .rcpts = 4 }, false },
		{ "header", "X-Any", { .bytes = "X-Any:\r\n\r\n" }, true },
		{ "header", "X-Any", { .bytes = "X-Any-Other: 1\r\n\r\n" }, false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);
		char key[64];

		testkit_option(kit, "rules[0].name", "one");
		testkit_option(kit, "rules[0].type", "mass");
		snprintf(key, sizeof key, "rules[0].%s", rows[i].key);
		testkit_option(kit, key, rows[i].text);
		assert_int_equal(testkit_start(kit), 0);
		if (strcmp(type_of(kit, message_of(kit, &rows[i].mail)),
			   rows[i].holds ? "mass" : "individual") != 0)
			fail_msg("row %zu: %s = %s", i, rows[i].key, rows[i].text);
		testkit_destroy(kit);
	}
}

static void says_why_a_field_is_not_believed(void **state)
{
	static const struct {
		struct mail mail;
		const char *reason;
	} rows[] = {
		{ { .client = "other", .bytes = "X-Mail-Type: mass\r\n\r\n" },
		  "X-Mail-Type is not believed: client \"other\" is not in trust_header_from" },
		{ { .client = "crm", .bytes = "X-Mail-Type: urgent\r\n\r\n" },
		  "X-Mail-Type names no type: \"urgent\"" },
	};
	struct testkit *kit = kit_of(NULL);
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		type_of(kit, message_of(kit, &rows[i].mail));
		assert_true(testkit_has(kit, TESTKIT_REASON, rows[i].reason));
	}
	testkit_destroy(kit);
}

static void all_clients_may_be_trusted(void **state)
{
	struct testkit *kit = kit_of((const char *[]){ "trust_header_from", "*", NULL });
	struct mail mail = { .bytes = "X-Mail-Type: mass\r\n\r\n" };

	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(type_of(kit, message_of(kit, &mail)), "mass");
	testkit_destroy(kit);
}

static void mail_of_the_gateway_itself_is_left_alone(void **state)
{
	struct testkit *kit = kit_of(NULL);
	struct gw_message *message = message_of(kit,
						&(struct mail){ .bytes = "List-Id: <x>\r\n\r\n" });

	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(type_of(kit, message), "individual");
	assert_null(testkit_note(message, "classify.rule"));
	testkit_destroy(kit);
}

static void the_field_never_leaves(void **state)
{
	static const struct {
		const char *header, *in, *out;
	} rows[] = {
		{ NULL,
		  "X-Mail-Type: mass\r\nSubject: x\r\nx-relay-type: a\r\n b\r\nX-MAIL-TYPE: 2\r\n\r\nhi\r\n",
		  "Subject: x\r\n\r\nhi\r\n" },
		{ NULL, "Subject: x\r\nX-Mail-Types: mass\r\n\r\nX-Mail-Type: text\r\n",
		  "Subject: x\r\nX-Mail-Types: mass\r\n\r\nX-Mail-Type: text\r\n" },
		{ "X-Kind", "X-Kind: mass\r\nX-Mail-Type: mass\r\n\r\n",
		  "X-Mail-Type: mass\r\n\r\n" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);
		struct gw_relay *relay = testkit_relay(kit, "out");
		struct gw_delivery *delivery;

		if (rows[i].header)
			testkit_option(kit, "header", rows[i].header);
		assert_int_equal(testkit_start(kit), 0);
		delivery = testkit_delivery(message_of(kit, &(struct mail){ .bytes = rows[i].in }),
					    relay);
		assert_int_equal(testkit_run_prepare(kit, delivery), GW_CONTINUE);
		assert_string_equal(testkit_sent(delivery).ptr, rows[i].out);
		testkit_destroy(kit);
	}
}

static void wrong_rules_are_found_at_the_start(void **state)
{
	static const struct {
		const char *key, *text, *problem;
	} rows[] = {
		{ "rules[0].type", "masss",
		  "rule flow: \"masss\" is no type: known are individual, workflow, mass and the words in `types`" },
		{ "rules[1].value", "x",
		  "rule system: it has a value, but no header that should have it" },
		{ "rules[3].min_rcpts", "3",
		  "rule talk: max_rcpts is less than min_rcpts: it can never hold" },
		{ "types", "\"two words\"", "\"two words\" cannot be a type" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = kit_of((const char *[]){ rows[i].key, rows[i].text, NULL });

		assert_int_equal(testkit_start(kit), -1);
		if (!testkit_has(kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("expected \"%s\", first is \"%s\"", rows[i].problem,
				 testkit_line(kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(kit);
	}
}

static void a_relay_for_a_type_that_no_mail_has_is_refused(void **state)
{
	struct testkit *kit = kit_of(NULL);

	testkit_relay_option(testkit_relay(kit, "good"), "types", "MASS invoice");
	testkit_relay_option(testkit_relay(kit, "bad"), "types", "mass worklow");
	assert_int_equal(testkit_start(kit), -1);
	assert_int_equal(testkit_lines(kit, TESTKIT_PROBLEM), 1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "no mail is of the type \"worklow\""));
	testkit_destroy(kit);
}

static void memory_that_is_out_decides_nothing(void **state)
{
	struct testkit *kit = kit_of(NULL);
	struct gw_message *message = message_of(
		kit, &(struct mail){ .client = "crm", .bytes = "X-Mail-Type: mass\r\n\r\n" });
	static const char *const services[] = { "note_set", "type_set" };
	unsigned i;

	for (i = 1; i <= 4; i++) {
		testkit_fail(kit, "alloc", i);
		assert_int_equal(testkit_start(kit), -1);
		assert_true(testkit_has(kit, TESTKIT_PROBLEM, "no memory"));
	}
	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < 2; i++) {
		testkit_fail(kit, services[i], 1);
		assert_int_equal(testkit_run_message(kit, message), GW_FAILED);
	}
	testkit_fail(kit, "alloc", 1);
	assert_int_equal(testkit_run_message(kit, message_of(kit, &(struct mail){ 0 })), GW_FAILED);
	testkit_destroy(kit);
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{ "", "", true },       { "*", "", true },           { "?", "", false },
		{ "a", "A", true },     { "a", "ab", false },        { "a*", "ab", true },
		{ "*b", "ab", true },   { "*b", "ba", false },       { "a?c", "abc", true },
		{ "a?c", "ac", false }, { "*a*b*", "xaxxbx", true }, { "*a*b*", "xbxxax", false },
		{ "**x", "aax", true }, { "*ab", "aaab", true },     { "a*a", "a", false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		if (text_matches(gw_str(rows[i].pattern), gw_str(rows[i].text)) != rows[i].matches)
			fail_msg("\"%s\" and \"%s\"", rows[i].pattern, rows[i].text);
}

static void addresses(void **state)
{
	static const struct {
		const char *value, *address;
	} rows[] = {
		{ "a@b", "a@b" },
		{ "<a@b>", "a@b" },
		{ "Name <a@b>", "a@b" },
		{ "\"x <c@d>\" <a@b>", "a@b" },
		{ "(c@d) a@b (e)", "a@b" },
		{ "a@b(c)", "a@b" },
		{ "c@d <a@b>", "a@b" },
		{ "a@b, c@d", "a@b" },
		{ "Name\r\n <a@b>", "a@b" },
		{ "\"q\\\" <c@d>\" <a@b>", "a@b" },
		{ "\"a b\"@c", "\"a b\"@c" },
		{ "Name", "" },
		{ "", "" },
		{ "\"open a@b", "" },
		{ "(open a@b", "" },
		{ "<open", "open" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_str address = text_address(gw_str(rows[i].value));
		if (!gw_str_eq(address, gw_str(rows[i].address)))
			fail_msg("%s: \"%.*s\"", rows[i].value, GW_STR_ARGS(address));
	}
}

/* A thousand rules that all look at the same fields, and none of them holds: what the last message
 * of such a gateway costs. */
static void a_thousand_rules_do_not_hurt(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_message *message;
	struct timespec begin, end;
	char key[64], text[64];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof key, "rules[%d].name", i);
		snprintf(text, sizeof text, "rule-%d", i);
		testkit_option(kit, key, text);
		snprintf(key, sizeof key, "rules[%d].type", i);
		testkit_option(kit, key, "mass");
		snprintf(key, sizeof key, "rules[%d].header", i);
		testkit_option(kit, key, i % 2 ? "X-Category" : "X-Campaign");
		snprintf(key, sizeof key, "rules[%d].value", i);
		snprintf(text, sizeof text, "*campaign-%d*", i);
		testkit_option(kit, key, text);
	}
	assert_int_equal(testkit_start(kit), 0);
	message = message_of(
		kit,
		&(struct mail){
			.bytes =
				"X-Campaign: the spring sale of campaign-x and others\r\nX-Category: as above\r\n\r\n" });
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (i = 0; i < 100; i++)
		assert_string_equal(type_of(kit, message), "individual");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	i = (int)((end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000) /
	    100;
	print_message("1000 rules: %d microseconds a message\n", i);
	assert_true(i < 5000);
	testkit_destroy(kit);
}

/* The 21st of one subject is mass mail; others, and the same after a while, are not. */
static void many_of_one_subject_are_mass_mail(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	int i;

	testkit_option(kit, "rules[0].name", "same-subject");
	testkit_option(kit, "rules[0].type", "mass");
	testkit_option(kit, "rules[0].same_subject", "20");
	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < 50; i++) {
		char bytes[200];
		struct gw_message *message, *other;

		snprintf(bytes, sizeof bytes,
			 "From: a@example.com\r\nSubject: %sOffer no. %d\r\n\r\nhi\r\n",
			 i % 2 ? "Re: " : "", i);
		message = testkit_message(kit, NULL, "a@example.com", bytes);
		testkit_rcpt(message, "b@example.net");
		testkit_run_message(kit, message);
		assert_int_equal(
			gw_str_eq(gw->message_fact(message, GW_MESSAGE_TYPE), gw_str("mass")),
			i >= 20);
		snprintf(bytes, sizeof bytes,
			 "From: a@example.com\r\nSubject: to you, %c\r\n\r\nhi\r\n", 'a' + i % 26);
		other = testkit_message(kit, NULL, "a@example.com", bytes);
		testkit_rcpt(other, "b@example.net");
		testkit_run_message(kit, other);
		assert_false(gw_str_eq(gw->message_fact(other, GW_MESSAGE_TYPE), gw_str("mass")));
	}
	testkit_advance(kit, 1200000);
	for (i = 0; i < 2; i++) {
		struct gw_message *message = testkit_message(
			kit, NULL, "a@example.com",
			"From: a@example.com\r\nSubject: Offer no. 1\r\n\r\n");

		testkit_message_fact(message, GW_MESSAGE_DRY, "1");
		testkit_rcpt(message, "b@example.net");
		testkit_run_message(kit, message);
		assert_false(gw_str_eq(gw->message_fact(message, GW_MESSAGE_TYPE), gw_str("mass")));
	}
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_has_a_word_decides),
		cmocka_unit_test(a_rule_asks_for_all_that_it_names),
		cmocka_unit_test(says_why_a_field_is_not_believed),
		cmocka_unit_test(all_clients_may_be_trusted),
		cmocka_unit_test(mail_of_the_gateway_itself_is_left_alone),
		cmocka_unit_test(the_field_never_leaves),
		cmocka_unit_test(wrong_rules_are_found_at_the_start),
		cmocka_unit_test(a_relay_for_a_type_that_no_mail_has_is_refused),
		cmocka_unit_test(memory_that_is_out_decides_nothing),
		cmocka_unit_test(patterns),
		cmocka_unit_test(addresses),
		cmocka_unit_test(a_thousand_rules_do_not_hurt),
		cmocka_unit_test(many_of_one_subject_are_mass_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
