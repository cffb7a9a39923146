/* return_path_test.c - MAIL FROM of what leaves, relay by relay. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "token.h"
#include "waited.h"

#define MAIL "From: Ann <ann@example.com>\r\nSubject: one\r\n\r\nhello\r\n"

struct office {
	struct testkit *kit;
	struct gw_relay *relay;
	struct gw_message *message;
	struct gw_delivery *delivery;
};

static struct office office_open(const char *return_path, const char *key, const char *value)
{
	struct office office = { .kit = testkit_create(gw_module_v1) };

	office.relay = testkit_relay(office.kit, "out");
	testkit_relay_option(office.relay, "return_path", return_path);
	testkit_relay_option(office.relay, "domains", "example.com *.below.example");
	if (key && strncmp(key, "return_path", 11) == 0)
		testkit_relay_option(office.relay, key, value);
	else if (key)
		testkit_option(office.kit, key, value);
	return office;
}

static enum gw_verdict send(struct office *office, const char *sender, const char *bytes)
{
	office->message = testkit_message(office->kit, NULL, sender, bytes);
	testkit_rcpt(office->message, "jane@customer.example");
	office->delivery = testkit_delivery(office->message, office->relay);
	return waited(office->kit, testkit_run_prepare(office->kit, office->delivery));
}

static const char *sent_from(struct office *office)
{
	return gw->delivery_fact(office->delivery, GW_DELIVERY_RETURN_PATH).ptr;
}

/* --- keep --- */

static void kept_by_default(void **state)
{
	struct office office = office_open("keep", NULL, NULL);

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(send(&office, "crm+77@crm.example", MAIL), GW_CONTINUE);
	assert_string_equal(sent_from(&office), "crm+77@crm.example");
	testkit_destroy(office.kit);
}

static void kept_only_in_the_domains_that_the_next_hop_takes(void **state)
{
	struct office office = office_open("keep", "return_path_domains",
					   "crm.example *.eu.crm.example");

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(send(&office, "crm@CRM.example", MAIL), GW_CONTINUE);
	assert_int_equal(send(&office, "crm@b1.eu.crm.example", MAIL), GW_CONTINUE);
	assert_int_equal(send(&office, "", MAIL), GW_CONTINUE);
	assert_int_equal(send(&office, "crm@other.example", MAIL), GW_REJECT);
	assert_int_equal(testkit_answer(office.kit)->code, 553);
	assert_string_equal(testkit_answer(office.kit)->enhanced, "5.1.8");
	assert_non_null(
		strstr(testkit_answer(office.kit)->text, "return_path_domains of relay out"));
	assert_int_equal(send(&office, "crm@eu.crm.example", MAIL), GW_REJECT);
	testkit_destroy(office.kit);
}

static void domains_have_a_name_for_several_relays(void **state)
{
	struct office office = office_open("keep", "return_path_domains", "@zoho:eu own.example");

	(void)state;
	testkit_option(office.kit, "return_path_sets[0].name", "zoho:eu");
	testkit_option(office.kit, "return_path_sets[0].domains", "eu.crm.example *.b.crm.example");
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(send(&office, "crm@eu.crm.example", MAIL), GW_CONTINUE);
	assert_int_equal(send(&office, "crm@1.b.crm.example", MAIL), GW_CONTINUE);
	assert_int_equal(send(&office, "crm@own.example", MAIL), GW_CONTINUE);
	assert_int_equal(send(&office, "crm@us.crm.example", MAIL), GW_REJECT);
	testkit_destroy(office.kit);
	office = office_open("keep", "return_path_domains", "@zoho:us");
	assert_int_equal(testkit_start(office.kit), -1);
	assert_true(testkit_has(office.kit, TESTKIT_PROBLEM, "there is no \"@zoho:us\""));
	testkit_destroy(office.kit);
	office = office_open("keep", "return_path_domains", "crm.example a..example");
	assert_int_equal(testkit_start(office.kit), -1);
	assert_true(testkit_has(office.kit, TESTKIT_PROBLEM, "\"a..example\" is no domain"));
	testkit_destroy(office.kit);
}

static void another_domain_may_get_another_return_path(void **state)
{
	struct office office = office_open("keep", "return_path_domains", "crm.example");

	(void)state;
	testkit_relay_option(office.relay, "return_path_else", "from");
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(send(&office, "crm@other.example", MAIL), GW_CONTINUE);
	assert_string_equal(sent_from(&office), "ann@example.com");
	testkit_destroy(office.kit);
}

/* --- from --- */

static const struct {
	const char *header, *from; /* NULL: refused */
} authors[] = {
	{ "From: ann@example.com\r\n", "ann@example.com" },
	{ "From: \"Smith, Ann\" <ann@example.com>\r\n", "ann@example.com" },
	{ "From: =?utf-8?q?J=C3=A4ne?= (sales) <ann@example.com>\r\n", "ann@example.com" },
	{ "From: Ann\r\n <ann@example.com>\r\n", "ann@example.com" },
	{ "From: \"ceo@other.example\" <ann@example.com>\r\n", "ann@example.com" },
	{ "From: <\"ann smith\"@example.com>\r\n", "\"ann smith\"@example.com" },
	{ "From: ann@m\xc3\xbcller.example\r\n", "ann@xn--mller-kva.example" },
	{ "From: j\xc3\xa4ne@example.com\r\n", NULL },
	{ "From: Ann <ann@example.com>, Bob <bob@example.com>\r\n", NULL },
	{ "From: Ann <ann@example.com>, Bob <bob@example.com>\r\nSender: bob@example.com\r\n",
	  "bob@example.com" },
	{ "From: Sales: ann@example.com, bob@example.com;\r\nSender: Desk <desk@example.com>\r\n",
	  "desk@example.com" },
	{ "From: Sales: ann@example.com;\r\n", NULL },
	{ "From: a@example.com, b@example.com\r\nSender: c@example.com, d@example.com\r\n", NULL },
	{ "From: ann@example.com\r\nFrom: bob@example.com\r\n", NULL },
	{ "From: Ann\r\n", NULL },
	{ "From: <>\r\n", NULL },
	{ "Subject: nobody\r\n", NULL },
};

static void the_author_is_read_as_people_would(void **state)
{
	struct office office = office_open("from", NULL, NULL);
	char bytes[512];
	size_t i;

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	for (i = 0; i < sizeof authors / sizeof *authors; i++) {
		snprintf(bytes, sizeof bytes, "%s\r\nhello\r\n", authors[i].header);
		if (send(&office, "crm@crm.example", bytes) !=
		    (authors[i].from ? GW_CONTINUE : GW_REJECT))
			print_error("%s\n", authors[i].header);
		assert_int_equal(testkit_answer(office.kit)->verdict,
				 authors[i].from ? GW_CONTINUE : GW_REJECT);
		if (authors[i].from)
			assert_string_equal(sent_from(&office), authors[i].from);
		else
			assert_string_equal(testkit_answer(office.kit)->enhanced, "5.1.7");
	}
	testkit_destroy(office.kit);
}

static void a_report_keeps_its_null_sender(void **state)
{
	static const char *const modes[] = { "from", "bounces@example.com", "own" };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct office office = office_open(modes[i], "domain", "b.example.com");
		assert_int_equal(testkit_start(office.kit), 0);
		assert_int_equal(send(&office, "", MAIL), GW_CONTINUE);
		assert_string_equal(sent_from(&office), "");
		testkit_destroy(office.kit);
	}
}

/* --- an address --- */

static void one_mailbox_for_all(void **state)
{
	struct office office = office_open("bounces@example.com", NULL, NULL);

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(send(&office, "crm@crm.example", MAIL), GW_CONTINUE);
	assert_string_equal(sent_from(&office), "bounces@example.com");
	testkit_destroy(office.kit);
}

static void what_is_wrong_is_told_at_the_relay(void **state)
{
	static const struct {
		const char *return_path, *told; /* NULL: fine */
	} rows[] = {
		{ "bounces@a.below.example", NULL },
		{ "bounces@Example.COM", NULL },
		{ "bounces@below.example", "is none of yours" },
		{ "bounces@other.example", "is none of yours" },
		{ "bounces@", "is no address" },
		{ "a b@example.com", "is no address" },
		{ "kept", "is neither" },
		{ "own", "needs the bounce domain" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct office office = office_open(rows[i].return_path, NULL, NULL);
		assert_int_equal(testkit_start(office.kit), rows[i].told ? -1 : 0);
		if (rows[i].told)
			assert_true(testkit_has(office.kit, TESTKIT_PROBLEM, rows[i].told) &&
				    testkit_has(office.kit, TESTKIT_PROBLEM,
						"relay out: return_path:"));
		testkit_destroy(office.kit);
	}
}

/* Mail to ann@example.com is refused then. */
static void people_in_the_bounce_domain_are_warned_of(void **state)
{
	static const char *const rows[] = { "Example.com", "bounce.example.com" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct office office = office_open("own", "domain", rows[i]);

		assert_int_equal(testkit_start(office.kit), 0);
		assert_int_equal(testkit_has(office.kit, TESTKIT_PROBLEM,
					     "is the bounce domain too: mail to people there"),
				 i == 0);
		testkit_destroy(office.kit);
	}
}

static void domains_of_the_module_count_too(void **state)
{
	struct office office = office_open("bounces@other.example", "domains", "other.example");

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	testkit_destroy(office.kit);
}

/* --- own --- */

static void ours_are_the_same_for_each_try_and_differ_by_message(void **state)
{
	struct office office = office_open("own", "domain", "b.example.com");
	char *first, *second;

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(send(&office, "crm@crm.example", MAIL), GW_CONTINUE);
	first = strdup(sent_from(&office));
	assert_int_equal(strlen(first), 29 + strlen("@b.example.com"));
	assert_string_equal(first + 29, "@b.example.com");
	testkit_advance(office.kit, 3600 * 1000);
	office.delivery = testkit_delivery(office.message, office.relay);
	assert_int_equal(waited(office.kit, testkit_run_prepare(office.kit, office.delivery)),
			 GW_CONTINUE);
	assert_string_equal(sent_from(&office), first);
	assert_int_equal(send(&office, "crm@crm.example", MAIL), GW_CONTINUE);
	second = strdup(sent_from(&office));
	assert_string_not_equal(first, second);
	free(first);
	free(second);
	testkit_destroy(office.kit);
}

/* Whoever got a mail knows its return path: it has to speak of him alone. */
static void each_recipient_has_one_of_its_own(void **state)
{
	struct office office = office_open("own", "domain", "b.example.com");
	struct gw_delivery *delivery;
	char paths[3][128];
	size_t i;

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	office.message = testkit_message(office.kit, NULL, "crm@crm.example", MAIL);
	for (i = 0; i < 3; i++)
		testkit_rcpt(office.message, i == 1 ? "b@example.net" : "a@example.net");
	delivery = testkit_delivery(office.message, office.relay);
	for (i = 0; i < 3; i++, delivery = testkit_rest(delivery)) {
		assert_int_equal(testkit_run_admit(office.kit, delivery, office.relay),
				 GW_CONTINUE);
		assert_null(gw->delivery_rcpt(delivery, 1));
		assert_int_equal(waited(office.kit, testkit_run_prepare(office.kit, delivery)),
				 GW_CONTINUE);
		snprintf(paths[i], sizeof paths[i], "%s",
			 gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH).ptr);
	}
	assert_null(delivery);
	assert_string_not_equal(paths[0], paths[1]);
	assert_string_not_equal(paths[0], paths[2]);
	testkit_destroy(office.kit);
}

static void others_stay_together(void **state)
{
	struct office office = office_open("from", "domain", "b.example.com");
	struct gw_delivery *delivery;

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	office.message = testkit_message(office.kit, NULL, "crm@crm.example", MAIL);
	testkit_rcpt(office.message, "a@example.net");
	testkit_rcpt(office.message, "b@example.net");
	delivery = testkit_delivery(office.message, office.relay);
	assert_int_equal(testkit_run_admit(office.kit, delivery, office.relay), GW_CONTINUE);
	assert_null(testkit_rest(delivery));
	testkit_destroy(office.kit);
}

static void ours_stays_ours(void **state)
{
	struct office office = office_open("own", "domain", "b.example.com");

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(send(&office, "abc@b.example.com", MAIL), GW_CONTINUE);
	assert_string_equal(sent_from(&office), "abc@b.example.com");
	testkit_destroy(office.kit);
}

static void the_key_is_made_once_for_the_gateway_alone(void **state)
{
	struct office office = office_open("own", "domain", "b.example.com");
	struct stat is;
	char *before;

	(void)state;
	assert_int_equal(testkit_start(office.kit), 0);
	assert_int_equal(stat(testkit_file(office.kit, "bounce.key", NULL), &is), 0);
	assert_int_equal(is.st_mode & 0777, 0600);
	assert_int_equal(is.st_size, 65);
	send(&office, "crm@crm.example", MAIL);
	before = strdup(sent_from(&office));
	assert_int_equal(testkit_restart(office.kit), 0);
	office.delivery = testkit_delivery(office.message, office.relay);
	assert_int_equal(waited(office.kit, testkit_run_prepare(office.kit, office.delivery)),
			 GW_CONTINUE);
	assert_string_equal(sent_from(&office), before);
	free(before);
	testkit_destroy(office.kit);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
	struct office office = office_open("own", "domain", "b.example.com");
	const char *path = testkit_file(office.kit, "bounce.key", "0011\n");

	(void)state;
	chmod(path, 0644);
	assert_int_equal(testkit_start(office.kit), -1);
	assert_true(testkit_has(office.kit, TESTKIT_PROBLEM, "chmod 600"));
	chmod(path, 0600);
	testkit_forget(office.kit);
	assert_int_equal(testkit_start(office.kit), -1);
	assert_true(testkit_has(office.kit, TESTKIT_PROBLEM, "64 hexadecimal digits"));
	testkit_destroy(office.kit);
}

/* --- tokens --- */

static const struct keys one = { 1, { { 1, 2, 3 } } }, two = { 2, { { 9 }, { 1, 2, 3 } } },
			 other = { 1, { { 9 } } };
static const struct gw_str domain = GW_STR("b.example.com");

static void a_token_proves_itself_until_its_day_is_over(void **state)
{
	static const struct path made = { 0x0123456789abcdefULL, 4711 };
	char token[TOKEN_SIZE];
	struct path path;
	size_t i;

	(void)state;
	assert_true(token_make(&one, made, 20500, domain, token));
	assert_int_equal(strlen(token), 29);
	assert_int_equal(token_read(&one, gw_str(token), domain, 20500, &path), TOKEN_FINE);
	assert_true(path.id == made.id && path.nth == made.nth);
	assert_int_equal(token_read(&one, gw_str(token), domain, 20501, &path), TOKEN_EXPIRED);
	for (i = 0; token[i]; i++)
		token[i] = (char)(token[i] >= 'a' ? token[i] - 32 : token[i]);
	assert_int_equal(token_read(&one, gw_str(token), gw_str("B.Example.com"), 20500, &path),
			 TOKEN_FINE);
}

static void any_other_letter_is_a_forgery(void **state)
{
	char token[TOKEN_SIZE], changed[TOKEN_SIZE + 1];
	struct path path = { 77, 1 };
	size_t i;

	(void)state;
	assert_true(token_make(&one, path, 20500, domain, token));
	for (i = 0; i < TOKEN_SIZE - 1; i++) {
		strcpy(changed, token);
		changed[i] = changed[i] == 'a' ? 'b' : 'a';
		assert_int_equal(token_read(&one, gw_str(changed), domain, 20500, &path),
				 TOKEN_FORGED);
		changed[i] = '\0';
		assert_int_equal(token_read(&one, gw_str(changed), domain, 20500, &path),
				 TOKEN_FORGED);
	}
	snprintf(changed, sizeof changed, "%sa", token);
	assert_int_equal(token_read(&one, gw_str(changed), domain, 20500, &path), TOKEN_FORGED);
	assert_int_equal(token_read(&one, gw_str(token), gw_str("c.example.com"), 20500, &path),
			 TOKEN_FORGED);
	assert_int_equal(token_read(&other, gw_str(token), domain, 20500, &path), TOKEN_FORGED);
	assert_int_equal(token_read(&two, gw_str(token), domain, 20500, &path), TOKEN_FINE);
}

/* --- what failed in a session --- */

static void what_failed_is_told_with_kind_and_reason(void **state)
{
	struct office office = office_open("keep", "rules[0].reason", "reputation");
	struct gw_outcome outcome = { .size = sizeof outcome,
				      .status = GW_BOUNCED,
				      .code = 550,
				      .enhanced = { 5, 7, 1 },
				      .text = GW_STR("host blocked by list") };
	struct gw_result result = { .size = sizeof result,
				    .outcome = &outcome,
				    .attempt = 1,
				    .relay = GW_STR("out"),
				    .stage = GW_STR("rcpt") };

	(void)state;
	testkit_option(office.kit, "rules[0].words", "\"blocked by\"");
	assert_int_equal(testkit_start(office.kit), 0);
	office.message = testkit_message(office.kit, NULL, "crm@crm.example", MAIL);
	result.rcpt = testkit_rcpt(office.message, "jane@customer.example");
	assert_int_equal(
		waited(office.kit, testkit_run_bounce(office.kit, office.message, &result)),
		GW_CONTINUE);
	assert_true(testkit_has(office.kit, TESTKIT_REASON,
				"jane@customer.example: block reputation, by text:blocked by"));
	assert_true(testkit_has(
		office.kit, TESTKIT_EVENT,
		"bounce block reputation (text:blocked by) {\"bounce\":{\"recipient\":\"jane@customer.example\",\"kind\":\"block\""));
	testkit_forget(office.kit);
	testkit_run_control(office.kit, "list recipient=JANE@customer.example kind=block", false);
	assert_true(testkit_has(office.kit, TESTKIT_REPLY, "\"source\":\"smtp\"") &&
		    testkit_has(office.kit, TESTKIT_REPLY, "\"relay\":\"out\""));
	testkit_destroy(office.kit);
}

/* A subject that is folded, and longer than any reply's line, is the mail's own words all the same.
 */
static void a_subject_that_is_echoed_is_not_read(void **state)
{
#define PADDING "a quite long subject of a mail that nobody would ever write by hand "
	struct office office = office_open("keep", "rules[0].reason", "reputation");
	struct gw_outcome outcome = { .size = sizeof outcome,
				      .status = GW_BOUNCED,
				      .code = 550,
				      .enhanced = { 5, 7, 1 },
				      .text = GW_STR("not wanted: " PADDING PADDING PADDING PADDING
						     "blocked by us") };
	struct gw_result result = { .size = sizeof result,
				    .outcome = &outcome,
				    .attempt = 1,
				    .relay = GW_STR("out"),
				    .stage = GW_STR("dot") };

	(void)state;
	testkit_option(office.kit, "rules[0].words", "\"blocked by\"");
	assert_int_equal(testkit_start(office.kit), 0);
	office.message = testkit_message(office.kit, NULL, "crm@crm.example",
					 "Subject: " PADDING PADDING "\r\n " PADDING PADDING
					 "blocked\r\n\tby us\r\n\r\nhello\r\n");
	result.rcpt = testkit_rcpt(office.message, "jane@customer.example");
	assert_int_equal(
		waited(office.kit, testkit_run_bounce(office.kit, office.message, &result)),
		GW_CONTINUE);
	assert_true(testkit_has(office.kit, TESTKIT_REASON,
				"jane@customer.example: block policy, by status:5.7.1"));
	testkit_destroy(office.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_by_default),
		cmocka_unit_test(kept_only_in_the_domains_that_the_next_hop_takes),
		cmocka_unit_test(domains_have_a_name_for_several_relays),
		cmocka_unit_test(another_domain_may_get_another_return_path),
		cmocka_unit_test(the_author_is_read_as_people_would),
		cmocka_unit_test(a_report_keeps_its_null_sender),
		cmocka_unit_test(one_mailbox_for_all),
		cmocka_unit_test(what_is_wrong_is_told_at_the_relay),
		cmocka_unit_test(people_in_the_bounce_domain_are_warned_of),
		cmocka_unit_test(domains_of_the_module_count_too),
		cmocka_unit_test(ours_are_the_same_for_each_try_and_differ_by_message),
		cmocka_unit_test(each_recipient_has_one_of_its_own),
		cmocka_unit_test(others_stay_together),
		cmocka_unit_test(ours_stays_ours),
		cmocka_unit_test(the_key_is_made_once_for_the_gateway_alone),
		cmocka_unit_test(a_key_that_others_may_read_is_refused),
		cmocka_unit_test(a_token_proves_itself_until_its_day_is_over),
		cmocka_unit_test(any_other_letter_is_a_forgery),
		cmocka_unit_test(what_failed_is_told_with_kind_and_reason),
		cmocka_unit_test(a_subject_that_is_echoed_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
