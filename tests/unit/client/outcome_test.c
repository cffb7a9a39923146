#include "base/arena.h"
#include "client/outcome.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

static void the_code_fits_stage_and_status(void **state)
{
	static const struct {
		enum gw_status status;
		enum stage stage;
		int code;
		const char *given;
		uint8_t want[3];
	} cases[] = {
		{ GW_DELIVERED, STAGE_DOT, 250, NULL, { 2, 0, 0 } },
		{ GW_DELIVERED, STAGE_DOT, 250, "2.1.5", { 2, 1, 5 } },
		{ GW_BOUNCED, STAGE_RCPT, 550, NULL, { 5, 0, 0 } },
		{ GW_BOUNCED, STAGE_RCPT, 550, "5.1.1", { 5, 1, 1 } },
		{ GW_DEFERRED, STAGE_RESOLVE, 0, NULL, { 4, 4, 4 } },
		{ GW_DEFERRED, STAGE_CONNECT, 0, NULL, { 4, 4, 1 } },
		{ GW_DEFERRED, STAGE_TLS, 0, NULL, { 4, 7, 5 } },
		{ GW_DEFERRED, STAGE_AUTH, 0, NULL, { 4, 7, 0 } },
		{ GW_UNKNOWN, STAGE_DOT, 0, NULL, { 4, 4, 2 } },
		{ GW_BOUNCED, STAGE_MODULE, 0, NULL, { 5, 3, 0 } },
		{ GW_BOUNCED, STAGE_MODULE, 0, "5.255.1", { 5, 255, 1 } },
	};
	struct arena arena;
	size_t i;
	arena_init(&arena, 0);
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outcome outcome;
		uint8_t got[3];
		outcome_set(&outcome, &arena, cases[i].status, cases[i].stage, false, cases[i].code,
			    cases[i].given, gw_str("why"), gw_str("mx"));
		outcome_enhanced(&outcome, got);
		assert_memory_equal(got, cases[i].want, 3);
	}
	arena_finish(&arena);
}

/* The words outlive what they were made from. */
static void an_outcome_owns_its_words(void **state)
{
	char text[] = "no such user", host[] = "mx.example";
	struct smtp_reply reply = { .code = 550, .enhanced = { 5, 1, 1 }, .text = gw_str(text) };
	struct outcome outcome;
	struct arena arena;
	arena_init(&arena, 0);
	outcome_reply(&outcome, &arena, GW_BOUNCED, STAGE_RCPT, false, &reply, gw_str(host));
	memset(text, 'x', sizeof text);
	memset(host, 'x', sizeof host);
	assert_string_equal(outcome.reply.text.ptr, "no such user");
	assert_string_equal(outcome.host.ptr, "mx.example");
	assert_int_equal(outcome.reply.code, 550);
	assert_int_equal(outcome.reply.enhanced[1], 1);
	outcome_set(&outcome, &arena, GW_DEFERRED, STAGE_NONE, false, 0, NULL, gw_str(""),
		    gw_str(""));
	assert_string_equal(outcome.reply.text.ptr, "");
	arena_finish(&arena);
}

static void everything_has_a_name(void **state)
{
	int i;
	for (i = STAGE_NONE; i <= STAGE_MODULE; i++)
		assert_true(strlen(stage_name((enum stage)i)) > 0);
	assert_string_equal(stage_name(STAGE_RCPT), "rcpt");
	assert_int_equal(status_event(GW_UNKNOWN), EVENT_UNKNOWN);
	assert_int_equal(status_event((enum gw_status)0), EVENT_DEFERRED);
	assert_string_equal(stage_name((enum stage)99), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_code_fits_stage_and_status),
		cmocka_unit_test(an_outcome_owns_its_words),
		cmocka_unit_test(everything_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
