/* course_test.c - what the testkit shows of a delivery's course: where it goes, who waits, whose
 * fault it was, what is closed. */
#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the hooks below do is set by the test; what they are given is kept. */
static enum gw_verdict (*behaviour)(struct gw_call *call);
static struct gw_delivery *delivery;
static struct gw_relay *relay;

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return behaviour(call);
}
static enum gw_verdict on_route(struct gw_call *call, struct gw_message *message,
				struct gw_rcpt *rcpt)
{
	return behaviour(call);
}
static enum gw_verdict on_admit(struct gw_call *call, struct gw_delivery *of, struct gw_relay *to)
{
	return behaviour(call);
}
static enum gw_verdict on_fallback(struct gw_call *call, struct gw_delivery *of,
				   struct gw_relay *left)
{
	return behaviour(call);
}
static void on_leave(struct gw_call *call, struct gw_delivery *of, struct gw_relay *left)
{
	behaviour(call);
}
static void on_result(struct gw_call *call, struct gw_delivery *of, const struct gw_result *result)
{
	behaviour(call);
}
static void on_tick(struct gw_call *call)
{
	behaviour(call);
}
static void on_check(struct gw_call *call)
{
	behaviour(call);
}

static void on_relay_status(struct gw_call *call, struct gw_relay *of)
{
	gw->status_line(call, "today", "%s", gw->relay_fact(of, GW_RELAY_NAME).ptr);
}

GW_MODULE(.name = "sample", .version = "1", .summary = "for the testkit's own test",
	  .delivery_size = sizeof(int), .mail = on_mail, .route = on_route, .admit = on_admit,
	  .result = on_result, .tick = on_tick, .check = on_check, .fallback = on_fallback,
	  .leave = on_leave, .relay_status = on_relay_status)

/* A message to three recipients on its way through the first of two relays, "a" and "b". */
static struct testkit *start(void)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	struct gw_message *message = testkit_message(kit, NULL, "a@example.com",
						     "B: 1\r\n\r\nbody\r\n");

	relay = testkit_relay(kit, "a");
	testkit_relay(kit, "b");
	testkit_rcpt(message, "1@example.net");
	testkit_rcpt(message, "2@example.net");
	testkit_rcpt(message, "3@example.net");
	delivery = testkit_delivery(message, relay);
	assert_int_equal(testkit_start(kit), 0);
	return kit;
}

static struct gw_message *message(void)
{
	return gw->delivery_message(delivery);
}

static enum gw_verdict admit(struct testkit *kit, enum gw_verdict (*does)(struct gw_call *call))
{
	behaviour = does;
	return testkit_run_admit(kit, delivery, relay);
}

static void result(struct testkit *kit, enum gw_verdict (*does)(struct gw_call *call))
{
	const struct gw_outcome outcome = { .size = sizeof outcome, .status = GW_DEFERRED };
	struct gw_result result = { .size = sizeof result,
				    .rcpt = gw->delivery_rcpt(delivery, 0),
				    .outcome = &outcome,
				    .stage = GW_STR("rcpt") };

	behaviour = does;
	testkit_run_result(kit, delivery, &result);
}

static void tick(struct testkit *kit, enum gw_verdict (*does)(struct gw_call *call))
{
	behaviour = does;
	testkit_run_tick(kit);
}

/* --- where it goes --- */

static enum gw_verdict names_both(struct gw_call *call)
{
	gw->route_add(call, gw->relay_named(call, gw_str("b")));
	gw->route_add(call, gw->relay_named(call, gw_str("a")));
	return GW_ACCEPT;
}

static enum gw_verdict waits_after_a_failure(struct gw_call *call)
{
	gw->wait_until(call, gw->now(call) + gw->delivery_number(delivery, GW_DELIVERY_CAUSE));
	return GW_WAIT;
}

static void fallback_names_relays_or_waits(void **state)
{
	struct testkit *kit = start();

	behaviour = names_both;
	assert_int_equal(testkit_run_fallback(kit, delivery, relay), GW_ACCEPT);
	assert_string_equal(testkit_fallback(delivery), "b a");
	behaviour = waits_after_a_failure;
	assert_int_equal(testkit_run_fallback(kit, delivery, relay), GW_WAIT);
	assert_string_equal(testkit_fallback(delivery), "");
	assert_int_equal(testkit_answer(kit)->wait_until,
			 gw->message_number(message(), GW_MESSAGE_RECEIVED_AT) + GW_CAUSE_FAILURE);
	testkit_delivery_fact(delivery, GW_DELIVERY_CAUSE, "2");
	testkit_run_fallback(kit, delivery, relay);
	assert_int_equal(testkit_answer(kit)->wait_until,
			 gw->message_number(message(), GW_MESSAGE_RECEIVED_AT) + GW_CAUSE_LIMIT);
	testkit_destroy(kit);
}

static enum gw_verdict passes_b_over(struct gw_call *call)
{
	gw->skipped(call, gw->relay_named(call, gw_str("b")), "%d of 50", 50);
	return GW_CONTINUE;
}

static void who_was_passed_over_is_told_only_to_those_who_ask(void **state)
{
	struct testkit *kit = start();
	struct gw_rcpt *rcpt = gw->message_rcpt(message(), 0);

	behaviour = passes_b_over;
	testkit_run_route(kit, message(), rcpt);
	assert_int_equal(testkit_lines(kit, TESTKIT_PASSED), 0);
	testkit_message_fact(message(), GW_MESSAGE_DRY, "1");
	testkit_run_route(kit, message(), rcpt);
	testkit_run_fallback(kit, delivery, relay);
	assert_int_equal(testkit_lines(kit, TESTKIT_PASSED), 2);
	assert_string_equal(testkit_line(kit, TESTKIT_PASSED, 0), "b: 50 of 50");
	testkit_destroy(kit);
}

/* --- admit --- */

static enum gw_verdict leaves_for_a_limit(struct gw_call *call)
{
	gw->cause(call, GW_CAUSE_LIMIT);
	return GW_NEXT;
}

static enum gw_verdict waits_on_a_key(struct gw_call *call)
{
	gw->wait_on(call, gw_str("a/minute"));
	return GW_WAIT;
}

static enum gw_verdict keeps_two(struct gw_call *call)
{
	*(int *)gw->delivery_data(call) = 2;
	if (gw->split(call, delivery, 2) != 0)
		return GW_WAIT;
	assert_in_range(gw->delivery_number(delivery, GW_DELIVERY_RCPTS), 1, 2);
	return GW_CONTINUE;
}

static void admit_says_why_and_where_it_waits(void **state)
{
	struct testkit *kit = start();

	assert_int_equal(admit(kit, leaves_for_a_limit), GW_NEXT);
	assert_int_equal(testkit_answer(kit)->cause, GW_CAUSE_LIMIT);
	assert_string_equal(testkit_answer(kit)->wait_on, "");
	assert_int_equal(admit(kit, waits_on_a_key), GW_WAIT);
	assert_int_equal(testkit_answer(kit)->cause, 0);
	assert_string_equal(testkit_answer(kit)->wait_on, "a/minute");
	testkit_destroy(kit);
}

static enum gw_verdict sees_what_admit_left(struct gw_call *call)
{
	assert_int_equal(*(int *)gw->delivery_data(call), 2);
	assert_int_equal(gw->delivery_number(delivery, GW_DELIVERY_RCPTS), 2);
	return GW_CONTINUE;
}

static void the_others_become_a_delivery_of_their_own(void **state)
{
	struct testkit *kit = start();

	assert_null(testkit_rest(delivery));
	assert_int_equal(admit(kit, keeps_two), GW_CONTINUE);
	assert_int_equal(testkit_answer(kit)->split, 2);
	behaviour = sees_what_admit_left;
	testkit_run_leave(kit, delivery, relay);
	delivery = testkit_rest(delivery);
	assert_int_equal(gw->delivery_number(delivery, GW_DELIVERY_RCPTS), 1);
	assert_ptr_equal(gw->delivery_rcpt(delivery, 0), gw->message_rcpt(message(), 2));
	admit(kit, keeps_two);
	assert_null(testkit_rest(delivery));
	testkit_destroy(kit);
}

static void a_split_may_fail(void **state)
{
	struct testkit *kit = start();

	testkit_fail(kit, "split", 1);
	assert_int_equal(admit(kit, keeps_two), GW_WAIT);
	assert_int_equal(gw->delivery_number(delivery, GW_DELIVERY_RCPTS), 3);
	testkit_destroy(kit);
}

static enum gw_verdict keeps_the_second(struct gw_call *call)
{
	static const bool keep[] = { false, true, false };

	return gw->split_by(call, delivery, keep) == 0 ? GW_CONTINUE : GW_WAIT;
}

static enum gw_verdict keeps_none_of_them(struct gw_call *call)
{
	static const bool keep[3];

	gw->split_by(call, delivery, keep);
	return GW_CONTINUE;
}

static void those_that_differ_become_a_delivery_of_their_own(void **state)
{
	struct testkit *kit = start();

	testkit_fail(kit, "split_by", 1);
	assert_int_equal(admit(kit, keeps_the_second), GW_WAIT);
	assert_int_equal(gw->delivery_number(delivery, GW_DELIVERY_RCPTS), 3);
	assert_int_equal(admit(kit, keeps_the_second), GW_CONTINUE);
	assert_int_equal(testkit_answer(kit)->split, 1);
	assert_ptr_equal(gw->delivery_rcpt(delivery, 0), gw->message_rcpt(message(), 1));
	delivery = testkit_rest(delivery);
	assert_int_equal(gw->delivery_number(delivery, GW_DELIVERY_RCPTS), 2);
	assert_ptr_equal(gw->delivery_rcpt(delivery, 0), gw->message_rcpt(message(), 0));
	assert_ptr_equal(gw->delivery_rcpt(delivery, 1), gw->message_rcpt(message(), 2));
	testkit_destroy(kit);
}

static enum gw_verdict opens_the_gate(struct gw_call *call)
{
	gw->notify(call, gw_str("a/minute"), 3);
	return GW_CONTINUE;
}

static void open_gates_are_seen(void **state)
{
	struct testkit *kit = start();

	tick(kit, opens_the_gate);
	assert_string_equal(testkit_line(kit, TESTKIT_NOTIFIED, 0), "a/minute 3");
	testkit_destroy(kit);
}

/* --- result --- */

static enum gw_verdict blames_the_account_then_the_relay(struct gw_call *call)
{
	gw->fault(call, GW_FAULT_ACCOUNT);
	gw->fault(call, GW_FAULT_RELAY);
	gw->hold_message(call, "sender refused");
	return GW_CONTINUE;
}

static enum gw_verdict says_nothing(struct gw_call *call)
{
	return GW_CONTINUE;
}

static void who_blames_first_is_believed(void **state)
{
	struct testkit *kit = start();

	result(kit, blames_the_account_then_the_relay);
	assert_int_equal(testkit_fault(kit), GW_FAULT_ACCOUNT);
	assert_string_equal(testkit_line(kit, TESTKIT_HELD, 0), "sender refused");
	result(kit, says_nothing);
	assert_int_equal(testkit_fault(kit), GW_FAULT_NONE);
	testkit_destroy(kit);
}

/* --- closed relays --- */

static enum gw_verdict closes_for_a_minute(struct gw_call *call)
{
	gw->relay_close(call, relay, GW_CAUSE_LIMIT, gw->now(call) + 60000, "2/2");
	gw->relay_connections(call, relay, 4);
	return GW_CONTINUE;
}

static enum gw_verdict opens_again(struct gw_call *call)
{
	gw->relay_open(call, relay);
	gw->relay_connections(call, relay, 0);
	return GW_CONTINUE;
}

static struct gw_closure seen;
static bool closed;

static enum gw_verdict looks(struct gw_call *call)
{
	seen = (struct gw_closure){ .size = sizeof seen };
	closed = gw->relay_closed(call, relay, &seen);
	return GW_CONTINUE;
}

static void a_relay_is_closed_until_its_time_or_opened(void **state)
{
	struct testkit *kit = start();

	tick(kit, closes_for_a_minute);
	assert_string_equal(testkit_closed(relay)->why.ptr, "2/2");
	assert_string_equal(testkit_closed(relay)->by.ptr, "sample");
	assert_int_equal(testkit_pace(relay), 4);
	testkit_advance(kit, 59999);
	tick(kit, looks);
	assert_true(closed);
	testkit_advance(kit, 1);
	tick(kit, looks);
	assert_false(closed);
	assert_null(testkit_closed(relay));
	tick(kit, closes_for_a_minute);
	tick(kit, opens_again);
	assert_null(testkit_closed(relay));
	assert_int_equal(testkit_pace(relay), 0);
	testkit_destroy(kit);
}

static void the_closure_that_lasts_longest_is_told(void **state)
{
	struct testkit *kit = start();

	tick(kit, closes_for_a_minute);
	testkit_close(relay, GW_CAUSE_OFF, 0, "gatewayctl", "moving house");
	testkit_close(relay, GW_CAUSE_FAILURE, 1, "failover", "long past");
	tick(kit, looks);
	assert_int_equal(seen.cause, GW_CAUSE_OFF);
	assert_string_equal(seen.by.ptr, "gatewayctl");
	assert_string_equal(seen.why.ptr, "moving house");
	tick(kit, opens_again);
	assert_null(testkit_closed(relay));
	tick(kit, looks);
	assert_true(closed);
	testkit_open(relay, "gatewayctl");
	tick(kit, looks);
	assert_false(closed);
	testkit_destroy(kit);
}

static void a_restart_opens_relays(void **state)
{
	struct testkit *kit = start();

	tick(kit, closes_for_a_minute);
	assert_int_equal(testkit_restart(kit), 0);
	assert_null(testkit_closed(relay));
	assert_int_equal(testkit_pace(relay), 0);
	testkit_destroy(kit);
}

/* --- the rest --- */

static enum gw_verdict takes_refused(struct gw_call *call)
{
	gw->accept_then_bounce(call, message());
	return GW_CONTINUE;
}

static void refusals_may_be_hidden(void **state)
{
	struct testkit *kit = start();

	behaviour = says_nothing;
	testkit_run_mail(kit, message());
	assert_false(testkit_takes_refused(message()));
	behaviour = takes_refused;
	testkit_run_mail(kit, message());
	assert_true(testkit_takes_refused(message()));
	testkit_destroy(kit);
}

static enum gw_verdict awaits_next_hop(struct gw_call *call)
{
	gw->await_next_hop(call, message(), 2000);
	return GW_CONTINUE;
}

static void a_client_may_wait_for_its_next_hop(void **state)
{
	struct testkit *kit = start();

	behaviour = says_nothing;
	testkit_run_mail(kit, message());
	assert_int_equal(testkit_awaits_next_hop(message()), -1);
	behaviour = awaits_next_hop;
	testkit_run_mail(kit, message());
	assert_int_equal(testkit_awaits_next_hop(message()), 2000);
	testkit_destroy(kit);
}

static enum gw_verdict complains(struct gw_call *call)
{
	gw->problem_at(call, relay, "daily_limit", true, "below %d", 1);
	gw->problem_at(call, relay, NULL, false, "is slow");
	gw->problem_at(call, NULL, "timezone", false, "unknown");
	gw->problem_at(call, NULL, NULL, true, "no relays");
	return GW_CONTINUE;
}

static void problems_name_relay_and_key(void **state)
{
	static const char *const lines[] = { "error: relay a: daily_limit: below 1",
					     "warning: relay a: is slow",
					     "warning: timezone: unknown", "error: no relays" };
	struct testkit *kit = start();

	behaviour = complains;
	testkit_run_check(kit);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		assert_string_equal(testkit_line(kit, TESTKIT_PROBLEM, i), lines[i]);
	testkit_destroy(kit);
}

static void a_relay_has_status_lines(void **state)
{
	struct testkit *kit = start();

	testkit_run_relay_status(kit, relay);
	assert_string_equal(testkit_line(kit, TESTKIT_STATUS, 0), "today: a");
	testkit_destroy(kit);
}

static enum gw_verdict keeps_none(struct gw_call *call)
{
	gw->split(call, delivery, 0);
	return GW_CONTINUE;
}

static enum gw_verdict closes_for_no_cause(struct gw_call *call)
{
	gw->relay_close(call, relay, 0, 0, "x");
	return GW_CONTINUE;
}

static enum gw_verdict asks_without_size(struct gw_call *call)
{
	gw->relay_closed(call, relay, &(struct gw_closure){ .until = 0 });
	return GW_CONTINUE;
}

static enum gw_verdict says_next(struct gw_call *call)
{
	return GW_NEXT;
}

static void run_fallback(struct testkit *kit)
{
	testkit_run_fallback(kit, delivery, relay);
}
static void run_mail(struct testkit *kit)
{
	testkit_run_mail(kit, message());
}
static void run_admit(struct testkit *kit)
{
	testkit_run_admit(kit, delivery, relay);
}

static void what_the_contract_forbids_is_seen(void **state)
{
	static const struct {
		void (*run)(struct testkit *kit);
		enum gw_verdict (*does)(struct gw_call *call);
		const char *misuse;
	} wrongs[] = {
		{ run_fallback, says_next, "fallback answered 7" },
		{ run_mail, names_both, "route_add() is not for the hook mail" },
		{ run_mail, passes_b_over, "skipped() is not for the hook mail" },
		{ run_mail, leaves_for_a_limit, "cause() is not for the hook mail" },
		{ run_fallback, keeps_two, "split() is not for the hook fallback" },
		{ run_fallback, waits_on_a_key, "wait_on() is not for the hook fallback" },
		{ run_admit, blames_the_account_then_the_relay,
		  "fault() is not for the hook admit" },
		{ run_admit, takes_refused, "accept_then_bounce() is not for the hook admit" },
		{ run_admit, awaits_next_hop, "await_next_hop() is not for the hook admit" },
		{ run_admit, complains, "problem_at() is not for the hook admit" },
		{ run_admit, keeps_none, "split() of no recipient" },
		{ run_admit, keeps_none_of_them, "split_by() of no recipient" },
		{ run_fallback, keeps_the_second, "split_by() is not for the hook fallback" },
		{ run_admit, closes_for_no_cause, "cause 0, which is none" },
		{ run_admit, asks_without_size, "struct gw_closure without its size" },
	};

	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		struct testkit *kit = start();

		testkit_tolerate(kit);
		behaviour = wrongs[i].does;
		wrongs[i].run(kit);
		if (!testkit_has(kit, TESTKIT_MISUSE, wrongs[i].misuse))
			fail_msg("%s: %s", wrongs[i].misuse, testkit_line(kit, TESTKIT_MISUSE, 0));
		testkit_destroy(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fallback_names_relays_or_waits),
		cmocka_unit_test(who_was_passed_over_is_told_only_to_those_who_ask),
		cmocka_unit_test(admit_says_why_and_where_it_waits),
		cmocka_unit_test(the_others_become_a_delivery_of_their_own),
		cmocka_unit_test(a_split_may_fail),
		cmocka_unit_test(those_that_differ_become_a_delivery_of_their_own),
		cmocka_unit_test(open_gates_are_seen),
		cmocka_unit_test(who_blames_first_is_believed),
		cmocka_unit_test(a_relay_is_closed_until_its_time_or_opened),
		cmocka_unit_test(the_closure_that_lasts_longest_is_told),
		cmocka_unit_test(a_restart_opens_relays),
		cmocka_unit_test(refusals_may_be_hidden),
		cmocka_unit_test(a_client_may_wait_for_its_next_hop),
		cmocka_unit_test(problems_name_relay_and_key),
		cmocka_unit_test(a_relay_has_status_lines),
		cmocka_unit_test(what_the_contract_forbids_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
