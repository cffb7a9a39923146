/* routing_test.c - rules as people write them, and the routes they give. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

/* The document's wish: one relay for mass mail, one for workflow mail, one behind both. */
static struct testkit *office(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *mass = testkit_relay(kit, "mass"), *flow = testkit_relay(kit, "flow"), *wide = testkit_relay(kit, "wide");

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

static struct gw_message *mail(struct testkit *kit, const char *sender, const char *from, const char *type)
{
	char bytes[200];
	struct gw_message *message;

	snprintf(bytes, sizeof bytes, *from ? "From: %s\r\n\r\n" : "Subject: no From\r\n\r\n%s", from);
	message = testkit_message(kit, NULL, sender, bytes);
	testkit_message_fact(message, GW_MESSAGE_TYPE, type);
	return message;
}

static const char *route_of(struct testkit *kit, struct gw_message *message, enum gw_verdict expected)
{
	struct gw_rcpt *rcpt = testkit_rcpt(message, "somebody@elsewhere.example");

	assert_int_equal(testkit_run_route(kit, message, rcpt), expected);
	return testkit_route(rcpt);
}

static void the_rule_that_names_domain_and_type_wins(void **state)
{
	static const struct { const char *sender, *from, *type, *route; } rows[] = {
		{ "b@crm.example", "a@example.com", "mass", "mass origin" },
		{ "b@crm.example", "a@EXAMPLE.com", "MASS", "mass origin" },
		{ "b@crm.example", "a@example.com", "workflow", "flow origin mass" },
		{ "b@crm.example", "a@example.net", "mass", "mass origin" },
		{ "b@crm.example", "a@sub.example.org", "anything", "wide" },
		{ "b@crm.example", "a@x.sub.example.org", "anything", "wide" },
		{ "a@example.net", "", "mass", "mass origin" }, /* no From field: the envelope's domain counts */
	};
	struct testkit *kit = office();
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(route_of(kit, mail(kit, rows[i].sender, rows[i].from, rows[i].type), GW_ACCEPT), rows[i].route);
	testkit_destroy(kit);
}

static void mail_that_no_rule_names_is_given_back(void **state)
{
	static const struct { const char *from, *type, *text; } rows[] = {
		{ "a@example.net", "workflow", "no relay is set for workflow mail from example.net" },
		{ "a@example.org", "mass", "no relay is set for mass mail from example.org" }, /* the apex is not below itself */
		{ "a@notexample.org", "mass", "no relay is set for mass mail from notexample.org" },
		{ "a@other.example", "mass", "no relay is set for mass mail from other.example" },
		{ "", "mass", "no relay is set for mass mail from <>" },
	};
	struct testkit *kit = office();
	size_t i;

	assert_int_equal(testkit_start(kit), 0);
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_string_equal(route_of(kit, mail(kit, "", rows[i].from, rows[i].type), GW_REJECT), "");
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
	assert_string_equal(route_of(kit, mail(kit, "b@crm.example", "a@other.example", "mass"), GW_ACCEPT), "flow origin mass");
	assert_true(testkit_has(kit, TESTKIT_REASON, "by default: flow; fallback origin, mass"));
	testkit_destroy(kit);
}

static void files_in_order_each_relay_once(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *first = testkit_relay(kit, "first"), *second = testkit_relay(kit, "second");

	testkit_relay_option(first, "domains", "*");
	testkit_relay_option(first, "fallback", "second third");
	testkit_relay_option(second, "domains", "example.com");
	testkit_relay_option(second, "fallback", "third first");
	testkit_relay(kit, "third");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(route_of(kit, mail(kit, "", "a@example.com", "mass"), GW_ACCEPT), "first second third");
	assert_string_equal(route_of(kit, mail(kit, "", "a@example.net", "mass"), GW_ACCEPT), "first second third");
	testkit_destroy(kit);
}

static void a_relay_that_is_off_gives_way_to_its_fallback(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *main_relay = testkit_relay(kit, "main"), *spare = testkit_relay(kit, "spare");
	struct gw_message *message = mail(kit, "", "a@example.com", "mass");

	testkit_relay_option(main_relay, "domains", "example.com");
	testkit_relay_option(main_relay, "fallback", "spare");
	assert_int_equal(testkit_start(kit), 0);
	testkit_relay_fact(main_relay, GW_RELAY_ENABLED, "0");
	assert_string_equal(route_of(kit, message, GW_ACCEPT), "spare");

	/* All of them off: the mail waits, even though no_route says reject. */
	testkit_relay_fact(spare, GW_RELAY_ENABLED, "0");
	assert_string_equal(route_of(kit, message, GW_TEMPFAIL), "");
	assert_string_equal(testkit_answer(kit)->text, "every relay for mass mail from example.com is switched off");
	testkit_destroy(kit);
}

static void own_mail_takes_the_default_or_the_first_relay(void **state)
{
	struct testkit *kit = office();
	struct gw_message *message = mail(kit, "", "postmaster@gateway.example", "individual");

	testkit_message_fact(message, GW_MESSAGE_OWN, "1");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(route_of(kit, message, GW_ACCEPT), "mass origin");
	testkit_stop(kit);
	testkit_option(kit, "default", "origin");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(route_of(kit, message, GW_ACCEPT), "origin");
	testkit_destroy(kit);
}

static void says_which_rule_won_and_why_not_the_others(void **state)
{
	struct testkit *kit = office();

	assert_int_equal(testkit_start(kit), 0);
	route_of(kit, mail(kit, "b@crm.example", "a@example.com", "mass"), GW_ACCEPT);
	assert_string_equal(testkit_line(kit, TESTKIT_REASON, 0), "mass mail from example.com, by rule: mass; fallback origin; "
								  "not flow (other types), wide (other domains)");
	testkit_destroy(kit);
}

static void wrong_rules_are_found_at_the_start(void **state)
{
	static const struct { const char *relay, *key, *text, *problem; int result; } rows[] = {
		{ "a", "fallback", "nowhere", "error: relay a: fallback names \"nowhere\", and there is no such relay", -1 },
		{ NULL, "default", "c", "error: default names \"c\", and there is no such relay", -1 },
		{ "a", "fallback", "a", "warning: relay a: its fallbacks lead to no other relay that is switched on", 0 },
		{ "a", "fallback", "off", "warning: relay a: its fallbacks lead to no other relay that is switched on", 0 },
		{ "a", "types", "mass", "warning: relay b: no mail can reach it", 0 },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);
		struct gw_relay *relay = testkit_relay(kit, "a");

		testkit_relay_option(relay, "domains", "*");
		testkit_relay(kit, "b");
		testkit_relay_fact(testkit_relay(kit, "off"), GW_RELAY_ENABLED, "0");
		if (rows[i].relay)
			testkit_relay_option(relay, rows[i].key, rows[i].text);
		else
			testkit_option(kit, rows[i].key, rows[i].text);
		assert_int_equal(testkit_start(kit), rows[i].result);
		if (!testkit_has(kit, TESTKIT_PROBLEM, rows[i].problem))
			fail_msg("expected \"%s\", first is \"%s\"", rows[i].problem, testkit_line(kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(kit);
	}
}

static void a_circle_of_fallbacks_is_fine(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_relay *a = testkit_relay(kit, "a"), *b = testkit_relay(kit, "b");

	testkit_relay_option(a, "domains", "*");
	testkit_relay_option(a, "fallback", "b");
	testkit_relay_option(b, "fallback", "a");
	assert_int_equal(testkit_start(kit), 0);
	assert_int_equal(testkit_lines(kit, TESTKIT_PROBLEM), 0);
	testkit_destroy(kit);
}

static void memory_that_is_out_is_no_route(void **state)
{
	struct testkit *kit = office();

	testkit_fail(kit, "alloc", 1);
	assert_int_equal(testkit_start(kit), -1);
	assert_true(testkit_has(kit, TESTKIT_PROBLEM, "no memory"));
	assert_int_equal(testkit_start(kit), 0);
	testkit_fail(kit, "route_add", 2);
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
		cmocka_unit_test(a_relay_that_is_off_gives_way_to_its_fallback),
		cmocka_unit_test(own_mail_takes_the_default_or_the_first_relay),
		cmocka_unit_test(says_which_rule_won_and_why_not_the_others),
		cmocka_unit_test(wrong_rules_are_found_at_the_start),
		cmocka_unit_test(a_circle_of_fallbacks_is_fine),
		cmocka_unit_test(memory_that_is_out_is_no_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
