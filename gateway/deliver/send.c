/* send.c - a delivery in the hands of the SMTP client, and the login hook for it. */
#include "deliver/delivery_private.h"

#include "client/tap.h"

#include <stdlib.h>

static struct gw_delivery *delivery_of_attempt(struct attempt *attempt)
{
	return list_of(attempt, struct gw_delivery, attempt);
}

/* The account's own address is the one most likely to be allowed as a sender. */
static void tap_login(struct tap *tap, const struct gw_login *login)
{
	if (tap->any_sender && gw_str_find(login->user, '@') < login->user.len)
		tap->sender = login->user;
}

/* The client makes a copy of its own, and may be the end of the delivery: what is left of the
 * secret in the message's memory is wiped before. */
static void hand_login(struct gw_delivery *delivery, enum gw_verdict verdict)
{
	struct gw_login login = delivery->login;
	char *secret = malloc(login.secret.len + 1);

	if (secret) {
		memcpy(secret, login.secret.ptr, login.secret.len);
		login.secret = gw_str_n(secret, login.secret.len);
	}
	delivery_forget_login(delivery);
	attempt_login(&delivery->attempt, verdict, secret ? &login : NULL);
	if (secret)
		explicit_bzero(secret, login.secret.len);
	free(secret);
}

/* Without a login now: who closes the relay for want of one opens it when there is one. */
static void login_found(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	if (delivery->attempt.tap && delivery->login_given)
		tap_login(delivery->attempt.tap, &delivery->login);
	if (delivery->login_given) {
		hand_login(delivery, call->answer.verdict);
		return;
	}
	delivery_wait_open(delivery);
	attempt_login(&delivery->attempt, call->answer.verdict, NULL);
}

void delivery_ask_login(struct attempt *attempt, struct gw_str mechanisms)
{
	struct gw_delivery *delivery = delivery_of_attempt(attempt);
	struct gw_call *call = &delivery->task.call;
	delivery->login_given = false;
	if (chain_run(call, GW_HOOK_login, login_found, delivery))
		login_found(call, delivery);
}

/* A transaction ended and there is another for the rest of the recipients. */
static void attempt_went_on(struct attempt *attempt)
{
	attempt->ended_at = worker_now(attempt->worker);
	result_keep(delivery_of_attempt(attempt));
}

static void attempt_done(struct attempt *attempt)
{
	struct gw_delivery *delivery = delivery_of_attempt(attempt);
	delivery->sending = false;
	atomic_fetch_sub_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	task_continue(&delivery->task, STEP_RESULT);
}

void delivery_abandon(struct gw_delivery *delivery)
{
	if (!delivery->sending)
		return;
	delivery->sending = false;
	transport_abandon(&delivery->attempt);
	attempt_went_on(&delivery->attempt);
}

enum step step_send(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	struct attempt *attempt = &delivery->attempt;
	if (delivery->round->again) /* it was moved while a hook looked at it */
		return relay_again(delivery);
	if (!attempt->relay->hosts.count)
		return delivery_decided(delivery, GW_DEFERRED, "4.3.5",
					"the relay has no host, and no module delivers for it");
	attempt->wants_links = !chain_empty(delivery->message->snapshot, GW_HOOK_link);
	attempt->login = delivery_ask_login;
	attempt->progress = attempt_went_on;
	attempt->done = attempt_done;
	delivery->sending = true;
	atomic_fetch_add_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	transport_send(attempt);
	return STEP_WAITS;
}
