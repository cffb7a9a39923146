/* result.c - what an attempt gave for each recipient: kept at once, told to modules, and who of
 * them the next relay may take. */
#include "deliver/delivery_private.h"

#include "module/relay_status.h"

/* --- one recipient's outcome --- */

static void tell_result(struct gw_delivery *delivery, size_t nth)
{
	struct outcome *outcome = &delivery->attempt.outcomes[nth];
	const struct attempt *attempt = &delivery->attempt;
	struct gw_call *call = &delivery->task.call;
	int64_t ago = worker_now(delivery->message->worker) - attempt->began_at;
	struct gw_outcome given;
	struct gw_result result = {
		.size = sizeof(result),
		.rcpt = attempt->rcpts[nth],
		.relay = attempt->relay->name,
		.attempt = delivery->message->attempts + 1,
		.took_ms = attempt->ended_at - attempt->began_at,
		.began = worker_wall(delivery->message->worker) - ago,
	};
	outcome_tell(outcome, &given, &result);
	call->rcpt = attempt->rcpts[nth];
	call->argument = &result;
	call->answer_to = outcome;
	chain_tell(call, GW_HOOK_result);
	call->rcpt = NULL;
	call->argument = call->answer_to = NULL;
}

/* What is the fault of a relay or of our account there is no reason to bounce anybody. */
static void attribute_fault(struct outcome *outcome)
{
	if (!outcome->fault)
		outcome->fault = outcome_fault(outcome);
	if (outcome->fault != GW_FAULT_RELAY && outcome->fault != GW_FAULT_ACCOUNT &&
	    outcome->fault != GW_FAULT_LOCAL && !outcome->unfit)
		return;
	outcome->status = GW_DEFERRED;
}

/* A report of ours says that mail was lost: whatever the next hop has against it, every other relay
 * is asked before it is given up. */
static void spare_report(const struct gw_delivery *delivery, struct outcome *outcome)
{
	if (!message_is_report(delivery->message) || outcome->status != GW_BOUNCED ||
	    delivery->at + 1 >= delivery->route.count)
		return;
	outcome->fault = GW_FAULT_RELAY;
	outcome->status = GW_DEFERRED;
}

static bool has_keyword(struct gw_str capabilities, struct gw_str keyword)
{
	while (capabilities.len) {
		struct gw_str line = gw_str_n(capabilities.ptr, gw_str_find(capabilities, '\n'));
		if (gw_str_ieq(gw_str_n(line.ptr, gw_str_find(line, ' ')), keyword))
			return true;
		capabilities = gw_str_from(capabilities, line.len + 1);
	}
	return false;
}

/* After an unknown outcome only an answer to the content tells whether the relay has it: one that
 * cannot be reached, or that refuses before it has read anything, may have taken the message
 * before. */
static bool may_have_it(const struct gw_rcpt *rcpt, const struct outcome *outcome)
{
	if (outcome->status == GW_UNKNOWN)
		return true;
	bool answered = outcome->stage == STAGE_MODULE ||
			(outcome->stage == STAGE_DOT && outcome->reply.code);
	return rcpt->suspect && !answered;
}

static void note_on_rcpt(struct gw_rcpt *rcpt, const struct gw_relay *relay,
			 const struct outcome *outcome)
{
	rcpt->relay = relay->name;
	rcpt->last = outcome->reply;
	rcpt->last_host = outcome->host;
	rcpt->suspect = may_have_it(rcpt, outcome);
	if (outcome->status == GW_DELIVERED)
		rcpt->status = RCPT_DELIVERED;
}

static void note_outcome(struct gw_delivery *delivery, size_t nth)
{
	struct outcome *outcome = &delivery->attempt.outcomes[nth];
	struct gw_rcpt *rcpt = delivery->attempt.rcpts[nth];
	struct rcpt_attempt *recipient = delivery->recipients[nth];
	if (!chain_empty(delivery->message->snapshot, GW_HOOK_result))
		tell_result(delivery, nth);
	if (outcome->status != GW_DELIVERED)
		attribute_fault(outcome);
	spare_report(delivery, outcome);
	recipient->outcome = *outcome;
	recipient->local = outcome->stage == STAGE_MODULE;
	recipient->reported = has_keyword(delivery->attempt.capabilities, gw_str("DSN"));
	recipient->noted = true;
	note_on_rcpt(rcpt, delivery->attempt.relay, outcome);
	delivery->unrecorded |= outcome_is_taken(outcome);
	outcome_record(delivery->message, rcpt, outcome, delivery);
}

/* --- what is known until now --- */

static void note_known(struct gw_delivery *delivery)
{
	for (size_t i = 0; i < delivery->attempt.count; i++)
		if (delivery->attempt.outcomes[i].status && !delivery->recipients[i]->noted)
			note_outcome(delivery, i);
}

/* A crash from now on must not repeat what is delivered, nor take what may be elsewhere to another
 * relay. */
static void record_known(struct gw_delivery *delivery)
{
	if (delivery->unrecorded)
		queue_record(delivery->message);
	delivery->unrecorded = false;
}

void result_keep(struct gw_delivery *delivery)
{
	note_known(delivery);
	record_known(delivery);
}

void result_keep_taken(struct gw_delivery *delivery)
{
	for (size_t i = 0; i < delivery->attempt.count; i++) {
		struct outcome *outcome = &delivery->attempt.outcomes[i];
		if (!outcome_is_taken(outcome) || delivery->recipients[i]->noted)
			continue;
		delivery->recipients[i]->noted = delivery->unrecorded = true;
		note_on_rcpt(delivery->attempt.rcpts[i], delivery->attempt.relay, outcome);
		outcome_record(delivery->message, delivery->attempt.rcpts[i], outcome, delivery);
	}
	record_known(delivery);
}

/* --- who goes on --- */

static bool may_move_on(const struct outcome *outcome)
{
	if (outcome->fault == GW_FAULT_LOCAL)
		return outcome->local == LOCAL_NETWORK;
	return outcome->fault == GW_FAULT_RELAY || outcome->fault == GW_FAULT_ACCOUNT ||
	       outcome->unfit;
}

/* Keeps the recipients that the next relay may take; gives their number. */
static size_t keep_movable(struct gw_delivery *delivery)
{
	size_t kept = 0;
	for (size_t i = 0; i < delivery->attempt.count; i++) {
		if (!may_move_on(&delivery->attempt.outcomes[i]))
			continue;
		delivery->attempt.rcpts[kept] = delivery->attempt.rcpts[i];
		delivery->hopeful |= !delivery->attempt.outcomes[i].unfit;
		delivery->recipients[i]->noted = false;
		delivery->recipients[kept++] = delivery->recipients[i];
	}
	return kept;
}

/* Keeps those without an outcome; gives their number. */
static size_t keep_open(struct gw_delivery *delivery)
{
	size_t kept = 0;
	for (size_t i = 0; i < delivery->attempt.count; i++) {
		if (delivery->attempt.outcomes[i].status)
			continue;
		delivery->attempt.rcpts[kept] = delivery->attempt.rcpts[i];
		delivery->recipients[kept++] = delivery->recipients[i];
	}
	return kept;
}

/* A relay that is down comes up one day, and wakes what waits for it. One that only ended this link
 * has it come at its own time. */
static void wait_for_link(struct gw_delivery *delivery)
{
	if (delivery->attempt.down)
		round_wait_on(delivery->round, delivery->attempt.way);
}

/* What the next hop said may have closed the relay until its limit begins anew: then that is why it
 * is left. */
static enum gw_cause cause_to_leave(struct gw_delivery *delivery)
{
	struct relay_refusal closure;
	struct gw_relay *relay = delivery->attempt.relay;
	if (!relay_status_closed(relay, worker_wall(delivery->message->worker), &closure) ||
	    closure.cause != GW_CAUSE_LIMIT)
		return GW_CAUSE_FAILURE;
	relay_skipped(delivery, GW_CAUSE_LIMIT, closure.until,
		      arena_str(&delivery->message->arena, gw_str(closure.why)));
	return GW_CAUSE_LIMIT;
}

static enum step attempt_ended(struct gw_delivery *delivery)
{
	delivery->round->tried = true;
	wait_for_link(delivery);
	note_known(delivery);
	size_t movable = keep_movable(delivery);
	if (!movable)
		return STEP_FINISH;
	record_known(delivery);
	delivery->attempt.count = movable;
	return relay_left(delivery, cause_to_leave(delivery));
}

/* The attempt came back before its turn: a relay that is asked again gets only the recipients that
 * no transaction has dealt with. */
static enum step attempt_came_back(struct gw_delivery *delivery)
{
	result_keep(delivery);
	size_t open = keep_open(delivery);
	delivery->round->tried |= open < delivery->attempt.count;
	delivery->attempt.count = open;
	return open ? relay_again(delivery) : STEP_FINISH;
}

/* --- what became of TLS --- */

static void tell_links(struct gw_delivery *delivery)
{
	struct gw_call *call = &delivery->task.call;

	for (struct link_note *note = delivery->attempt.links; note; note = note->next) {
		call->argument = &note->link;
		chain_tell(call, GW_HOOK_link);
	}
	call->argument = NULL;
	delivery->attempt.links = NULL;
}

/* The link may have broken while the login hook waits: its call has to be over before others are
 * told by it. */
enum step step_result(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	if (chain_held(&task->call))
		return task_when_free(task, STEP_RESULT);
	tell_links(delivery);
	return delivery->attempt.unserved ? attempt_came_back(delivery) : attempt_ended(delivery);
}
