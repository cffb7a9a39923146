/* office.h - a gateway with one relay "main" that is about to have a bad day. */
#ifndef FAILOVER_TESTS_OFFICE_H
#define FAILOVER_TESTS_OFFICE_H

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#define MINUTE ((int64_t)60 * 1000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* 2026-01-01 00:00:00 UTC, when a kit begins: 01:00 in Berlin. */
#define MIDNIGHT ((int64_t)1767225600000)

static struct testkit *kit;
static struct gw_relay *relay;
static struct gw_message *message;
static struct gw_delivery *delivery;
static int64_t now;

static inline void pass(int64_t ms)
{
	now += ms;
	testkit_advance(kit, ms);
}

static inline int open_office(void **state)
{
	(void)state;
	kit = testkit_create(gw_module_v1);
	relay = testkit_relay(kit, "main");
	testkit_relay_fact(relay, GW_RELAY_TIMEZONE, "Europe/Berlin");
	testkit_relay_fact(relay, GW_RELAY_CONNECTIONS, "8");
	testkit_relay_option(relay, "failures_apart", "0");
	testkit_option(kit, "warn_to", "admin@example.com boss@example.com");
	message = testkit_message(kit, NULL, "a@example.com", "Subject: x\r\n\r\n");
	testkit_rcpt(message, "b@example.net");
	delivery = testkit_delivery(message, relay);
	now = MIDNIGHT;
	return 0;
}

static inline int close_office(void **state)
{
	(void)state;
	testkit_destroy(kit);
	return 0;
}

static inline void begin(void)
{
	assert_int_equal(testkit_start(kit), 0);
}

/* What an attempt that began then gave. */
static inline void result_since(int64_t began, enum gw_status status, const char *stage,
				enum gw_fault fault, int code, const char *text)
{
	const struct gw_outcome outcome_of_result = { .size = sizeof outcome_of_result,
						      .status = status,
						      .code = code,
						      .text = gw_str(text),
						      .host = gw_str(
							      "smtp.example.net [192.0.2.1]:25") };
	struct gw_result result = {
		.size = sizeof result,
		.relay = gw_str("main"),
		.stage = gw_str(stage),
		.fault = fault,
		.began = began,
		.attempt = 1,
		.outcome = &outcome_of_result,
	};

	testkit_run_result(kit, delivery, &result);
}

/* An attempt a minute later, that took a second. */
static inline void attempt(enum gw_status status, const char *stage, enum gw_fault fault, int code,
			   const char *text)
{
	pass(MINUTE);
	result_since(now - 1000, status, stage, fault, code, text);
}

static inline void refused(void)
{
	attempt(GW_DEFERRED, "connect", GW_FAULT_RELAY, 0, "Connection refused");
}

static inline void delivered(void)
{
	attempt(GW_DELIVERED, "dot", GW_FAULT_NONE, 250, "kept");
}

static inline void lost_after_dot(void)
{
	attempt(GW_UNKNOWN, "dot", GW_FAULT_UNKNOWN, 0, "connection lost");
}

static inline bool suspended(void)
{
	const struct gw_closure *closure = testkit_closed(relay);

	return closure && closure->cause == GW_CAUSE_FAILURE;
}

static inline void resume(void)
{
	struct gw_event event = { .size = sizeof event,
				  .name = gw_str("relay-resumed"),
				  .relay = gw_str("main") };

	testkit_run_event(kit, &event);
}

static inline void assert_told(enum testkit_line what, const char *part)
{
	if (!testkit_has(kit, what, part))
		fail_msg("expected \"%s\", first is \"%s\"", part, testkit_line(kit, what, 0));
}

#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, open_office, close_office)

#endif
