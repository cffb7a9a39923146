#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include "base/log.h"

/* A module that says what its instance's name tells. */
static const struct {
	const char *name;
	enum gw_verdict verdict;
} words[] = {
	{ "continue", GW_CONTINUE }, { "accept", GW_ACCEPT },
	{ "reject", GW_REJECT },     { "tempfail", GW_TEMPFAIL },
	{ "discard", GW_DISCARD },   { "hold", GW_HOLD },
	{ "next", GW_NEXT },         { "disconnect", GW_DISCONNECT },
	{ "wait", GW_WAIT },         { "failed", GW_FAILED },
	{ "pending", GW_PENDING },   { "nonsense", (enum gw_verdict)77 },
};

static unsigned asked;

static enum gw_verdict word(struct gw_call *call)
{
	asked++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, call->instance->name) == 0)
			return words[i].verdict;
	return GW_CONTINUE;
}

static enum gw_verdict of_session(struct gw_call *call, struct gw_session *session)
{
	return word(call);
}

static enum gw_verdict of_login(struct gw_call *call, struct gw_session *session,
				const struct gw_login *login)
{
	return word(call);
}

static enum gw_verdict of_message(struct gw_call *call, struct gw_message *message)
{
	return word(call);
}

static enum gw_verdict of_rcpt(struct gw_call *call, struct gw_message *message,
			       struct gw_rcpt *rcpt)
{
	return word(call);
}

static enum gw_verdict of_relay(struct gw_call *call, struct gw_delivery *delivery,
				struct gw_relay *relay)
{
	return word(call);
}

static enum gw_verdict of_delivery(struct gw_call *call, struct gw_delivery *delivery)
{
	return word(call);
}

static enum gw_verdict of_result(struct gw_call *call, struct gw_message *message,
				 const struct gw_result *result)
{
	return word(call);
}

static const struct gw_module table = {
	.connect = of_session,
	.ehlo = of_session,
	.auth = of_login,
	.mail = of_message,
	.rcpt = of_rcpt,
	.message = of_message,
	.route = of_rcpt,
	.admit = of_relay,
	.prepare = of_delivery,
	.login = of_relay,
	.deliver = of_relay,
	.bounce = of_result,
};

static void never(struct gw_call *call, void *arg)
{
	fail_msg("nothing is held");
}

/* Runs a hook over instances named by words parted by blanks. */
static struct chain_answer run(enum gw_hook hook, const char *names, enum on_error on_error)
{
	static char copy[200];
	struct rig rig;
	struct gw_call call;

	rig_init(&rig);
	snprintf(copy, sizeof(copy), "%s", names);
	for (char *name = strtok(copy, " "); name; name = strtok(NULL, " "))
		rig_add(&rig, name, hook, &table)->on_error = on_error;
	chain_init(&call, NULL, &rig.snapshot, &rig.arena);
	asked = 0;
	assert_true(chain_run(&call, hook, never, NULL));
	assert_null(call.instance);
	rig_finish(&rig);
	return call.answer;
}

static void first_verdict_that_ends_is_the_answer(void **state)
{
	static const struct {
		enum gw_hook hook;
		const char *names;
		enum gw_verdict verdict;
		unsigned asked;
	} rows[] = {
		{ GW_HOOK_mail, "", GW_CONTINUE, 0 },
		{ GW_HOOK_mail, "continue accept continue", GW_CONTINUE, 3 },
		{ GW_HOOK_mail, "continue reject tempfail", GW_REJECT, 2 },
		{ GW_HOOK_mail, "tempfail reject", GW_TEMPFAIL, 1 },
		{ GW_HOOK_connect, "disconnect", GW_DISCONNECT, 1 },
		{ GW_HOOK_auth, "continue accept reject", GW_ACCEPT, 2 },
		{ GW_HOOK_rcpt, "accept reject", GW_REJECT, 2 },
		{ GW_HOOK_message, "continue discard", GW_DISCARD, 2 },
		{ GW_HOOK_message, "hold reject", GW_HOLD, 1 },
		{ GW_HOOK_route, "continue accept", GW_ACCEPT, 2 },
		{ GW_HOOK_admit, "accept next", GW_NEXT, 2 },
		{ GW_HOOK_prepare, "wait", GW_WAIT, 1 },
		{ GW_HOOK_login, "accept continue", GW_ACCEPT, 1 },
		{ GW_HOOK_deliver, "continue accept", GW_ACCEPT, 2 },
		{ GW_HOOK_bounce, "continue discard", GW_DISCARD, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct chain_answer answer = run(rows[i].hook, rows[i].names, ON_ERROR_DEFAULT);
		assert_int_equal(answer.verdict, rows[i].verdict);
		assert_int_equal(asked, rows[i].asked);
		assert_false(answer.broke);
	}
}

static void votes_are_remembered(void **state)
{
	assert_true(run(GW_HOOK_rcpt, "continue accept continue", ON_ERROR_DEFAULT).voted);
	assert_false(run(GW_HOOK_rcpt, "continue continue", ON_ERROR_DEFAULT).voted);
}

static void failure_is_what_on_error_says(void **state)
{
	static const struct {
		enum gw_hook hook;
		enum on_error on_error;
		enum gw_verdict verdict;
	} rows[] = {
		{ GW_HOOK_connect, ON_ERROR_DEFAULT, GW_DISCONNECT },
		{ GW_HOOK_connect, ON_ERROR_WAIT, GW_TEMPFAIL },
		{ GW_HOOK_ehlo, ON_ERROR_DEFAULT, GW_CONTINUE },
		{ GW_HOOK_ehlo, ON_ERROR_REJECT, GW_REJECT },
		{ GW_HOOK_auth, ON_ERROR_DEFAULT, GW_TEMPFAIL },
		{ GW_HOOK_auth, ON_ERROR_HOLD, GW_TEMPFAIL },
		{ GW_HOOK_mail, ON_ERROR_CONTINUE, GW_CONTINUE },
		{ GW_HOOK_rcpt, ON_ERROR_REJECT, GW_REJECT },
		{ GW_HOOK_message, ON_ERROR_DEFAULT, GW_TEMPFAIL },
		{ GW_HOOK_message, ON_ERROR_HOLD, GW_HOLD },
		{ GW_HOOK_route, ON_ERROR_HOLD, GW_TEMPFAIL },
		{ GW_HOOK_admit, ON_ERROR_TEMPFAIL, GW_WAIT },
		{ GW_HOOK_prepare, ON_ERROR_DEFAULT, GW_WAIT },
		{ GW_HOOK_prepare, ON_ERROR_HOLD, GW_WAIT },
		{ GW_HOOK_prepare, ON_ERROR_REJECT, GW_REJECT },
		{ GW_HOOK_login, ON_ERROR_REJECT, GW_WAIT },
		{ GW_HOOK_deliver, ON_ERROR_DEFAULT, GW_WAIT },
		{ GW_HOOK_deliver, ON_ERROR_TEMPFAIL, GW_WAIT },
		{ GW_HOOK_bounce, ON_ERROR_DEFAULT, GW_CONTINUE },
		{ GW_HOOK_bounce, ON_ERROR_TEMPFAIL, GW_CONTINUE },
	};
	static const char *const failures[] = { "failed", "nonsense", "pending" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t j = 0; j < sizeof(failures) / sizeof(failures[0]); j++) {
			struct chain_answer answer = run(rows[i].hook, failures[j],
							 rows[i].on_error);
			assert_int_equal(answer.verdict, rows[i].verdict);
			assert_int_equal(answer.broke, rows[i].verdict != GW_CONTINUE);
		}
}

/* A verdict that a hook does not know is a failure, not an answer. */
static void verdict_of_another_hook_is_a_failure(void **state)
{
	assert_true(run(GW_HOOK_mail, "discard", ON_ERROR_DEFAULT).broke);
	assert_true(run(GW_HOOK_deliver, "reject", ON_ERROR_DEFAULT).broke);
	assert_true(run(GW_HOOK_rcpt, "disconnect", ON_ERROR_DEFAULT).broke);
	assert_int_equal(run(GW_HOOK_bounce, "reject discard", ON_ERROR_DEFAULT).verdict,
			 GW_DISCARD);
}

/* --- replies --- */

static const char *reply_enhanced, *reply_text;
static int reply_code;

static enum gw_verdict reply_and_reject(struct gw_call *call, struct gw_message *message)
{
	fake_reply(call, reply_code, reply_enhanced, "%s", reply_text);
	return GW_REJECT;
}

static enum gw_verdict reply_and_continue(struct gw_call *call, struct gw_message *message)
{
	fake_reply(call, 550, "5.9.9", "not mine");
	return GW_CONTINUE;
}

static void replies_are_kept_in_form(void **state)
{
	static const struct {
		int code;
		const char *enhanced, *text;
		int expected_code;
		const char *expected_enhanced, *expected_text;
	} rows[] = {
		{ 550, "5.7.1", "go away", 550, "5.7.1", "go away" },
		{ 550, NULL, "go away", 550, "", "go away" },
		{ 250, "2.0.0", "well", 0, "", "well" },
		{ 451, "4.7.1", "later", 0, "", "later" },
		{ 554, "4.7.1", "mixed", 554, "", "mixed" },
		{ 554, "5.7", "short", 554, "", "short" },
		{ 554, "5.7.1 x", "long", 554, "", "long" },
		{ 554, "5.7.1", "two\r\nlines\tand \x01\xc3", 554, "5.7.1", "two  lines and ??" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig rig;
		struct gw_call call;
		rig_init(&rig);
		rig_add(&rig, "first", GW_HOOK_mail,
			&(struct gw_module){ .mail = reply_and_continue });
		rig_add(&rig, "second", GW_HOOK_mail,
			&(struct gw_module){ .mail = reply_and_reject });
		reply_code = rows[i].code;
		reply_enhanced = rows[i].enhanced;
		reply_text = rows[i].text;
		chain_init(&call, NULL, &rig.snapshot, &rig.arena);
		assert_true(chain_run(&call, GW_HOOK_mail, never, NULL));
		assert_int_equal(call.answer.code, rows[i].expected_code);
		assert_string_equal(call.answer.enhanced, rows[i].expected_enhanced);
		assert_string_equal(call.answer.text.ptr, rows[i].expected_text);
		assert_string_equal(call.answer.instance, "second");
		rig_finish(&rig);
	}
}

static void reply_of_who_had_no_opinion_is_forgotten(void **state)
{
	struct rig rig;
	struct gw_call call;

	rig_init(&rig);
	rig_add(&rig, "first", GW_HOOK_mail, &(struct gw_module){ .mail = reply_and_continue });
	chain_init(&call, NULL, &rig.snapshot, &rig.arena);
	assert_true(chain_run(&call, GW_HOOK_mail, never, NULL));
	assert_int_equal(call.answer.code, 0);
	assert_int_equal(call.answer.text.len, 0);
	assert_null(call.answer.instance);
	rig_finish(&rig);
}

/* --- observers, counters, the watch --- */

static struct gw_event seen;
static const struct chain_place *watched[16];
static size_t watch_count;

static void on_event(struct gw_call *call, const struct gw_event *event)
{
	seen = *event;
}

static void watch(const struct chain_place *place)
{
	watched[watch_count++ % 16] = place;
}

static void observers_are_told_and_counted(void **state)
{
	struct rig rig;
	struct gw_call call;
	struct gw_event event = { .size = sizeof(event), .name = gw_str("accepted") };

	rig_init(&rig);
	struct instance *instance = rig_add(&rig, "ear", GW_HOOK_event,
					    &(struct gw_module){ .event = on_event });
	chain_init(&call, NULL, &rig.snapshot, &rig.arena);
	call.argument = &event;
	watch_count = 0;
	chain_set_watch(watch);
	chain_tell(&call, GW_HOOK_event);
	chain_set_watch(NULL);
	assert_string_equal(seen.name.ptr, "accepted");
	assert_int_equal(instance->counters->hooks[GW_HOOK_event].calls, 1);
	assert_int_equal(watch_count, 2);
	assert_non_null(watched[0]);
	assert_null(watched[1]);
	rig_finish(&rig);
}

static void failures_are_counted(void **state)
{
	struct rig rig;
	struct gw_call call;

	rig_init(&rig);
	struct instance *instance = rig_add(&rig, "failed", GW_HOOK_mail, &table);
	chain_init(&call, NULL, &rig.snapshot, &rig.arena);
	assert_true(chain_run(&call, GW_HOOK_mail, never, NULL));
	assert_int_equal(instance->counters->hooks[GW_HOOK_mail].calls, 1);
	assert_int_equal(instance->counters->hooks[GW_HOOK_mail].failures, 1);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_verdict_that_ends_is_the_answer),
		cmocka_unit_test(votes_are_remembered),
		cmocka_unit_test(failure_is_what_on_error_says),
		cmocka_unit_test(verdict_of_another_hook_is_a_failure),
		cmocka_unit_test(replies_are_kept_in_form),
		cmocka_unit_test(reply_of_who_had_no_opinion_is_forgotten),
		cmocka_unit_test(observers_are_told_and_counted),
		cmocka_unit_test(failures_are_counted),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
