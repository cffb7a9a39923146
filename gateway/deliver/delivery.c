#include "deliver/delivery.h"

#include "base/log.h"
#include "deliver/explain.h"
#include "module/relay_status.h"

/* delivery.c - what is done for a delivery at one relay, until every recipient has an outcome that
 * is not the relay's own fault. */

static void set_all(struct gw_delivery *delivery, enum gw_status status, const char *enhanced,
		    const char *fallback)
{
	const struct chain_answer *answer = &delivery->call.answer;
	struct gw_str text = answer->text.len     ? answer->text
			     : answer->reason.len ? answer->reason
						  : gw_str(fallback);
	for (size_t i = 0; i < delivery->attempt.count; i++)
		outcome_set(&delivery->attempt.outcomes[i], delivery->attempt.arena, status,
			    STAGE_MODULE, false, answer->code,
			    answer->enhanced[0] ? answer->enhanced : enhanced, text, gw_str(NULL));
}

void delivery_put_off(struct gw_delivery *delivery, const char *enhanced, struct gw_str why)
{
	for (size_t i = 0; i < delivery->attempt.count; i++)
		if (delivery->recipients[i]->outcome.status == 0)
			outcome_set(&delivery->recipients[i]->outcome, &delivery->message->arena,
				    GW_DEFERRED, STAGE_NONE, true, 0, enhanced, why, gw_str(NULL));
}

/* --- after an attempt --- */

static void tell_result(struct gw_delivery *delivery, size_t nth)
{
	struct outcome *outcome = &delivery->attempt.outcomes[nth];
	const struct attempt *attempt = &delivery->attempt;
	int64_t ago = worker_now(delivery->message->worker) - attempt->began_at;
	struct gw_outcome told;
	struct gw_result result = {
		.size = sizeof(result),
		.rcpt = attempt->rcpts[nth],
		.relay = attempt->relay->name,
		.attempt = delivery->message->attempts + 1,
		.took_ms = attempt->ended_at - attempt->began_at,
		.began = worker_wall(delivery->message->worker) - ago,
	};
	outcome_tell(outcome, &told, &result);
	delivery->call.rcpt = attempt->rcpts[nth];
	delivery->call.argument = &result;
	delivery->call.answer_to = outcome;
	chain_tell(&delivery->call, GW_HOOK_result);
	delivery->call.rcpt = NULL;
	delivery->call.argument = delivery->call.answer_to = NULL;
}

/* What is the fault of a relay or of our account there is no reason to bounce anybody. */
static void judge(struct outcome *outcome)
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
static void judge_report(const struct gw_delivery *delivery, struct outcome *outcome)
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

static void note_outcome(struct gw_delivery *delivery, size_t nth)
{
	struct outcome *outcome = &delivery->attempt.outcomes[nth];
	struct gw_rcpt *rcpt = delivery->attempt.rcpts[nth];
	if (!chain_empty(delivery->message->snapshot, GW_HOOK_result))
		tell_result(delivery, nth);
	if (outcome->status != GW_DELIVERED)
		judge(outcome);
	judge_report(delivery, outcome);
	delivery->recipients[nth]->outcome = *outcome;
	delivery->recipients[nth]->local = outcome->stage == STAGE_MODULE;
	delivery->recipients[nth]->reported = has_keyword(delivery->attempt.capabilities,
							  gw_str("DSN"));
	rcpt->relay = delivery->attempt.relay->name;
	rcpt->last = outcome->reply;
	rcpt->last_host = outcome->host;
	rcpt->suspect = may_have_it(rcpt, outcome);
	if (outcome->status == GW_DELIVERED)
		rcpt->status = RCPT_DELIVERED;
	delivery->unrecorded |= outcome->status == GW_DELIVERED || outcome->status == GW_UNKNOWN;
	delivery->recipients[nth]->noted = true;
	outcome_record(delivery->message, rcpt, outcome, delivery);
}

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

/* A relay that is down comes up one day, and wakes what waits for it. One that only ended this link
 * has it come at its own time. */
static void wait_for_link(struct gw_delivery *delivery)
{
	if (delivery->attempt.down)
		round_wait_on(delivery->round, delivery->attempt.way);
}

/* What the next hop said may have closed the relay until its limit begins anew: then that is why it
 * is left. */
static enum gw_cause left_for(struct gw_delivery *delivery)
{
	struct relay_status_closure closure;
	struct gw_relay *relay = delivery->attempt.relay;
	if (!relay_status_closed(relay, worker_wall(delivery->message->worker), &closure) ||
	    closure.cause != GW_CAUSE_LIMIT)
		return GW_CAUSE_FAILURE;
	route_skipped(delivery, GW_CAUSE_LIMIT, closure.until,
		      arena_str(&delivery->message->arena, gw_str(closure.why)));
	return GW_CAUSE_LIMIT;
}

/* Every outcome of the attempt is known. */
static void tried(struct gw_delivery *delivery)
{
	delivery->round->tried = true;
	wait_for_link(delivery);
	note_known(delivery);
	size_t movable = keep_movable(delivery);
	if (!movable) {
		route_end(delivery);
		return;
	}
	record_known(delivery);
	delivery->attempt.count = movable;
	route_next(delivery, left_for(delivery));
}

static void explain_decided(const struct gw_delivery *delivery)
{
	explain_outcome(delivery->message->explanation, delivery->call.relay->name,
			&delivery->attempt.outcomes[0]);
}

/* A module decided it before any attempt. */
static void decided(struct gw_delivery *delivery)
{
	if (delivery->message->dry)
		explain_decided(delivery);
	for (size_t i = 0; i < delivery->attempt.count && !delivery->message->dry; i++) {
		delivery->recipients[i]->outcome = delivery->attempt.outcomes[i];
		outcome_record(delivery->message, delivery->attempt.rcpts[i],
			       &delivery->attempt.outcomes[i], delivery);
	}
	route_end(delivery);
}

/* --- the SMTP client --- */

/* Those that a transaction settled are done with: a relay that is asked again gets only the others.
 */
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

static void came_back(struct gw_delivery *delivery)
{
	note_known(delivery);
	record_known(delivery);
	size_t open = keep_open(delivery);
	delivery->round->tried |= open < delivery->attempt.count;
	delivery->attempt.count = open;
	if (open)
		route_again(delivery);
	else
		route_end(delivery);
}

static void attempt_over(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	if (delivery->attempt.unserved)
		came_back(delivery);
	else
		tried(delivery);
}

/* The link may have broken while the login hook waits: its call has to be over before others are
 * told by it. */
static void sent(struct attempt *attempt)
{
	struct gw_delivery *delivery = list_of(attempt, struct gw_delivery, attempt);
	struct gw_call *call = &delivery->call;
	delivery->sending = false;
	atomic_fetch_sub_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	call->done = attempt_over;
	call->arg = delivery;
	if (!chain_held(call) || chain_cancel(call))
		attempt_over(call, delivery);
}

/* A transaction ended and there is another for the rest of the recipients. */
static void went_on(struct attempt *attempt)
{
	struct gw_delivery *delivery = list_of(attempt, struct gw_delivery, attempt);
	attempt->ended_at = worker_now(attempt->worker);
	note_known(delivery);
	record_known(delivery);
}

void delivery_abandon(struct gw_delivery *delivery)
{
	if (!delivery->sending)
		return;
	delivery->sending = false;
	transport_abandon(&delivery->attempt);
	went_on(&delivery->attempt);
}

static void login_judged(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	attempt_login(&delivery->attempt, call->answer.verdict,
		      delivery->login_given ? &delivery->login : NULL);
}

static void find_login(struct attempt *attempt, struct gw_str mechanisms)
{
	struct gw_delivery *delivery = list_of(attempt, struct gw_delivery, attempt);
	delivery->login_given = false;
	if (chain_run(&delivery->call, GW_HOOK_login, login_judged, delivery))
		login_judged(&delivery->call, delivery);
}

static void send_smtp(struct gw_delivery *delivery)
{
	if (delivery->round->again) { /* it was moved while a hook looked at it */
		route_again(delivery);
		return;
	}
	if (!delivery->attempt.relay->hosts.count) {
		set_all(delivery, GW_DEFERRED, "4.3.5",
			"the relay has no host, and no module delivers for it");
		decided(delivery);
		return;
	}
	delivery->attempt.login = find_login;
	delivery->attempt.progress = went_on;
	delivery->attempt.done = sent;
	delivery->sending = true;
	atomic_fetch_add_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	transport_send(&delivery->attempt);
}

/* --- the hooks before it --- */

static struct gw_str why_of(const struct chain_answer *answer)
{
	if (answer->text.len)
		return answer->text;
	return answer->reason.len ? answer->reason : gw_str("a module does not take it now");
}

static void move_on(struct gw_delivery *delivery)
{
	const struct chain_answer *answer = &delivery->call.answer;
	enum gw_cause cause = answer->cause ? answer->cause : GW_CAUSE_FAILURE;
	route_skipped(delivery, cause, answer->wait_until, why_of(answer));
	round_wait_on(delivery->round, answer->key);
	route_next(delivery, cause);
}

static void wait_here(struct gw_delivery *delivery)
{
	const struct chain_answer *answer = &delivery->call.answer;
	struct delivery_round *round = delivery->round;
	round_wait_until(round, answer->wait_until);
	round->patient |= answer->wait_until != 0;
	round_wait_on(round, answer->key);
	set_all(delivery, GW_DEFERRED, "4.3.0",
		answer->broke ? "a module failed, see the log" : "a module says to wait");
	decided(delivery);
}

/* WAIT and NEXT of admit, prepare and deliver. True: it was one of them, and is dealt with. */
static bool put_off(struct gw_delivery *delivery)
{
	enum gw_verdict verdict = delivery->call.answer.verdict;
	if (verdict == GW_NEXT)
		move_on(delivery);
	else if (verdict == GW_WAIT)
		wait_here(delivery);
	return verdict == GW_NEXT || verdict == GW_WAIT;
}

static bool turned_down(struct gw_delivery *delivery)
{
	if (put_off(delivery))
		return true;
	if (delivery->call.answer.verdict != GW_REJECT)
		return false;
	set_all(delivery, GW_BOUNCED, "5.7.1", "a module refused it");
	decided(delivery);
	return true;
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

static void deliver_judged(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	if (call->answer.verdict == GW_ACCEPT) {
		delivery->attempt.ended_at = worker_now(delivery->message->worker);
		complete_outcomes(delivery);
		tried(delivery);
	} else if (!turned_down(delivery)) {
		send_smtp(delivery);
	}
}

static void prepare_judged(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	if (turned_down(delivery))
		return;
	delivery->attempt.began_at = worker_now(delivery->message->worker);
	if (chain_run(call, GW_HOOK_deliver, deliver_judged, delivery))
		deliver_judged(call, delivery);
}

static void prepare(struct gw_delivery *delivery)
{
	if (turned_down(delivery))
		return;
	if (delivery->message->dry) {
		explain_taken(delivery);
		route_end(delivery);
		return;
	}
	if (chain_run(&delivery->call, GW_HOOK_prepare, prepare_judged, delivery))
		prepare_judged(&delivery->call, delivery);
}

/* Recipients that do not fit are asked about at this relay again, as a delivery of their own. */
static void admit_judged(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg, *rest = delivery->rest;
	delivery->rest = NULL;
	prepare(delivery);
	if (rest)
		route_begin(rest);
}

static void fill_in(struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct gw_message *message = delivery->message;
	delivery->data = NULL;
	delivery->attempt.worker = message->worker;
	delivery->attempt.snapshot = message->snapshot;
	delivery->attempt.relay = relay;
	delivery->attempt.way = gw_str("");
	delivery->attempt.urgent = message->urgent;
	delivery->attempt.edits = &delivery->edits;
	delivery->attempt.arena = &message->arena;
	edits_init(&delivery->edits, message, &message->arena);
}

void delivery_at_relay(struct gw_delivery *delivery, struct gw_relay *relay)
{
	fill_in(delivery, relay);
	delivery->admitted = true;
	if (chain_run(&delivery->call, GW_HOOK_admit, admit_judged, delivery))
		admit_judged(&delivery->call, delivery);
}
