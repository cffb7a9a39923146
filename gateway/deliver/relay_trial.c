#include "deliver/relay_trial.h"

#include "deliver/delivery.h"
#include "client/watch.h"

#include <stdlib.h>

/* One trial on its worker. Of the message there is no more than modules may look at for a login. */
struct run {
	struct post post;
	struct list_link link; /* of the transport's, while it runs */
	struct watch watch;
	struct worker *worker;
	struct relay_trial *trial;
	struct arena arena; /* of what is handed back */
	struct relay_trial_line **last;
	struct gw_message *message;
	struct gw_delivery delivery;
	struct gw_rcpt *rcpts[1];
	struct outcome outcomes[1];
	bool settled; /* the attempt has its outcome */
};

static const struct gw_str text = GW_STR("Subject: a trial that is never sent\r\n\r\n");

/* --- what is seen --- */

static void told(struct watch *watch, const char *stage, char who, struct gw_str words)
{
	struct run *run = list_of(watch, struct run, watch);
	struct relay_trial_line *line = arena_alloc(&run->arena, sizeof(*line));
	struct gw_str copy = arena_str(&run->arena, words);

	if (!line || !copy.ptr)
		return;
	*line = (struct relay_trial_line){ NULL, stage, who, copy };
	*run->last = line;
	run->last = &line->next;
}

/* --- the end --- */

static void tell_main(struct post *post)
{
	struct run *run = (struct run *)post;
	run->trial->done(run->trial, run->trial->arg);
}

static void hand_back(struct run *run)
{
	struct relay_trial *trial = run->trial;
	const struct outcome *outcome = &run->outcomes[0];

	outcome_reply(&trial->outcome, &run->arena, outcome->status, outcome->stage, outcome->link,
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
static void look(struct run *run)
{
	if (!run->settled || run->watch.open)
		return;
	run->delivery.call.done = work_returned;
	run->delivery.call.arg = run;
	if (chain_cancel(&run->delivery.call))
		hand_back(run);
}

static void gone(struct watch *watch)
{
	look(list_of(watch, struct run, watch));
}

static void attempted(struct attempt *attempt)
{
	struct run *run = list_of(attempt, struct run, delivery.attempt);
	run->settled = true;
	look(run);
}

void trials_stop(struct list_link *trials)
{
	while (!list_empty(trials)) {
		struct run *run = list_of(trials->next, struct run, link);
		list_take(&run->link);
		outcome_set(&run->outcomes[0], &run->message->arena, GW_DEFERRED, STAGE_NONE, false,
			    0, NULL, gw_str("the gateway is stopping"), gw_str(""));
		transport_abandon(&run->delivery.attempt);
		run->settled = true;
		look(run);
	}
}

/* --- the login --- */

/* The account's own address is the one most likely to be allowed as a sender. */
static void login_judged(struct gw_call *call, void *arg)
{
	struct run *run = arg;
	const struct gw_login *login = &run->delivery.login;

	if (run->delivery.login_given && !run->trial->sender.len &&
	    gw_str_find(login->user, '@') < login->user.len)
		run->watch.sender = login->user;
	attempt_login(&run->delivery.attempt, call->answer.verdict,
		      run->delivery.login_given ? login : NULL);
}

static void find_login(struct attempt *attempt, struct gw_str mechanisms)
{
	struct run *run = list_of(attempt, struct run, delivery.attempt);

	run->delivery.login_given = false;
	if (chain_run(&run->delivery.call, GW_HOOK_login, login_judged, run))
		login_judged(&run->delivery.call, run);
}

/* --- the beginning --- */

static int make_message(struct run *run)
{
	const struct relay_trial *trial = run->trial;
	struct gw_message *message = message_create(run->worker, trial->snapshot, 0);

	run->message = message;
	if (!message)
		return -1;
	message->content = (struct spool_content){ .spool = runtime.spool,
						   .size = text.len,
						   .tail = text };
	message->sender = run->watch.sender;
	message->type = trial->snapshot->settings.default_type;
	run->rcpts[0] = message_rcpt_add(message, trial->rcpt.len ? trial->rcpt : run->watch.sender,
					 gw_str(""), 0);
	return run->rcpts[0] ? 0 : -1;
}

static void make_delivery(struct run *run)
{
	struct gw_delivery *delivery = &run->delivery;
	struct attempt *attempt = &delivery->attempt;

	delivery->message = run->message;
	edits_init(&delivery->edits, run->message, &run->message->arena);
	*attempt = (struct attempt){
		.worker = run->worker,
		.snapshot = run->trial->snapshot,
		.relay = run->trial->relay,
		.edits = &delivery->edits,
		.arena = &run->message->arena,
		.rcpts = run->rcpts,
		.outcomes = run->outcomes,
		.count = 1,
		.watch = &run->watch,
		.urgent = true,
		.login = find_login,
		.done = attempted,
	};
	round_call(&delivery->call, run->message);
	delivery->call.delivery = delivery;
	delivery->call.relay = run->trial->relay;
}

static void start(struct post *post)
{
	struct run *run = (struct run *)post;
	struct deliveries *deliveries = worker_get(run->worker, SLOT_DELIVERY);

	atomic_fetch_add_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	list_add(&deliveries->trials, &run->link);
	if (make_message(run) != 0) {
		outcome_set(&run->outcomes[0], &run->arena, GW_DEFERRED, STAGE_NONE, false, 0, NULL,
			    gw_str("no memory"), gw_str(""));
		hand_back(run);
		return;
	}
	make_delivery(run);
	transport_send(&run->delivery.attempt);
}

int relay_trial_begin(struct relay_trial *trial)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		return -1;
	arena_init(&run->arena, 0);
	trial->run = run;
	run->trial = trial;
	run->last = &trial->lines;
	run->worker = runtime.workers[0];
	run->watch = (struct watch){ told, gone, trial->sender, trial->rcpt, false };
	if (!trial->sender.len)
		run->watch.sender = arena_printf(&run->arena, "postmaster@%.*s",
						 GW_STR_ARGS(trial->snapshot->settings.hostname));
	run->post.run = start;
	worker_post(run->worker, &run->post);
	return 0;
}

void relay_trial_finish(struct relay_trial *trial)
{
	if (!trial->run)
		return;
	arena_finish(&trial->run->arena);
	free(trial->run);
	trial->run = NULL;
}
