/* testkit_test.c - the testkit keeps the contract's promises, and sees who breaks them. */
#include <gateway/testkit.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct row {
	struct gw_str name;
	struct gw_list words;
};

struct config {
	struct gw_str text, path, secret;
	int64_t number, size, wait, word;
	bool flag;
	struct gw_list list;
	struct gw_groups rows;
};

static const struct gw_option row_options[] = {
	{ .key = "name",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct row, name),
	  .flags = GW_OPTION_REQUIRED },
	{ .key = "words", .type = GW_OPTION_LIST, .offset = offsetof(struct row, words) },
	GW_OPTIONS_END,
};

static const struct gw_option options[] = {
	{ .key = "text",
	  .type = GW_OPTION_STRING,
	  .offset = offsetof(struct config, text),
	  .fallback = "none" },
	{ .key = "deep.path", .type = GW_OPTION_PATH, .offset = offsetof(struct config, path) },
	{ .key = "secret", .type = GW_OPTION_SECRET, .offset = offsetof(struct config, secret) },
	{ .key = "number",
	  .type = GW_OPTION_INT,
	  .offset = offsetof(struct config, number),
	  .fallback = "7",
	  .min = 1,
	  .max = 9 },
	{ .key = "size", .type = GW_OPTION_SIZE, .offset = offsetof(struct config, size) },
	{ .key = "wait", .type = GW_OPTION_DURATION, .offset = offsetof(struct config, wait) },
	{ .key = "word",
	  .type = GW_OPTION_WORD,
	  .offset = offsetof(struct config, word),
	  .words = "one|two|three" },
	{ .key = "flag", .type = GW_OPTION_BOOL, .offset = offsetof(struct config, flag) },
	{ .key = "list",
	  .type = GW_OPTION_LIST,
	  .offset = offsetof(struct config, list),
	  .fallback = "a b" },
	{ .key = "rows",
	  .type = GW_OPTION_GROUPS,
	  .offset = offsetof(struct config, rows),
	  .group = row_options,
	  .group_size = sizeof(struct row) },
	GW_OPTIONS_END,
};

/* What the hooks below do is set by the test. */
static const struct config *config;
static enum gw_verdict (*behaviour)(struct gw_call *call);
static gw_ticket ticket;
static int freed;

static int on_start(struct gw_call *call)
{
	config = gw->conf(call);
	return 0;
}

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return behaviour(call);
}

static enum gw_verdict on_prepare(struct gw_call *call, struct gw_delivery *delivery)
{
	assert_int_equal(gw->header_add(call, delivery, 1, gw_str("X-New"), gw_str("1\r\n folded")),
			 0);
	assert_int_equal(gw->header_drop(call, delivery, 2), 0);
	assert_int_equal(gw->header_replace(call, delivery, 0, gw_str(" kept blank")), 0);
	assert_int_equal(
		gw->header_add(call, delivery, 0, gw_str("X-Bad"), gw_str("a\r\nInjected: b")), -1);
	assert_int_equal(gw->header_drop(call, delivery, 99), -1);
	assert_int_equal(gw->body_replace(call, delivery, gw_str("bare\n")), -1);
	assert_int_equal(gw->body_splice(call, delivery, 5, 0, gw_str("cut")), -1);
	assert_int_equal(gw->body_splice(call, delivery, 7, 0, gw_str("out")), -1);
	assert_int_equal(gw->body_splice(call, delivery, 6, 0, gw_str("notice\r\n")), 0);
	return GW_CONTINUE;
}

GW_MODULE(.name = "sample", .version = "1", .summary = "for the testkit's own test",
	  .options = options, .conf_size = sizeof(struct config), .message_size = sizeof(int),
	  .start = on_start, .mail = on_mail, .prepare = on_prepare)

struct scene {
	struct testkit *kit;
	struct gw_session *session;
	struct gw_message *message;
};

static struct scene scene_of(enum gw_verdict (*does)(struct gw_call *call))
{
	struct scene scene = { .kit = testkit_create(gw_module_v1) };

	behaviour = does;
	freed = 0;
	scene.session = testkit_session(scene.kit, "192.0.2.1");
	scene.message = testkit_message(scene.kit, scene.session, "a@example.com",
					"From: a@x.example\r\nB: 2\r\n\r\nbody\r\n");
	assert_int_equal(testkit_start(scene.kit), 0);
	return scene;
}

static void options_fill_the_struct(void **state)
{
	struct testkit *kit = testkit_create(gw_module_v1);
	const struct row *rows;

	testkit_option(kit, "deep.path", "STATE/keys");
	testkit_option(kit, "secret", "file:pass");
	testkit_file(kit, "pass", "hush\nsecond line\n");
	testkit_option(kit, "size", "25M");
	testkit_option(kit, "wait", "90s");
	testkit_option(kit, "word", "three");
	testkit_option(kit, "flag", "true");
	testkit_option(kit, "rows[0].name", "x");
	testkit_option(kit, "rows[1].name", "y");
	testkit_option(kit, "rows[1].words", "one \"two three\"");
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(config->text.ptr, "none");
	assert_string_equal(config->path.ptr, testkit_file(kit, "keys", NULL));
	assert_string_equal(config->secret.ptr, "hush");
	assert_int_equal(config->number, 7);
	assert_int_equal(config->size, 25 << 20);
	assert_int_equal(config->wait, 90000);
	assert_int_equal(config->word, 2);
	assert_true(config->flag);
	assert_int_equal(config->list.count, 2);
	assert_int_equal(config->rows.count, 2);
	rows = config->rows.items;
	assert_string_equal(rows[1].name.ptr, "y");
	assert_string_equal(rows[1].words.items[1].ptr, "two three");
	testkit_destroy(kit);
}

static void a_fragment_fills_the_struct(void **state)
{
	static const char text[] = "module = \"sample\"; # a comment\n"
				   "on_error = \"skip\";\n"
				   "sample: { text = \"a # b\"; deep: { path = \"/x\"; };\n"
				   "number = 3; flag = true; list = [\"c d\", \"e\"];\n"
				   "rows = ( { name = \"a\"; },\n"
				   "{ name = \"b }\"; words = []; } ); };\n";
	struct testkit *kit = testkit_create(gw_module_v1);
	const struct row *rows;

	testkit_fragment(kit, testkit_file(kit, "30-sample.conf", text));
	assert_int_equal(testkit_start(kit), 0);
	assert_string_equal(config->text.ptr, "a # b");
	assert_string_equal(config->path.ptr, "/x");
	assert_int_equal(config->number, 3);
	assert_true(config->flag);
	assert_int_equal(config->list.count, 2);
	assert_string_equal(config->list.items[0].ptr, "c d");
	assert_int_equal(config->rows.count, 2);
	rows = config->rows.items;
	assert_string_equal(rows[1].name.ptr, "b }");
	assert_int_equal(rows[1].words.count, 0);
	testkit_destroy(kit);
}

static void wrong_options_are_told(void **state)
{
	static const struct {
		const char *key, *text, *problem;
	} wrongs[] = {
		{ "number", "10", "number: out of range" },
		{ "number", "ten", "number: not a number" },
		{ "wait", "5 parsecs", "wait: not a number" },
		{ "size", "-1", "size: out of range" },
		{ "flag", "yes", "flag: neither" },
		{ "word", "four", "\"four\" is none of one|two|three" },
		{ "secret", "env:NO_SUCH_VARIABLE_HERE", "secret: the secret cannot be read" },
		{ "nunber", "1", "nunber: unknown key" },
		{ "rows[0].words", "x", "rows[0].name: is missing" },
	};
	size_t i;

	for (i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		struct testkit *kit = testkit_create(gw_module_v1);

		testkit_option(kit, wrongs[i].key, wrongs[i].text);
		assert_int_equal(testkit_start(kit), -1);
		if (!testkit_has(kit, TESTKIT_PROBLEM, wrongs[i].problem))
			fail_msg("%s: %s", wrongs[i].problem,
				 testkit_line(kit, TESTKIT_PROBLEM, 0));
		testkit_destroy(kit);
	}
}

static enum gw_verdict answers(struct gw_call *call)
{
	gw->reply(call, 550, "5.7.1", "not %s", "you");
	gw->reason(call, "because");
	return GW_REJECT;
}

static void answer_and_lines_are_kept(void **state)
{
	struct scene scene = scene_of(answers);

	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_REJECT);
	assert_int_equal(testkit_answer(scene.kit)->code, 550);
	assert_string_equal(testkit_answer(scene.kit)->enhanced, "5.7.1");
	assert_string_equal(testkit_answer(scene.kit)->text, "not you");
	assert_string_equal(testkit_line(scene.kit, TESTKIT_REASON, 0), "because");
	testkit_forget(scene.kit);
	assert_int_equal(testkit_lines(scene.kit, TESTKIT_REASON), 0);
	testkit_destroy(scene.kit);
}

static void edits_make_what_goes_out(void **state)
{
	struct scene scene = scene_of(answers);
	struct gw_delivery *delivery = testkit_delivery(scene.message, NULL);

	testkit_delivery_trace(delivery, "Received: x\r\n");
	assert_string_equal(testkit_sent(delivery).ptr,
			    "Received: x\r\nFrom: a@x.example\r\nB: 2\r\n\r\nbody\r\n");
	assert_int_equal(testkit_run_prepare(scene.kit, delivery), GW_CONTINUE);
	assert_string_equal(
		testkit_sent(delivery).ptr,
		"Received: x\r\nFrom: kept blank\r\nX-New: 1\r\n folded\r\n\r\nbody\r\nnotice\r\n");
	assert_string_equal(gw->message_fact(scene.message, GW_MESSAGE_FROM_DOMAIN).ptr,
			    "x.example");
	testkit_destroy(scene.kit);
}

static void free_arg(void *arg)
{
	free(arg);
	freed++;
}

static void work(void *arg)
{
	*(int *)arg = 42;
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	int value = *(int *)arg;

	free_arg(arg);
	gw->reply(call, 451, "4.7.1", "worked %d", value);
	return GW_TEMPFAIL;
}

static const struct gw_async async = { resumed, free_arg, 2000 };

/* What was not held stays with the module. */
static enum gw_verdict unless_held(enum gw_verdict verdict, void *arg)
{
	if (verdict != GW_PENDING)
		free_arg(arg);
	return verdict;
}

static enum gw_verdict offloads(struct gw_call *call)
{
	int *arg = calloc(1, sizeof *arg);

	return unless_held(gw->offload(call, &async, work, arg), arg);
}

static enum gw_verdict holds(struct gw_call *call)
{
	int *arg = calloc(1, sizeof *arg);

	return unless_held(gw->hold(call, &async, arg, &ticket), arg);
}

static void offload_runs_at_once(void **state)
{
	struct scene scene = scene_of(offloads);

	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_TEMPFAIL);
	assert_string_equal(testkit_answer(scene.kit)->text, "worked 42");
	assert_int_equal(freed, 1);
	testkit_destroy(scene.kit);
}

static void offload_can_come_later_or_be_dropped(void **state)
{
	struct scene scene = scene_of(offloads);

	testkit_set_offload(scene.kit, TESTKIT_LATER);
	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_PENDING);
	assert_int_equal(testkit_resume(scene.kit, 5000), GW_TEMPFAIL);
	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_PENDING);
	testkit_drop(scene.kit, scene.session);
	assert_int_equal(testkit_held(scene.kit), 0);
	assert_int_equal(freed, 2);
	testkit_destroy(scene.kit);
}

static void a_hold_waits_for_its_wake(void **state)
{
	struct scene scene = scene_of(holds);

	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_PENDING);
	assert_int_equal(testkit_resume(scene.kit, 0), GW_PENDING);
	assert_int_equal(gw->wake(ticket), 0);
	assert_int_equal(gw->wake(ticket), -1);
	assert_int_equal(testkit_resume(scene.kit, 0), GW_TEMPFAIL);
	assert_int_equal(gw->wake(ticket), -1);
	testkit_destroy(scene.kit);
}

static void holds_resume_in_the_order_of_their_wakes(void **state)
{
	struct scene scene = scene_of(holds);
	gw_ticket first;

	testkit_run_mail(scene.kit, scene.message);
	first = ticket;
	testkit_run_mail(scene.kit, scene.message);
	assert_int_equal(testkit_held(scene.kit), 2);
	assert_int_equal(gw->wake(ticket), 0);
	assert_int_equal(gw->wake(first), 0);
	assert_int_equal(testkit_resume(scene.kit, 0), GW_TEMPFAIL);
	assert_int_equal(testkit_held(scene.kit), 1);
	testkit_destroy(scene.kit);
	assert_int_equal(freed, 2);
}

static void what_was_woken_is_resumed_even_if_dropped(void **state)
{
	struct scene scene = scene_of(holds);

	testkit_run_mail(scene.kit, scene.message);
	assert_int_equal(gw->wake(ticket), 0);
	testkit_drop(scene.kit, scene.message);
	assert_int_equal(freed, 1);
	testkit_fail(scene.kit, "hold", 1);
	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_FAILED);
	assert_int_equal(freed, 2);
	testkit_destroy(scene.kit);
}

static void past_its_deadline_a_call_failed(void **state)
{
	struct scene scene = scene_of(holds);

	testkit_run_mail(scene.kit, scene.message);
	testkit_advance(scene.kit, 1999);
	assert_int_equal(testkit_held(scene.kit), 1);
	testkit_advance(scene.kit, 1);
	assert_int_equal(testkit_held(scene.kit), 0);
	assert_int_equal(testkit_answer(scene.kit)->verdict, GW_FAILED);
	assert_int_equal(freed, 1);
	assert_int_equal(gw->wake(ticket), -1);
	testkit_destroy(scene.kit);
}

static void *foreign(void *arg)
{
	return gw->wake(*(gw_ticket *)arg) == 0 ? arg : NULL;
}

static bool wake_from_a_thread(void)
{
	pthread_t thread;
	void *result;

	assert_int_equal(pthread_create(&thread, NULL, foreign, &ticket), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	return result != NULL;
}

static enum gw_verdict holds_for_a_thread(struct gw_call *call)
{
	static const struct gw_async owned = { resumed, NULL, 0 };

	return gw->hold(call, &owned, calloc(1, sizeof(int)), &ticket);
}

static void another_thread_wakes_only_what_has_no_dropped(void **state)
{
	struct scene scene = scene_of(holds_for_a_thread);

	testkit_run_mail(scene.kit, scene.message);
	assert_true(wake_from_a_thread());
	assert_int_equal(testkit_resume(scene.kit, 0), GW_TEMPFAIL);
	assert_false(wake_from_a_thread());

	testkit_tolerate(scene.kit);
	behaviour = holds;
	testkit_run_mail(scene.kit, scene.message);
	assert_false(wake_from_a_thread());
	assert_true(testkit_has(scene.kit, TESTKIT_MISUSE, "another thread"));
	testkit_destroy(scene.kit);
}

static enum gw_verdict says_next(struct gw_call *call)
{
	return GW_NEXT;
}
static enum gw_verdict says_pending(struct gw_call *call)
{
	return GW_PENDING;
}
static enum gw_verdict rejects_with_4xx(struct gw_call *call)
{
	gw->reply(call, 451, NULL, "later");
	return GW_REJECT;
}
static enum gw_verdict holds_twice(struct gw_call *call)
{
	holds(call);
	return holds(call);
}
static enum gw_verdict holds_and_answers(struct gw_call *call)
{
	holds(call);
	return GW_CONTINUE;
}
static enum gw_verdict identifies_without_size(struct gw_call *call)
{
	gw->identify(call, &(struct gw_identity){ .client = GW_STR("x") });
	return GW_CONTINUE;
}
static enum gw_verdict sets_a_login(struct gw_call *call)
{
	gw->login_set(call, &(struct gw_login){ .size = sizeof(struct gw_login) });
	return GW_CONTINUE;
}

static void what_the_contract_forbids_is_seen(void **state)
{
	static const struct {
		enum gw_verdict (*does)(struct gw_call *call);
		const char *misuse;
	} wrongs[] = {
		{ says_next, "mail answered 7" },
		{ says_pending, "mail answered 9" },
		{ rejects_with_4xx, "GW_REJECT with code 451" },
		{ holds_twice, "held already" },
		{ holds_and_answers, "answered as well" },
		{ identifies_without_size, "struct gw_identity without its size" },
		{ sets_a_login, "login_set() is not for the hook mail" },
	};
	size_t i;

	for (i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		struct scene scene = scene_of(wrongs[i].does);

		testkit_tolerate(scene.kit);
		testkit_run_mail(scene.kit, scene.message);
		if (!testkit_has(scene.kit, TESTKIT_MISUSE, wrongs[i].misuse))
			fail_msg("%s: %s", wrongs[i].misuse,
				 testkit_line(scene.kit, TESTKIT_MISUSE, 0));
		testkit_destroy(scene.kit);
	}
}

static enum gw_verdict counts(struct gw_call *call)
{
	int *seen = gw->message_data(call);

	if (!seen)
		return GW_FAILED;
	gw->count(call, "seen", ++*seen);
	gw->counter_add(call, gw_str("day"), *seen, 1, -1);
	return gw->record_put(call, gw_str("last"), gw_str("x")) == 0 ? GW_CONTINUE : GW_FAILED;
}

static void a_restart_keeps_state_and_notes_but_no_private_bytes(void **state)
{
	struct scene scene = scene_of(counts);

	testkit_set_note(scene.message, "sample.key", "kept");
	testkit_run_mail(scene.kit, scene.message);
	testkit_run_mail(scene.kit, scene.message);
	assert_int_equal(testkit_metric(scene.kit, "seen"), 3);
	assert_int_equal(testkit_restart(scene.kit), 0);
	testkit_run_mail(scene.kit, scene.message);
	assert_int_equal(testkit_counter(scene.kit, "day", 1), 2);
	assert_string_equal(testkit_record(scene.kit, "last"), "x");
	assert_string_equal(testkit_note(scene.message, "sample.key"), "kept");
	testkit_destroy(scene.kit);
}

static void the_named_service_fails_once(void **state)
{
	struct scene scene = scene_of(counts);

	testkit_fail(scene.kit, "record_put", 2);
	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_CONTINUE);
	assert_false(testkit_failed(scene.kit));
	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_FAILED);
	assert_true(testkit_failed(scene.kit));
	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_CONTINUE);
	testkit_fail(scene.kit, "any", 1);
	assert_int_equal(testkit_run_mail(scene.kit, scene.message), GW_FAILED);
	testkit_destroy(scene.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_fill_the_struct),
		cmocka_unit_test(a_fragment_fills_the_struct),
		cmocka_unit_test(wrong_options_are_told),
		cmocka_unit_test(answer_and_lines_are_kept),
		cmocka_unit_test(edits_make_what_goes_out),
		cmocka_unit_test(offload_runs_at_once),
		cmocka_unit_test(offload_can_come_later_or_be_dropped),
		cmocka_unit_test(a_hold_waits_for_its_wake),
		cmocka_unit_test(holds_resume_in_the_order_of_their_wakes),
		cmocka_unit_test(what_was_woken_is_resumed_even_if_dropped),
		cmocka_unit_test(past_its_deadline_a_call_failed),
		cmocka_unit_test(another_thread_wakes_only_what_has_no_dropped),
		cmocka_unit_test(what_the_contract_forbids_is_seen),
		cmocka_unit_test(a_restart_keeps_state_and_notes_but_no_private_bytes),
		cmocka_unit_test(the_named_service_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
