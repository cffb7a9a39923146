/* strict_test.c - the testkit refuses what the gateway refuses, and ends a test where the gateway
 * would break. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static enum gw_verdict (*behaviour)(struct gw_call *call, struct gw_message *message);
static struct gw_str said;
static const char *long_text;

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return behaviour(call, message);
}

static void on_control(struct gw_call *call, const struct gw_command *command)
{
	gw->answer(call, said);
}

static size_t told;

static void answered(void *arg, size_t nth, const struct gw_dns_answer *answer)
{
	told++;
}

static void on_check(struct gw_call *call)
{
	static struct gw_dns_question questions[4097];
	size_t i;

	for (i = 0; i < 4097; i++)
		questions[i] = (struct gw_dns_question){ .size = sizeof *questions,
							 .type = GW_DNS_TXT,
							 .name = gw_str("a.example") };
	assert_int_equal(gw->dns_wait(call, questions, 4097, answered, NULL), -1);
	assert_int_equal(gw->dns_wait(call, questions, 3, answered, NULL), 0);
	questions[1].type = 255;
	assert_int_equal(gw->dns_wait(call, questions, 3, answered, NULL), -1);
}

static void on_published(struct gw_call *call)
{
	static char octets[65536];
	struct gw_publication publication = { .size = sizeof publication,
					      .type = GW_DNS_TXT,
					      .name = gw_str("a.example") };

	memset(octets, 'a', sizeof octets);
	publication.value = gw_str_n(octets, 65535);
	publication.senders = gw_str_n(octets, 4096);
	gw->publication(call, &publication);
	publication.value.len++;
	gw->publication(call, &publication);
	publication.value.len = 1;
	publication.senders.len++;
	gw->publication(call, &publication);
}

GW_MODULE(.name = "sample", .version = "1", .summary = "for the testkit's own test",
	  .mail = on_mail, .control = on_control, .check = on_check, .published = on_published)

static enum gw_verdict nothing(struct gw_call *call, struct gw_message *message)
{
	return GW_CONTINUE;
}

static struct testkit *kit_of(enum gw_verdict (*does)(struct gw_call *call,
						      struct gw_message *message))
{
	struct testkit *kit = testkit_create(gw_module_v1);

	behaviour = does;
	testkit_tolerate(kit);
	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static struct testkit *run(enum gw_verdict (*does)(struct gw_call *call,
						   struct gw_message *message))
{
	struct testkit *kit = kit_of(does);
	struct gw_message *message = testkit_message(kit, testkit_session(kit, "192.0.2.1"),
						     "a@example.com", "Subject: x\r\n\r\nhi\r\n");

	testkit_run_mail(kit, message);
	return kit;
}

/* --- the DNS --- */

static void all_questions_are_asked_or_none(void **state)
{
	struct testkit *kit = kit_of(nothing);

	told = 0;
	testkit_run_check(kit);
	assert_int_equal(told, 3);
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 2);
	testkit_destroy(kit);
}

static void a_publication_has_its_bounds(void **state)
{
	struct testkit *kit = kit_of(nothing);

	testkit_run_published(kit);
	assert_non_null(testkit_published(kit, 0));
	assert_null(testkit_published(kit, 1));
	assert_int_equal(testkit_lines(kit, TESTKIT_LOG), 2);
	testkit_destroy(kit);
}

/* --- answer() --- */

struct answer_row {
	const char *json;
	bool good;
};

static const struct answer_row answers[] = {
	{ "{}", true },
	{ "{\"columns\":[[\"a\",\"A\"]],\"rows\":[{\"a\":\"x\"},{\"a\":1.5e-3}]}", true },
	{ " { \"a\" : [ ] , \"b\" : { } , \"c\" : null, \"d\": true, \"e\": -0 } ", true },
	{ "{\"a\":\"\\u00e4 \\\\ \\\" \xc3\xa4\"}", true },
	{ "", false },
	{ "[]", false },
	{ "\"text\"", false },
	{ "{\"a\":1,}", false },
	{ "{\"a\" 1}", false },
	{ "{'a':1}", false },
	{ "{\"a\":01}", false },
	{ "{\"a\":1.}", false },
	{ "{\"a\":\"\n\"}", false },
	{ "{\"a\":\"\\x\"}", false },
	{ "{\"a\":\"\xff\"}", false },
	{ "{\"a\":\"\xed\xa0\x80\"}", false },
	{ "{\"a\":1} {}", false },
	{ "{\"a\":nul}", false },
	{ "{\"a\":", false },
};

static void answers_are_one_json_object(void **state)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct testkit *kit = kit_of(nothing);

		said = gw_str(answers[i].json);
		testkit_run_control(kit, "show", true);
		if (testkit_has(kit, TESTKIT_MISUSE, "one JSON object") == answers[i].good)
			fail_msg("%s", answers[i].json);
		testkit_destroy(kit);
	}
}

/* --- bounds --- */

static enum gw_verdict names(struct gw_call *call, struct gw_message *message)
{
	struct gw_identity identity = { .size = sizeof identity, .client = gw_str("two\r\nlines") };

	gw->identify(call, &identity);
	assert_int_equal(gw->type_set(call, message, gw_str("two words")), -1);
	assert_int_equal(gw->type_set(call, message, gw_str_n(long_text, 65)), -1);
	assert_int_equal(gw->type_set(call, message, gw_str("mass")), 0);
	assert_int_equal(gw->counter_add(call, gw_str_n(long_text, 256), 1, 1, -1), -1);
	assert_int_equal(gw->counter_add(call, gw_str_n(long_text, 255), 1, 1, -1), 1);
	assert_int_equal(gw->counter_get(call, gw_str(""), 1), 0);
	assert_int_equal(gw->record_put(call, gw_str("a\nb"), gw_str("x")), -1);
	assert_int_equal(gw->record_get(call, gw_str(""), NULL, 0), -1);
	assert_int_equal(gw->record_drop(call, gw_str("")), -1);
	assert_null(gw->alloc(call, (size_t)1 << 30));
	assert_non_null(gw->alloc(call, 100));
	return GW_CONTINUE;
}

static void names_have_the_bounds_of_the_gateway(void **state)
{
	static const char *const refused[] = { "identify",    "type_set",   "counter_add",
					       "counter_get", "record_put", "record_get",
					       "record_drop", "alloc" };
	struct testkit *kit = run(names);
	char text[64];

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		snprintf(text, sizeof text, "warning %s() refused", refused[i]);
		if (!testkit_has(kit, TESTKIT_LOG, text))
			fail_msg("%s", text);
	}
	assert_int_equal(testkit_lines(kit, TESTKIT_MISUSE), 0);
	testkit_destroy(kit);
}

struct submission_row {
	const char *sender, *rcpt, *bytes;
	bool taken;
};

static const struct submission_row submissions[] = {
	{ "", "b@example.net", "Subject: x\r\n\r\nhi\r\n", true },
	{ "a@example.com", "\"b c\"@[192.0.2.1]", "\r\n", true },
	{ "a.@example.com", "b@x\xc3\xa4.example", "\r\n", true },
	{ "a", "b@example.net", "\r\n", false },
	{ "a@example.com", "b@", "\r\n", false },
	{ "a@example.com", "@example.net", "\r\n", false },
	{ "a@example.com", "b c@example.net", "\r\n", false },
	{ "a@example.com", "<b@example.net>", "\r\n", false },
	{ "a@example.com", "b@example..net", "\r\n", false },
	{ "a@example.com", "b@-example.net", "\r\n", false },
	{ "a@example.com", "b@example.net\r\nRCPT TO:<c@example.net>", "\r\n", false },
	{ "a@example.com", "b@example.net", "a\nb\r\n", false },
	{ "a@example.com", "b@example.net", "a\rb\r\n", false },
	{ "a@example.com", "b@example.net", NULL, false },
};

static enum gw_verdict submits(struct gw_call *call, struct gw_message *message)
{
	for (size_t i = 0; i < sizeof submissions / sizeof *submissions; i++) {
		const struct submission_row *row = &submissions[i];
		struct gw_str rcpt = gw_str(row->rcpt);
		struct gw_submission submission = { sizeof submission,
						    gw_str(row->sender),
						    { &rcpt, 1 },
						    gw_str_n(long_text, 999),
						    gw_str("") };

		if (row->bytes)
			submission.bytes = gw_str(row->bytes);
		if ((gw->submit(call, &submission) == 0) != row->taken)
			fail_msg("%s", row->rcpt);
	}
	return GW_CONTINUE;
}

static void what_no_client_could_send_is_not_submitted(void **state)
{
	struct testkit *kit = run(submits);

	assert_int_equal(testkit_submissions(kit), 3);
	assert_true(testkit_has(kit, TESTKIT_LOG, "a line is longer than 998 octets"));
	assert_int_equal(testkit_lines(kit, TESTKIT_MISUSE), 0);
	testkit_destroy(kit);
}

/* --- threads --- */

static struct gw_call *kept_call;
static struct gw_message *kept_message;
static void (*job)(void);

static void work(void *arg)
{
	job();
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	return GW_CONTINUE;
}

static void dropped(void *arg) {}

static enum gw_verdict offloads(struct gw_call *call, struct gw_message *message)
{
	static const struct gw_async async = { resumed, dropped, 0 };

	kept_call = call;
	kept_message = message;
	return gw->offload(call, &async, work, NULL);
}

static void asks_a_fact(void)
{
	gw->message_fact(kept_message, GW_MESSAGE_SENDER);
}

static void replies(void)
{
	gw->reply(kept_call, 550, NULL, "no");
}

static void allocates(void)
{
	gw->alloc(kept_call, 1);
}

static void looks_at_a_header(void)
{
	struct gw_header header;
	gw->header(kept_message, 0, &header);
}

static void reads(void)
{
	char octet;
	gw->read(kept_message, 0, &octet, 1);
	close(gw->message_file(kept_message));
}

static void counts(void)
{
	gw->count(kept_call, "seen", 1);
	gw->counter_add(kept_call, gw_str("a"), 1, 1, -1);
	gw->record_put(kept_call, gw_str("a"), gw_str("b"));
	gw->log(kept_call, GW_LOG_INFO, "seen");
}

static size_t misuses(void (*in_work)(void))
{
	struct testkit *kit;
	size_t count;

	job = in_work;
	kit = run(offloads);
	count = testkit_lines(kit, TESTKIT_MISUSE);
	testkit_destroy(kit);
	return count;
}

static void work_calls_only_what_is_for_any_thread(void **state)
{
	assert_int_equal(misuses(counts), 0);
	assert_int_equal(misuses(asks_a_fact), 1);
	assert_int_equal(misuses(replies), 1);
	assert_int_equal(misuses(allocates), 1);
	assert_int_equal(misuses(looks_at_a_header), 1);
	assert_int_equal(misuses(reads), 0);
}

/* --- NULL --- */

static enum gw_verdict forgets_arguments(struct gw_call *call, struct gw_message *message)
{
	gw->identify(call, NULL);
	gw->note_set(call, message, NULL, gw_str("x"));
	gw->note(call, NULL, "x");
	gw->count(call, NULL, 1);
	gw->emit(call, NULL);
	gw->submit(call, NULL);
	gw->relay_conf(call, NULL);
	gw->reply(call, 550, NULL, "may be");
	return GW_REJECT;
}

static void null_is_told(void **state)
{
	struct testkit *kit = run(forgets_arguments);

	assert_int_equal(testkit_lines(kit, TESTKIT_MISUSE), 7);
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_questions_are_asked_or_none),
		cmocka_unit_test(a_publication_has_its_bounds),
		cmocka_unit_test(answers_are_one_json_object),
		cmocka_unit_test(names_have_the_bounds_of_the_gateway),
		cmocka_unit_test(what_no_client_could_send_is_not_submitted),
		cmocka_unit_test(work_calls_only_what_is_for_any_thread),
		cmocka_unit_test(null_is_told),
	};
	char *text = malloc(1001);

	memset(text, 'a', 1000);
	text[1000] = '\0';
	long_text = text;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
