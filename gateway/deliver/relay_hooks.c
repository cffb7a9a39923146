/* relay_hooks.c - what modules say of a delivery at a relay: admit, prepare, sealed, deliver. */
#include "deliver/delivery_private.h"

static void set_all(struct gw_delivery *delivery, enum gw_status status, const char *enhanced,
		    const char *words)
{
	const struct chain_answer *answer = &delivery->task.call.answer;
	struct gw_str text = answer->text.len     ? answer->text
			     : answer->reason.len ? answer->reason
						  : gw_str(words);
	for (size_t i = 0; i < delivery->attempt.count; i++)
		outcome_set(&delivery->attempt.outcomes[i], delivery->attempt.arena, status,
			    STAGE_MODULE, false, answer->code,
			    answer->enhanced[0] ? answer->enhanced : enhanced, text, gw_str(NULL));
}

enum step delivery_decided(struct gw_delivery *delivery, enum gw_status status,
			   const char *enhanced, const char *words)
{
	set_all(delivery, status, enhanced, words);
	delivery->round->effects->decided(delivery);
	return STEP_FINISH;
}

/* --- verdicts that they all have --- */

static struct gw_str why_of(const struct chain_answer *answer)
{
	if (answer->text.len)
		return answer->text;
	return answer->reason.len ? answer->reason : gw_str("a module does not take it now");
}

static enum step skip(struct gw_delivery *delivery)
{
	const struct chain_answer *answer = &delivery->task.call.answer;
	enum gw_cause cause = answer->cause ? answer->cause : GW_CAUSE_FAILURE;
	relay_skipped(delivery, cause, answer->wait_until, why_of(answer));
	round_wait_on(delivery->round, answer->key);
	return relay_left(delivery, cause);
}

static enum step wait_here(struct gw_delivery *delivery)
{
	const struct chain_answer *answer = &delivery->task.call.answer;
	struct delivery_round *round = delivery->round;
	round_wait_until(round, answer->wait_until);
	round->patient |= answer->wait_until != 0;
	round_wait_on(round, answer->key);
	return delivery_decided(delivery, GW_DEFERRED, "4.3.0",
				answer->broke ? "a module failed, see the log"
					      : "a module says to wait");
}

/* NEXT, WAIT and REJECT lead away from the relay; else `here` comes. */
static enum step unless_refused(struct gw_delivery *delivery, enum step here)
{
	switch (delivery->task.call.answer.verdict) {
	case GW_NEXT:
		return skip(delivery);
	case GW_WAIT:
		return wait_here(delivery);
	case GW_REJECT:
		return delivery_decided(delivery, GW_BOUNCED, "5.7.1", "a module refused it");
	default:
		return here;
	}
}

/* --- admit --- */

enum step step_admit(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	struct gw_message *message = delivery->message;
	struct attempt *attempt = &delivery->attempt;
	delivery->data = NULL;
	delivery->admitted = true;
	attempt->worker = message->worker;
	attempt->snapshot = message->snapshot;
	attempt->relay = task->call.relay;
	attempt->way = attempt->host = attempt->capabilities = attempt->mechanisms =
		attempt->login_refused = gw_str("");
	attempt->tls = (struct attempt_tls){ gw_str(""), gw_str(""), gw_str(""), gw_str("") };
	delivery->login_given = false;
	delivery->login_refused = gw_str("");
	attempt->urgent = message->urgent;
	attempt->unserved = false;
	attempt->edits = &delivery->edits;
	attempt->arena = &message->arena;
	memset(attempt->outcomes, 0, attempt->count * sizeof(*attempt->outcomes));
	edits_init(&delivery->edits, message, &message->arena);
	return STEP_ASK;
}

/* Recipients that do not fit are asked about at this relay again, as deliveries of their own. */
static void begin_rest(struct gw_delivery *delivery)
{
	struct gw_delivery *rest = delivery->rest, *next;
	for (delivery->rest = NULL; rest; rest = next) {
		next = rest->rest;
		rest->rest = NULL;
		task_continue(&rest->task, STEP_CHECK_RELAY);
	}
}

enum step step_admit_answered(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	begin_rest(delivery);
	enum step next = unless_refused(delivery, STEP_PREPARE);
	return next == STEP_PREPARE ? delivery->round->effects->admitted(delivery) : next;
}

/* --- prepare --- */

enum step step_prepare(struct task *task)
{
	return STEP_ASK;
}

enum step step_prepare_answered(struct task *task)
{
	return unless_refused(delivery_of(task), STEP_SEAL);
}

/* --- sealed --- */

enum step step_seal(struct task *task)
{
	return STEP_ASK;
}

enum step step_seal_answered(struct task *task)
{
	return unless_refused(delivery_of(task), STEP_LOGIN);
}

/* --- login: where a module delivers there is no conversation that asks for it --- */

enum step step_login(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	delivery->attempt.began_at = worker_now(delivery->message->worker);
	if (!task->call.relay->auth || task->call.relay->hosts.count)
		return STEP_DELIVER;
	delivery->login_given = false;
	return STEP_ASK;
}

/* With the first login refused and no other, what the module said of that stands. */
static enum step no_login(struct gw_delivery *delivery)
{
	const struct chain_answer *answer = &delivery->task.call.answer;
	struct attempt *attempt = &delivery->attempt;
	struct gw_str why = answer->reason.len ? answer->reason
					       : gw_str("there is no login for the relay now");
	attempt->ended_at = worker_now(delivery->message->worker);
	delivery_wait_open(delivery);
	for (size_t i = 0; i < attempt->count && !attempt->login_refused.len; i++)
		outcome_set(&attempt->outcomes[i], attempt->arena, GW_DEFERRED, STAGE_AUTH, true, 0,
			    "4.7.0", why, gw_str(NULL));
	return STEP_RESULT;
}

enum step step_login_answered(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	struct attempt *attempt = &delivery->attempt;
	if (task->call.answer.verdict != GW_ACCEPT || !delivery->login_given)
		return no_login(delivery);
	memset(attempt->outcomes, 0, attempt->count * sizeof(*attempt->outcomes));
	return STEP_DELIVER;
}

/* --- deliver --- */

/* A stop waits for what a module has on its way, as for what the SMTP client has. */
enum step step_deliver(struct task *task)
{
	atomic_fetch_add_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	return STEP_ASK;
}

static void complete_outcomes(struct gw_delivery *delivery)
{
	for (size_t i = 0; i < delivery->attempt.count; i++)
		if (delivery->attempt.outcomes[i].status == 0)
			outcome_set(&delivery->attempt.outcomes[i], delivery->attempt.arena,
				    GW_DEFERRED, STAGE_MODULE, false, 0, "4.3.0",
				    gw_str("the module did not say what became of it"),
				    gw_str(NULL));
}

/* What a module said before it broke, or the gateway stopped, is true still. */
static bool has_outcome(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->count; i++)
		if (attempt->outcomes[i].status != 0)
			return true;
	return false;
}

static bool any_taken(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->count; i++)
		if (outcome_is_taken(&attempt->outcomes[i]))
			return true;
	return false;
}

/* Whoever has it, or may have it, by a module that says both would get it twice. */
static bool wants_other_login(const struct gw_delivery *delivery)
{
	return delivery->login_given && delivery->login_refused.len &&
	       !delivery->attempt.login_refused.len && !any_taken(&delivery->attempt);
}

enum step step_deliver_answered(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	const struct chain_answer *answer = &task->call.answer;
	atomic_fetch_sub_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	if (answer->verdict != GW_ACCEPT && !(answer->broke && has_outcome(&delivery->attempt)))
		return unless_refused(delivery, STEP_SEND);
	delivery->attempt.ended_at = worker_now(delivery->message->worker);
	complete_outcomes(delivery);
	if (!wants_other_login(delivery)) {
		delivery_forget_login(delivery);
		return STEP_RESULT;
	}
	delivery->attempt.login_refused = delivery->login_refused;
	return STEP_LOGIN;
}

void delivery_keep_taken(struct gw_delivery *delivery)
{
	if (delivery->task.at == STEP_DELIVER)
		result_keep_taken(delivery);
}
