/* route.c - a delivery along its route: which relay is next, which are passed over, and where it
 * waits when none is left. */
#include "deliver/delivery.h"

#include "base/log.h"
#include "deliver/explain.h"
#include "module/relay_status.h"
#include "queue/wait.h"

static void look(struct gw_delivery *delivery);

/* --- the end --- */

static void tell_leave(struct gw_delivery *delivery)
{
	if (!delivery->admitted)
		return;
	delivery->admitted = false;
	chain_tell(&delivery->call, GW_HOOK_leave);
}

void route_end(struct gw_delivery *delivery)
{
	tell_leave(delivery);
	round_delivery_done(delivery);
}

static void log_parked(struct gw_delivery *delivery)
{
	struct log_line *line = log_open(LOG_LEVEL_INFO, "parked");
	log_id(line, delivery->message->id);
	log_str(line, "reason", delivery->why);
	log_close(line);
}

/* No relay of the route can take it, now or later: then it is bounced. */
static void end_unfit(struct gw_delivery *delivery)
{
	bool hopeful = delivery->hopeful || delivery->why.len;
	for (size_t i = 0; i < delivery->attempt.count; i++) {
		struct outcome *outcome = &delivery->recipients[i]->outcome;
		if (!outcome->unfit || outcome->status != GW_DEFERRED)
			continue;
		outcome->reply.enhanced[0] = hopeful ? 4 : 5;
		if (hopeful)
			continue;
		outcome->status = GW_BOUNCED;
		outcome_record(delivery->message, delivery->recipients[i]->rcpt, outcome, delivery);
	}
}

/* What an attempt said stays said; the others waited for nothing but a relay. */
static void exhausted(struct gw_delivery *delivery)
{
	if (delivery->why.len && !delivery->message->dry)
		log_parked(delivery);
	if (delivery->message->dry)
		explain_say(delivery->message->explanation, gw_str(""), "waits",
			    gw_str("until one of them takes mail again"));
	end_unfit(delivery);
	delivery_put_off(delivery, "4.4.1",
			 delivery->why.len ? delivery->why
					   : gw_str("no relay of the route takes it now"));
	route_end(delivery);
}

/* --- passing over --- */

void round_wait_until(struct delivery_round *round, int64_t wall)
{
	int64_t due = queue_now() + (wall - worker_wall(round->message->worker));
	if (wall && (!round->wait_until || due < round->wait_until))
		round->wait_until = due;
}

static void say_why(struct gw_delivery *delivery, struct gw_str why)
{
	const struct gw_str *name = &delivery->call.relay->name;
	struct gw_str before = delivery->why;
	delivery->why = arena_printf(&delivery->message->arena, "%.*s%s%.*s: %.*s",
				     GW_STR_ARGS(before), before.len ? "; " : "",
				     GW_STR_ARGS(*name), GW_STR_ARGS(why));
}

/* For `message explain`. Where mail only stands in line there is nothing to explain, and there may
 * be much of it. */
static void log_passed(const struct gw_delivery *delivery, struct gw_str why)
{
	struct log_line *line = log_open(LOG_LEVEL_INFO, "passed-over");
	log_id(line, delivery->message->id);
	log_str(line, "relay", delivery->call.relay->name);
	log_str(line, "reason", why);
	log_close(line);
}

void route_skipped(struct gw_delivery *delivery, enum gw_cause cause, int64_t until,
		   struct gw_str why)
{
	struct delivery_round *round = delivery->round;
	round_wait_until(round, until);
	round->patient |= cause == GW_CAUSE_LIMIT;
	say_why(delivery, why);
	if (delivery->message->dry)
		explain_say(delivery->message->explanation, delivery->call.relay->name,
			    "passed over", why);
	else if (cause != GW_CAUSE_RATE)
		log_passed(delivery, why);
}

/* --- leaving a relay --- */

static bool was_asked(const struct gw_delivery *delivery, const struct gw_relay *relay)
{
	for (size_t i = 0; i <= delivery->at; i++)
		if (delivery->route.relays[i] == relay)
			return true;
	return false;
}

static void route_take(struct route *route, size_t from, const struct gw_relay *relay)
{
	size_t kept = from;
	for (size_t i = from; i < route->count; i++)
		if (route->relays[i] != relay)
			route->relays[kept++] = route->relays[i];
	route->count = kept;
}

static void route_insert(struct route *route, size_t at, struct gw_relay *relay)
{
	if (route->count == ROUTE_MAX)
		route->count--; /* the last resort gives way to what was asked for here */
	memmove(&route->relays[at + 1], &route->relays[at],
		(route->count - at) * sizeof(route->relays[0]));
	route->relays[at] = relay;
	route->count++;
}

/* What was named comes next, in its order; each relay is asked once. Gives the place behind it. */
static size_t go_by(struct gw_delivery *delivery, const struct route *fallback)
{
	size_t at = delivery->at + 1;
	for (size_t i = 0; i < fallback->count && at < ROUTE_MAX; i++) {
		struct gw_relay *relay = fallback->relays[i];
		if (was_asked(delivery, relay))
			continue;
		route_take(&delivery->route, at, relay);
		route_insert(&delivery->route, at++, relay);
	}
	return at;
}

static void look_now(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	memset(delivery->attempt.outcomes, 0, delivery->attempt.count * sizeof(struct outcome));
	look(delivery);
}

/* The edits begin anew: work that a module gave up on, and that may still read them, has to have
 * returned. */
static void look_when_free(struct gw_delivery *delivery)
{
	delivery->call.done = look_now;
	delivery->call.arg = delivery;
	if (chain_cancel(&delivery->call))
		look_now(&delivery->call, delivery);
}

static void fallback_judged(struct gw_call *call, void *arg)
{
	struct gw_delivery *delivery = arg;
	if (call->answer.verdict == GW_ACCEPT)
		go_by(delivery, &delivery->fallback);
	else if (call->answer.verdict == GW_WAIT)
		delivery->route.count = go_by(delivery, &delivery->fallback);
	delivery->at++;
	look_when_free(delivery);
}

void route_next(struct gw_delivery *delivery, enum gw_cause cause)
{
	struct gw_call *call = &delivery->call;
	tell_leave(delivery);
	delivery->cause = cause;
	delivery->fallback.count = 0;
	call->answer_to = &delivery->fallback;
	if (delivery->stays || chain_empty(delivery->message->snapshot, GW_HOOK_fallback)) {
		call->answer.verdict = GW_CONTINUE;
		fallback_judged(call, delivery);
	} else if (chain_run(call, GW_HOOK_fallback, fallback_judged, delivery)) {
		fallback_judged(call, delivery);
	}
}

/* --- does the relay take mail now? --- */

void round_wait_on(struct delivery_round *round, struct gw_str key)
{
	struct gw_str before = round->wait_on;
	if (!key.len)
		return;
	struct gw_str all = arena_printf(&round->message->arena, "%.*s%s%.*s", GW_STR_ARGS(before),
					 before.len ? "\n" : "", GW_STR_ARGS(key));
	if (all.ptr)
		round->wait_on = all;
}

static void wait_for_opening(struct gw_delivery *delivery, const struct gw_relay *relay)
{
	round_wait_on(delivery->round, arena_printf(&delivery->message->arena, WAIT_OPEN "%.*s",
						    GW_STR_ARGS(relay->name)));
}

static bool closed(struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct relay_status_closure closure;
	struct arena *arena = &delivery->message->arena;
	if (!relay->enabled) {
		route_skipped(delivery, GW_CAUSE_OFF, 0, gw_str("switched off"));
		wait_for_opening(delivery, relay);
		route_next(delivery, GW_CAUSE_OFF);
		return true;
	}
	if (!relay_status_closed(relay, worker_wall(delivery->message->worker), &closure))
		return false;
	if (delivery->message->urgent && closure.cause == GW_CAUSE_FAILURE)
		return false;
	route_skipped(delivery, closure.cause, closure.until,
		      arena_str(arena, gw_str(closure.why)));
	wait_for_opening(delivery, relay);
	route_next(delivery, closure.cause);
	return true;
}

/* It waits in the queue, where it costs least, until the relay calls it back. Nothing was tried. */
static bool turned_away(struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct transport_refusal refusal;
	struct arena *arena = &delivery->message->arena;
	if (delivery->message->urgent || !relay->hosts.count)
		return false;
	enum transport_room room = transport_room(delivery->message->worker, relay,
						  delivery->attempt.rcpts[0]->domain, &refusal);
	if (room == TRANSPORT_OPEN)
		return false;
	round_wait_on(delivery->round, refusal.way);
	if (room == TRANSPORT_CROWDED) {
		route_skipped(delivery, GW_CAUSE_RATE, 0,
			      gw_str("the relay has as much as it can take"));
		exhausted(delivery);
		return true;
	}
	const struct gw_str *said = &refusal.why->reply.text;
	const char *who = refusal.why->local ? "this machine cannot try it now"
					     : "the relay is down";
	route_skipped(delivery, GW_CAUSE_FAILURE, 0,
		      arena_printf(arena, "%s: %.*s", who, GW_STR_ARGS(*said)));
	if (refusal.why->local == LOCAL_SHORT)
		exhausted(delivery);
	else
		route_next(delivery, GW_CAUSE_FAILURE);
	return true;
}

/* No relay is asked by what is not so any more: the message begins a new round at once. */
static bool begins_anew(struct gw_delivery *delivery)
{
	struct gw_message *message = delivery->message;
	if (message->dry || (!delivery->round->again && !snapshot_is_outdated(message->snapshot)))
		return false;
	delivery->round->again = true;
	delivery_put_off(delivery, "4.3.0", gw_str("it goes another way now"));
	route_end(delivery);
	return true;
}

static void look(struct gw_delivery *delivery)
{
	if (begins_anew(delivery))
		return;
	if (delivery->at >= delivery->route.count) {
		exhausted(delivery);
		return;
	}
	struct gw_relay *relay = delivery->route.relays[delivery->at];
	delivery->call.delivery = delivery;
	delivery->call.relay = relay;
	if (!closed(delivery, relay) && !turned_away(delivery, relay))
		delivery_at_relay(delivery, relay);
}

void route_again(struct gw_delivery *delivery)
{
	tell_leave(delivery);
	look_when_free(delivery);
}

void route_begin(struct gw_delivery *delivery)
{
	round_call(&delivery->call, delivery->message);
	look(delivery);
}
