/* routing_test.c - rules as people write them, and the routes they give. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

/* The document's wish: one relay for mass mail, one for workflow mail, one behind both. */
static struct testkit *office(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *mass = testkit_relay(kit, "mass"), *flow = testkit_relay(kit, "flow"),
			*wide = testkit_relay(kit, "wide");

	testkit_relay_option(mass, "domains", "example.com example.net");
	testkit_relay_option(mass, "types", "mass");
	testkit_relay_option(mass, "fallback", "origin");
	testkit_relay_option(flow, "domains", "example.com");
	testkit_relay_option(flow, "types", "workflow individual");
	testkit_relay_option(flow, "fallback", "origin mass");
	testkit_relay_option(wide, "domains", "*.example.org");
	testkit_relay(kit, "origin");
	return kit;
}

static struct gw_message *mail(struct testkit *kit, const char *sender, const char *from,
			       const char *type)
{
	char bytes[200];
	struct gw_message *message;

	snprintf(bytes, sizeof bytes, *from ? "From: %s\r\n\r\n" : "Subject: no From\r\n\r\n%s",
		 from);
	message = testkit_message(kit, NULL, sender, bytes);
	testkit_message_fact(message, GW_MESSAGE_TYPE, type);
	return message;
}

static const char *route_of(struct testkit *kit, struct gw_message *message,
			    enum gw_verdict expected)
{
	struct gw_rcpt *rcpt = testkit_rcpt(message, "somebody@elsewhere.example");

	assert_int_equal(testkit_run_route(kit, message, rcpt), expected);
	return testkit_route(rcpt);
}

static void the_rule_that_names_domain_and_type_wins(void **state)
{
	static const struct {
		const char *sender, *from, *type, *route;
	} rows[] = {
		{ "b@crm.example", "a@example.com", "mass", "mass" },
		{ "b@crm.example", "a@EXAMPLE.com", "MASS", "mass" },
		{ "b@crm.example", "a@example.com", "workflow", "flow" },
		{ "b@crm.example", "a@example.net", "mass", "mass" },
		{ "b@crm.example", "a@sub.example.org", "anything", "wide" },
		{ "b@crm.example", "a@x.sub.example.org", "anything", "wide" },
		/* no From field: the envelope's domain counts */
		{ "a@example.net", "", "mass", "mass" },
	};
	struct testkit *kit = office();
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(route_of(kit,
					     mail(kit, rows[i].sender, rows[i].from, rows[i].type),
					     GW_ACCEPT),
				    rows[i].route);
	testkit_destroy(kit);
}

static void mail_that_no_rule_names_is_given_back(void **state)
{
	static const struct {
		const char *from, *type, *text;
	} rows[] = {
		{ "a@example.net", "workflow",
		  "no relay is set for workflow mail from example.net" },
		/* the apex is not below itself */
		{ "a@example.org", "mass", "no relay is set for mass mail from example.org" },
		{ "a@notexample.org", "mass", "no relay is set for mass mail from notexample.org" },
		{ "a@other.example", "mass", "no relay is set for mass mail from other.example" },
		{ "", "mass", "no relay is set for mass mail from <>" },
	};
	struct testkit *kit = office();
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(
			route_of(kit, mail(kit, "", rows[i].from, rows[i].type), GW_REJECT), "");
		assert_int_equal(testkit_answer(kit)->code, 550);
		assert_string_equal(testkit_answer(kit)->enhanced, "5.7.1");
		assert_string_equal(testkit_answer(kit)->text, rows[i].text);
	}
	testkit_destroy(kit);
}

static void or_waits_or_takes_the_default(void **state)
{
	struct testkit *kit = office();

	testkit_option(kit, "no_route", "wait");
	assert_int_equal(testkit_start(kit), 0);
	route_of(kit, mail(kit, "b@crm.example", "a@other.example", "mass"), GW_TEMPFAIL);
	assert_string_equal(testkit_answer(kit)->enhanced, "4.7.1");
	testkit_stop(kit);

	testkit_option(kit, "default", "flow");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(
		route_of(kit, mail(kit, "b@crm.example", "a@other.example", "mass"), GW_ACCEPT),
		"flow");
	assert_true(testkit_has(kit, TESTKIT_REASON, "by default: flow"));
	testkit_destroy(kit);
}

static void files_in_order_each_relay_once(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *first = testkit_relay(kit, "first"),
			*second = testkit_relay(kit, "second");

	testkit_relay_option(first, "domains", "* *.com");
	testkit_relay_option(second, "domains", "example.com");
	testkit_relay_option(second, "fallback", "first");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(route_of(kit, mail(kit, "", "a@example.com", "mass"), GW_ACCEPT),
			    "first second");
	assert_string_equal(route_of(kit, mail(kit, "", "a@example.net", "mass"), GW_ACCEPT),
			    "first");
	testkit_destroy(kit);
}

/* --- where mail goes that leaves a relay --- */

static struct testkit *lists(struct gw_relay **main_relay, struct gw_relay **spare)
{
	struct testkit *kit = testkit_create(gw_module_v1);

	*main_relay = testkit_relay(kit, "main");
	testkit_relay_option(*main_relay, "domains", "example.com");
	*spare = testkit_relay(kit, "spare");
	testkit_relay_fact(testkit_relay(kit, "direct"), GW_RELAY_HOST, "mx");
	return kit;
}

static void each_cause_has_its_list(void **state)
{
	static const struct {
		const char *fallback, *on_limit;
		enum gw_cause cause;
		enum gw_verdict verdict;
		const char *expected;
	} rows[] = {
		{ "spare", "direct", GW_CAUSE_FAILURE, GW_ACCEPT, "spare" },
		{ "spare", "direct", GW_CAUSE_OFF, GW_ACCEPT, "spare" },
		{ "spare", "direct", GW_CAUSE_LIMIT, GW_ACCEPT, "direct" },
		{ "spare", "direct", GW_CAUSE_RATE, GW_CONTINUE, "" },
		{ "spare", "", GW_CAUSE_LIMIT, GW_CONTINUE, "" },
		{ "", "spare", GW_CAUSE_FAILURE, GW_CONTINUE, "" },
		{ "spare mx", "", GW_CAUSE_FAILURE, GW_ACCEPT, "spare direct" },
		{ "", "spare wait", GW_CAUSE_LIMIT, GW_WAIT, "spare" },
		{ "", "wait", GW_CAUSE_LIMIT, GW_WAIT, "" },
		{ "", "spare refuse", GW_CAUSE_LIMIT, GW_WAIT, "spare" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_relay *relay, *spare;
		struct testkit *kit = lists(&relay, &spare);
		struct gw_message *message = mail(kit, "", "a@example.com", "mass");
		struct gw_delivery *delivery;
		char cause[12];

		testkit_relay_option(relay, "fallback", rows[i].fallback);
		testkit_relay_option(relay, "on_limit", rows[i].on_limit);
		assert_int_equal(testkit_start(kit), 0);
		testkit_rcpt(message, "b@example.net");
		delivery = testkit_delivery(message, relay);
		snprintf(cause, sizeof cause, "%d", rows[i].cause);
		testkit_delivery_fact(delivery, GW_DELIVERY_CAUSE, cause);
		assert_int_equal(testkit_run_fallback(kit, delivery, relay), rows[i].verdict);
		assert_string_equal(testkit_fallback(delivery), rows[i].expected);
		testkit_destroy(kit);
	}
}

/* --- refusing while the client is there --- */

static void refuses_only_where_everything_before_is_closed(void **state)
{
	static const struct {
		const char *on_limit, *closed;
		enum gw_verdict verdict;
	} rows[] = {
		{ "refuse", "", GW_CONTINUE },
		{ "refuse", "main", GW_TEMPFAIL },
		{ "spare refuse", "main", GW_CONTINUE },
		{ "spare refuse", "main spare", GW_TEMPFAIL },
		{ "wait", "main", GW_CONTINUE },
		{ "spare wait", "main spare", GW_CONTINUE },
		{ "", "main", GW_CONTINUE },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_relay *relay, *spare;
		struct testkit *kit = lists(&relay, &spare);
		struct gw_message *message = mail(kit, "a@example.com", "a@example.com", "mass");
		struct gw_rcpt *rcpt;

		testkit_relay_option(relay, "on_limit", rows[i].on_limit);
		assert_int_equal(testkit_start(kit), 0);
		rcpt = testkit_rcpt(message, "b@example.net");
		if (strstr(rows[i].closed, "main"))
			testkit_close(relay, GW_CAUSE_LIMIT, 0, "quota", "5/5 until 00:00 UTC");
		if (strstr(rows[i].closed, "spare"))
			testkit_close(spare, GW_CAUSE_LIMIT, 0, "quota", "7/7 until 00:00 UTC");
		assert_int_equal(testkit_run_rcpt(kit, message, rcpt), rows[i].verdict);
		if (rows[i].verdict == GW_TEMPFAIL) {
			assert_int_equal(testkit_answer(kit)->code, 451);
			assert_string_equal(testkit_answer(kit)->enhanced, "4.7.1");
			assert_non_null(strstr(testkit_answer(kit)->text, "try your own server"));
		}
		assert_int_equal(testkit_run_message(kit, message), rows[i].verdict);
		testkit_destroy(kit);
	}
}

/* The client's MAIL FROM says little: a client with one domain is refused for that one. */
static void before_the_header_a_clients_only_domain_counts(void **state)
{
	struct gw_relay *relay, *spare;
	struct testkit *kit = lists(&relay, &spare);
	struct gw_message *message = mail(kit, "b@crm.example", "a@example.com", "mass");

	testkit_relay_option(relay, "on_limit", "refuse");
	assert_int_equal(testkit_start(kit), 0);
	testkit_close(relay, GW_CAUSE_LIMIT, 0, "quota", "5/5");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "b@example.net")),
			 GW_CONTINUE);
	testkit_message_fact(message, GW_MESSAGE_DOMAINS, "example.com");
	assert_int_equal(testkit_run_rcpt(kit, message, testkit_rcpt(message, "c@example.net")),
			 GW_TEMPFAIL);
	testkit_message_fact(message, GW_MESSAGE_DOMAINS, "*");
	assert_int_equal(testkit_run_message(kit, message), GW_TEMPFAIL);
	testkit_destroy(kit);
}

/* --- a relay more changes nothing for mail it does not match --- */

static const char *const domains[] = { "example.com", "example.net", "sub.example.org",
				       "other.example" };
static const char *const types[] = { "individual", "workflow", "mass" };
#define MATRIX 12

static void make_matrix(struct testkit *kit, char matrix[MATRIX][100])
{
	size_t d, t;

	for (d = 0; d < 4; d++)
		for (t = 0; t < 3; t++) {
			char from[60];
			struct gw_message *message;
			struct gw_rcpt *rcpt;

			snprintf(from, sizeof from, "a@%s", domains[d]);
			message = mail(kit, "", from, types[t]);
			rcpt = testkit_rcpt(message, "b@elsewhere.example");
			testkit_run_route(kit, message, rcpt);
			snprintf(matrix[d * 3 + t], 100, "%s", testkit_route(rcpt));
		}
}

static void a_relay_more_changes_nothing_for_other_mail(void **state)
{
	char before[MATRIX][100], after[MATRIX][100];
	struct testkit *kit = office();
	struct gw_relay *more;
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	make_matrix(kit, before);
	testkit_destroy(kit);

	kit = office();
	more = testkit_relay(kit, "more");
	testkit_relay_option(more, "domains", "example.net");
	testkit_relay_option(more, "types", "workflow");
	testkit_relay_option(more, "fallback", "origin");
	assert_int_equal(testkit_start(kit), 0);
	make_matrix(kit, after);
	testkit_destroy(kit);
	for (i = 0; i < MATRIX; i++)
		assert_string_equal(after[i], i == 4 ? "more" : before[i]);
}

static void own_mail_takes_the_default_then_any_relay_with_a_host(void **state)
{
	struct testkit *kit = office();
	struct gw_message *message = mail(kit, "", "postmaster@gateway.example", "individual");

	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(route_of(kit, message, GW_ACCEPT), "mass flow wide origin");
	testkit_stop(kit);
	testkit_option(kit, "default", "origin");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(route_of(kit, message, GW_ACCEPT), "origin mass flow wide");
	testkit_destroy(kit);
}

/* A list that keeps mail for a limit is for clients' mail: a warning about that relay would wait
 * for what it warns of. */
static void own_mail_waits_in_no_list(void **state)
{
	struct gw_relay *relay, *spare;
	struct testkit *kit = lists(&relay, &spare);
	struct gw_message *message = mail(kit, "", "postmaster@gateway.example", "individual");
	struct gw_delivery *delivery;
	char cause[12];

	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	testkit_relay_option(relay, "on_limit", "spare wait");
	assert_int_equal(testkit_start(kit), 0);
	testkit_rcpt(message, "b@example.net");
	delivery = testkit_delivery(message, relay);
	snprintf(cause, sizeof cause, "%d", GW_CAUSE_LIMIT);
	testkit_delivery_fact(delivery, GW_DELIVERY_CAUSE, cause);
	assert_int_equal(testkit_run_fallback(kit, delivery, relay), GW_CONTINUE);
	assert_string_equal(testkit_fallback(delivery), "");
	testkit_destroy(kit);
}

static void says_which_rule_won_and_why_not_the_others(void **state)
{
	struct testkit *kit = office();
	struct gw_message *asked = mail(kit, "b@crm.example", "a@example.com", "mass");

	assert_int_equal(testkit_start(kit), 0);
	route_of(kit, mail(kit, "b@crm.example", "a@example.com", "mass"), GW_ACCEPT);
	assert_string_equal(testkit_line(kit, TESTKIT_REASON, 0),
			    "mass mail from example.com, by rule: mass");
	assert_int_equal(testkit_lines(kit, TESTKIT_PASSED), 0);
	testkit_message_fact(asked, GW_MESSAGE_DRY, "1");
	route_of(kit, asked, GW_ACCEPT);
	assert_string_equal(testkit_line(kit, TESTKIT_PASSED, 0), "flow: other types");
	assert_string_equal(testkit_line(kit, TESTKIT_PASSED, 1), "wide: other domains");
	assert_string_equal(testkit_line(kit, TESTKIT_PASSED, 2),
			    "origin: no rule names it; it is in the fallback of mass");
	testkit_destroy(kit);
}

static void wrong_rules_are_found_at_the_start(void **state)
{
	static const struct {
		const char *relay, *key, *text, *problem;
		int result;
	} rows[] = {
		{ "a", "fallback", "nowhere",
		  "error: relay a: fallback: relay a: fallback names \"nowhere\", and there is no such relay",
		  -1 },
		{ "a", "on_limit", "b nowhere",
		  "error: relay a: on_limit: relay a: on_limit names \"nowhere\", and there is no such relay",
		  -1 },
		{ "a", "fallback", "mx", "fallback names \"mx\", and no relay has host = \"mx\"",
		  -1 },
		{ "a", "on_limit", "wait b",
		  "on_limit names \"wait\", and what follows it is never asked", -1 },
		{ "a", "fallback", "a", "fallback leads in a circle: a -> a", -1 },
		{ "a", "fallback", "b c", "fallback leads in a circle: a -> b -> a", -1 },
		{ "a", "on_limit", "b", NULL, 0 },
		{ NULL, "default", "d", "default names \"d\", and there is no such relay", -1 },
		{ "a", "types", "mass", "warning: relay c: name: relay c: no mail can reach it",
		  0 },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);
		struct gw_relay *relay = testkit_relay(kit, "a");

		testkit_relay_option(relay, "domains", "*");
		testkit_relay_option(testkit_relay(kit, "b"), "fallback", "a");
		testkit_relay(kit, "c");
		if (rows[i].relay)
			testkit_relay_option(relay, rows[i].key, rows[i].text);
		else
			testkit_option(kit, rows[i].key, rows[i].text);
		assert_int_equal(testkit_start(kit), rows[i].result);
		if (rows[i].problem && !testkit_has(kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("expected \"%s\", first is \"%s\"", rows[i].problem,
				 testkit_line(kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(kit);
	}
}

static void memory_that_is_out_is_no_route(void **state)
{
	struct testkit *kit = office();

	testkit_fail(kit, "alloc", 1);
	assert_int_equal(testkit_start(kit), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "no memory"));
	assert_int_equal(testkit_start(kit), 0);
	testkit_fail(kit, "route_add", 1);
	route_of(kit, mail(kit, "", "a@example.com", "mass"), GW_FAILED);
	testkit_destroy(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rule_that_names_domain_and_type_wins),
		cmocka_unit_test(mail_that_no_rule_names_is_given_back),
		cmocka_unit_test(or_waits_or_takes_the_default),
		cmocka_unit_test(files_in_order_each_relay_once),
		cmocka_unit_test(each_cause_has_its_list),
		cmocka_unit_test(refuses_only_where_everything_before_is_closed),
		cmocka_unit_test(before_the_header_a_clients_only_domain_counts),
		cmocka_unit_test(a_relay_more_changes_nothing_for_other_mail),
		cmocka_unit_test(own_mail_takes_the_default_then_any_relay_with_a_host),
		cmocka_unit_test(own_mail_waits_in_no_list),
		cmocka_unit_test(says_which_rule_won_and_why_not_the_others),
		cmocka_unit_test(wrong_rules_are_found_at_the_start),
		cmocka_unit_test(memory_that_is_out_is_no_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
