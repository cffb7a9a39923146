#include "deliver/delivery.h"

#include "base/log.h"

/* One delivery through its route: a relay at a time, until every recipient has an outcome that is not the relay's own fault. */

static void try_relay(struct gw_delivery *delivery);

static void set_all(struct gw_delivery *delivery, enum gw_status status, const char *enhanced, const char *fallback)
{
	const struct chain_answer *answer = &delivery->call.answer;
	struct gw_str text = answer->text.len ? answer->text : gw_str(fallback);
	for (size_t i = 0; i < delivery->attempt.count; i++)
		outcome_set(&delivery->attempt.outcomes[i], delivery->attempt.arena, status, STAGE_MODULE, false, answer->code,
		            answer->enhanced[0] ? answer->enhanced : enhanced, text, gw_str(NULL));
}

/* --- after an attempt --- */

static void tell_result(struct gw_delivery *delivery, size_t nth)
{
	const struct outcome *outcome = &delivery->attempt.outcomes[nth];
	struct gw_result result = {
		.size = sizeof(result), .rcpt = delivery->attempt.rcpts[nth], .relay = delivery->attempt.relay->name,
		.attempt = delivery->message->attempts + 1, .took_ms = delivery->attempt.ended_at - delivery->attempt.began_at,
	};
	outcome_tell(outcome, &result);
	delivery->call.argument = &result;
	chain_tell(&delivery->call, GW_HOOK_result);
	delivery->call.argument = NULL;
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

static void note_outcome(struct gw_delivery *delivery, size_t nth)
{
	const struct outcome *outcome = &delivery->attempt.outcomes[nth];
	struct gw_rcpt *rcpt = delivery->attempt.rcpts[nth];
	delivery->rounds[nth]->outcome = *outcome;
	delivery->rounds[nth]->local = outcome->stage == STAGE_MODULE;
	delivery->rounds[nth]->reported = has_keyword(delivery->attempt.capabilities, gw_str("DSN"));
	rcpt->relay = delivery->attempt.relay->name;
	rcpt->last = outcome->reply;
	rcpt->last_host = outcome->host;
	rcpt->suspect = outcome->status == GW_UNKNOWN;
	if (outcome->status == GW_DELIVERED) {
		rcpt->status = RCPT_DELIVERED;
		delivery->delivered = true;
	}
	log_outcome(delivery->message, rcpt, outcome, delivery);
	if (!chain_empty(delivery->message->snapshot, GW_HOOK_result))
		tell_result(delivery, nth);
}

static bool may_move_on(const struct outcome *outcome)
{
	return outcome->status == GW_DEFERRED && outcome->link;
}

/* Keeps the recipients that the next relay may take; gives their number. */
static size_t keep_movable(struct gw_delivery *delivery)
{
	size_t kept = 0;
	for (size_t i = 0; i < delivery->attempt.count; i++) {
		if (!may_move_on(&delivery->attempt.outcomes[i]))
			continue;
		delivery->attempt.rcpts[kept] = delivery->attempt.rcpts[i];
		delivery->rounds[kept++] = delivery->rounds[i];
	}
	return kept;
}

static void next_relay_now(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	memset(delivery->attempt.outcomes, 0, delivery->attempt.count * sizeof(struct outcome));
	delivery->at++;
	try_relay(delivery);
}

/* The edits begin anew: work that a module gave up on, and that may still read them, has to have returned. */
static void next_relay(struct gw_delivery *delivery)
{
	delivery->call.done = next_relay_now;
	delivery->call.arg = delivery;
	if (chain_cancel(&delivery->call))
		next_relay_now(&delivery->call, delivery);
}

/* Every outcome of the attempt is known. */
static void tried(struct gw_delivery *delivery)
{
	delivery->journey->tried = true;
	for (size_t i = 0; i < delivery->attempt.count; i++)
		note_outcome(delivery, i);
	size_t movable = keep_movable(delivery), left = delivery->at + 1 < delivery->route.count ? movable : 0;
	if (!left) {
		if (movable)
			delivery->journey->park = delivery->attempt.way;
		journey_delivery_done(delivery);
		return;
	}
	if (delivery->delivered)
		queue_record(delivery->message);
	delivery->attempt.count = left;
	next_relay(delivery);
}

/* A module decided it before any attempt. */
static void decided(struct gw_delivery *delivery)
{
	for (size_t i = 0; i < delivery->attempt.count; i++) {
		delivery->rounds[i]->outcome = delivery->attempt.outcomes[i];
		log_outcome(delivery->message, delivery->attempt.rcpts[i], &delivery->attempt.outcomes[i], delivery);
	}
	journey_delivery_done(delivery);
}

/* --- the SMTP client --- */

static void sent(struct attempt *attempt)
{
	struct gw_delivery *delivery = list_of(attempt, struct gw_delivery, attempt);
	delivery->sending = false;
	atomic_fetch_sub_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	tried(delivery);
}

static void login_judged(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	attempt_login(&delivery->attempt, call->answer.verdict, delivery->login_given ? &delivery->login : NULL);
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
	if (!delivery->attempt.relay->hosts.count) {
		set_all(delivery, GW_DEFERRED, "4.3.5", "the relay has no host, and no module delivers for it");
		decided(delivery);
		return;
	}
	delivery->attempt.login = find_login;
	delivery->attempt.done = sent;
	delivery->sending = true;
	atomic_fetch_add_explicit(&counters.deliveries_open, 1, memory_order_relaxed);
	transport_send(&delivery->attempt);
}

/* --- the hooks before it --- */

/* WAIT and NEXT of admit, prepare and deliver. True: it was one of them, and is dealt with. */
static bool put_off(struct gw_delivery *delivery)
{
	const struct chain_answer *answer = &delivery->call.answer;
	if (answer->verdict == GW_NEXT) {
		set_all(delivery, GW_DEFERRED, "4.3.5", "the relay does not take it now");
		if (delivery->at + 1 < delivery->route.count)
			next_relay(delivery);
		else
			decided(delivery);
		return true;
	}
	if (answer->verdict != GW_WAIT)
		return false;
	set_all(delivery, GW_DEFERRED, "4.3.0", answer->broke ? "a module failed, see the log" : "a module says to wait");
	int64_t *until = &delivery->journey->wait_until;
	if (answer->wait_until && (!*until || answer->wait_until < *until))
		*until = answer->wait_until;
	decided(delivery);
	return true;
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
			outcome_set(&delivery->attempt.outcomes[i], delivery->attempt.arena, GW_DEFERRED, STAGE_MODULE, false, 0, "4.3.0",
			            gw_str("the module did not say what became of it"), gw_str(NULL));
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

static void admit_judged(struct gw_call *call, void *arg)
{
	if (turned_down(arg))
		return;
	if (chain_run(call, GW_HOOK_prepare, prepare_judged, arg))
		prepare_judged(call, arg);
}

/* --- before any of it: does the relay take mail now? --- */

/* It waits in the queue, where it costs least, until the relay calls it back. Nothing was tried. */
static void park(struct gw_delivery *delivery, const struct gw_relay *relay, struct gw_str way, struct gw_str why)
{
	struct arena *arena = &delivery->message->arena;
	struct log_line *line = log_open(LOG_INFORM, "parked");
	log_id(line, delivery->message->id);
	log_str(line, "relay", relay->name);
	log_str(line, "reason", why);
	log_close(line);
	for (size_t i = 0; i < delivery->attempt.count; i++)
		outcome_set(&delivery->rounds[i]->outcome, arena, GW_DEFERRED, STAGE_NONE, true, 0, "4.4.1", why, gw_str(NULL));
	delivery->journey->park = arena_str(arena, way);
	journey_delivery_done(delivery);
}

static void pass_over(struct gw_delivery *delivery, const struct gw_relay *relay, const struct transport_refusal *refusal)
{
	const struct gw_str *said = &refusal->why->reply.text;
	if (delivery->at + 1 < delivery->route.count)
		next_relay(delivery);
	else
		park(delivery, relay, refusal->way, arena_printf(&delivery->message->arena, "the relay is down: %.*s", (int)said->len, said->ptr));
}

static bool turned_away(struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct transport_refusal refusal;
	if (delivery->message->urgent || !relay->hosts.count)
		return false;
	enum transport_room room = transport_room(delivery->message->worker, relay, delivery->attempt.rcpts[0]->domain, &refusal);
	if (room == TRANSPORT_CROWDED)
		park(delivery, relay, refusal.way, gw_str("the relay has as much as it can take"));
	else if (room == TRANSPORT_DOWN)
		pass_over(delivery, relay, &refusal);
	return room != TRANSPORT_OPEN;
}

static void set_out(struct gw_delivery *delivery, struct gw_relay *relay)
{
	if (turned_away(delivery, relay))
		return;
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
	delivery->call.delivery = delivery;
	delivery->call.relay = relay;
	if (chain_run(&delivery->call, GW_HOOK_admit, admit_judged, delivery))
		admit_judged(&delivery->call, delivery);
}

/* Relays that are switched off are passed over. */
static void try_relay(struct gw_delivery *delivery)
{
	for (; delivery->at < delivery->route.count; delivery->at++) {
		if (delivery->route.relays[delivery->at]->enabled) {
			set_out(delivery, delivery->route.relays[delivery->at]);
			return;
		}
	}
	delivery->call.answer = (struct chain_answer){ 0 };
	set_all(delivery, GW_DEFERRED, "4.3.5", "no relay of the route is switched on");
	decided(delivery);
}

void delivery_begin(struct gw_delivery *delivery)
{
	journey_call(&delivery->call, delivery->message);
	try_relay(delivery);
}
