/* relay_hooks.c - what modules say of a delivery at a relay: admit, prepare, deliver. */
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

/* --- verdicts that all three have --- */

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
	attempt->way = attempt->host = attempt->capabilities = attempt->mechanisms = attempt->tls =
		gw_str("");
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
	return unless_refused(delivery_of(task), STEP_DELIVER);
}

/* --- deliver --- */

enum step step_deliver(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	delivery->attempt.began_at = worker_now(delivery->message->worker);
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

enum step step_deliver_answered(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	if (task->call.answer.verdict != GW_ACCEPT)
		return unless_refused(delivery, STEP_SEND);
	delivery->attempt.ended_at = worker_now(delivery->message->worker);
	complete_outcomes(delivery);
	return STEP_RESULT;
}
