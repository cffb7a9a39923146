#include "deliver/relay_test.h"

#include "client/tap.h"
#include "deliver/delivery_private.h"

#include <stdlib.h>

/* One test on its worker. Of the message there is no more than modules may look at for a login. */
struct test_run {
	struct post post;
	struct list_link link; /* of its worker's tests, while it runs */
	struct tap tap;
	struct worker *worker;
	struct relay_test *test;
	struct arena arena; /* of what is handed back */
	struct relay_test_line **last;
	struct gw_message *message;
	struct gw_delivery delivery;
	struct gw_rcpt *rcpts[1];
	struct outcome outcomes[1];
	bool attempted; /* the attempt has its outcome */
};

static const struct gw_str content = GW_STR("Subject: a test that is never sent\r\n\r\n");

/* --- what is seen --- */

static void add_line(struct tap *tap, const char *stage, char who, struct gw_str words)
{
	struct test_run *run = list_of(tap, struct test_run, tap);
	struct relay_test_line *line = arena_alloc(&run->arena, sizeof(*line));
	struct gw_str copy = arena_str(&run->arena, words);

	if (!line || !copy.ptr)
		return;
	*line = (struct relay_test_line){ NULL, stage, who, copy };
	*run->last = line;
	run->last = &line->next;
}

/* --- the end --- */

static void tell_main(struct post *post)
{
	struct test_run *run = (struct test_run *)post;
	run->test->done(run->test, run->test->arg);
}

static void hand_back(struct test_run *run)
{
	struct relay_test *test = run->test;
	const struct outcome *outcome = &run->outcomes[0];

	outcome_reply(&test->outcome, &run->arena, outcome->status, outcome->stage, outcome->link,
		      &outcome->reply, outcome->host);
	message_destroy(run->message);
	list_take(&run->link);
	atomic_fetch_sub_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	run->post.run = tell_main;
	worker_post(runtime.main, &run->post);
}

static void work_returned(struct gw_call *call, void *arg)
{
	hand_back(arg);
}

/* Over when the outcome is known, the connection is gone, and no work of a module looks at it any
 * more. */
static void end_if_over(struct test_run *run)
{
	struct gw_call *call = &run->delivery.task.call;

	if (!run->attempted || run->tap.open)
		return;
	call->done = work_returned;
	call->arg = run;
	if (chain_cancel(call))
		hand_back(run);
}

static void connection_gone(struct tap *tap)
{
	end_if_over(list_of(tap, struct test_run, tap));
}

static void test_attempted(struct attempt *attempt)
{
	struct test_run *run = list_of(attempt, struct test_run, delivery.attempt);
	run->attempted = true;
	end_if_over(run);
}

void relay_tests_stop(struct list_link *tests)
{
	while (!list_empty(tests)) {
		struct test_run *run = list_of(tests->next, struct test_run, link);
		list_take(&run->link);
		outcome_set(&run->outcomes[0], &run->message->arena, GW_DEFERRED, STAGE_NONE, false,
			    0, NULL, gw_str("the gateway is stopping"), gw_str(""));
		if (run->test->relay->hosts.count)
			transport_abandon(&run->delivery.attempt);
		run->attempted = true;
		end_if_over(run);
	}
}

/* --- of a relay without a host: what a module that delivers says of it --- */

static void tell_reason(struct gw_call *call, struct gw_str sentence)
{
	struct test_run *run = list_of(call->delivery, struct test_run, delivery);
	add_line(&run->tap, stage_name(call->hook == GW_HOOK_login ? STAGE_AUTH : STAGE_MODULE),
		 TAP_EVENT, sentence);
}

static void probe_ended(struct test_run *run, enum stage stage, const char *words)
{
	if (run->outcomes[0].status == 0)
		outcome_set(&run->outcomes[0], run->delivery.attempt.arena, GW_DEFERRED, stage,
			    true, 0, NULL, gw_str(words), gw_str(""));
	test_attempted(&run->delivery.attempt);
}

static void probe_ask(struct test_run *run);

/* A login that is not taken is asked for once more, as for mail. */
static void probed(struct gw_call *call, void *arg)
{
	struct test_run *run = arg;
	struct gw_delivery *delivery = &run->delivery;
	struct gw_str refused = delivery->login_refused;

	if (call->answer.verdict == GW_ACCEPT && refused.len &&
	    !delivery->attempt.login_refused.len) {
		delivery->attempt.login_refused = refused;
		probe_ask(run);
		return;
	}
	probe_ended(run, STAGE_MODULE,
		    call->answer.broke
			    ? "the module that delivers for this relay failed, see the log"
			    : "a module delivers for this relay: there is no host to connect to");
}

static void probe_deliver(struct test_run *run)
{
	struct gw_call *call = &run->delivery.task.call;

	memset(run->outcomes, 0, sizeof(run->outcomes));
	if (chain_run(call, GW_HOOK_probe, probed, run))
		probed(call, run);
}

static void login_probed(struct gw_call *call, void *arg)
{
	struct test_run *run = arg;

	if (call->answer.verdict == GW_ACCEPT && run->delivery.login_given)
		probe_deliver(run);
	else
		probe_ended(run, STAGE_AUTH, "there is no login for the relay now");
}

static void probe_ask(struct test_run *run)
{
	struct gw_call *call = &run->delivery.task.call;

	run->delivery.login_given = false;
	if (!run->test->relay->auth)
		probe_deliver(run);
	else if (chain_run(call, GW_HOOK_login, login_probed, run))
		login_probed(call, run);
}

/* --- the beginning --- */

static int make_message(struct test_run *run)
{
	const struct relay_test *test = run->test;
	struct gw_message *message = message_create(run->worker, test->snapshot, 0);

	run->message = message;
	if (!message)
		return -1;
	message->content = (struct spool_content){ .spool = runtime.spool,
						   .size = content.len,
						   .tail = content };
	message->sender = run->tap.sender;
	message->type = test->snapshot->settings.default_type;
	run->rcpts[0] = message_rcpt_add(message, test->rcpt.len ? test->rcpt : run->tap.sender,
					 gw_str(""), 0);
	return run->rcpts[0] ? 0 : -1;
}

static void make_delivery(struct test_run *run)
{
	struct gw_delivery *delivery = &run->delivery;

	delivery->message = run->message;
	edits_init(&delivery->edits, run->message, &run->message->arena);
	delivery->attempt = (struct attempt){
		.worker = run->worker,
		.snapshot = run->test->snapshot,
		.relay = run->test->relay,
		.edits = &delivery->edits,
		.arena = &run->message->arena,
		.rcpts = run->rcpts,
		.outcomes = run->outcomes,
		.count = 1,
		.tap = &run->tap,
		.urgent = true,
		.login = delivery_ask_login,
		.done = test_attempted,
	};
	call_init(&delivery->task.call, run->message);
	delivery->task.call.delivery = delivery;
	delivery->task.call.relay = run->test->relay;
}

static void test_run(struct post *post)
{
	struct test_run *run = (struct test_run *)post;

	atomic_fetch_add_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	list_add(&deliveries_of(run->worker)->relay_tests, &run->link);
	if (make_message(run) != 0) {
		outcome_set(&run->outcomes[0], &run->arena, GW_DEFERRED, STAGE_NONE, false, 0, NULL,
			    gw_str("no memory"), gw_str(""));
		hand_back(run);
		return;
	}
	make_delivery(run);
	if (run->test->relay->hosts.count) {
		transport_send(&run->delivery.attempt);
		return;
	}
	run->delivery.attempt.login_refused = run->delivery.login_refused = gw_str("");
	run->delivery.task.call.explain = tell_reason;
	probe_ask(run);
}

int relay_test_begin(struct relay_test *test)
{
	struct test_run *run = calloc(1, sizeof(*run));

	if (!run)
		return -1;
	arena_init(&run->arena, 0);
	test->run = run;
	run->test = test;
	run->last = &test->lines;
	run->worker = runtime.workers[0];
	run->tap = (struct tap){ .line = add_line,
				 .gone = connection_gone,
				 .sender = test->sender,
				 .rcpt = test->rcpt,
				 .any_sender = !test->sender.len };
	if (!test->sender.len)
		run->tap.sender = arena_printf(&run->arena, "postmaster@%.*s",
					       GW_STR_ARGS(test->snapshot->settings.hostname));
	run->post.run = test_run;
	worker_post(run->worker, &run->post);
	return 0;
}

void relay_test_finish(struct relay_test *test)
{
	if (!test->run)
		return;
	arena_finish(&test->run->arena);
	free(test->run);
	test->run = NULL;
}
