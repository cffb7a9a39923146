/* next_relay.c - a delivery along its route: why a relay is left, which one is asked next, and
 * where the mail waits when none is left. */
#include "deliver/delivery_private.h"

/* --- why --- */

static void add_reason(struct gw_delivery *delivery, struct gw_str why)
{
	const struct gw_str *name = &delivery->task.call.relay->name;
	struct gw_str before = delivery->why;
	delivery->why = arena_printf(&delivery->message->arena, "%.*s%s%.*s: %.*s",
				     GW_STR_ARGS(before), before.len ? "; " : "",
				     GW_STR_ARGS(*name), GW_STR_ARGS(why));
}

void relay_skipped(struct gw_delivery *delivery, enum gw_cause cause, int64_t until,
		   struct gw_str why)
{
	struct delivery_round *round = delivery->round;
	round_wait_until(round, until);
	round->patient |= cause == GW_CAUSE_LIMIT;
	add_reason(delivery, why);
	round->effects->skipped(delivery, cause, why);
}

/* --- leaving a relay --- */

void tell_leave(struct gw_delivery *delivery)
{
	if (!delivery->admitted)
		return;
	delivery->admitted = false;
	chain_tell(&delivery->task.call, GW_HOOK_leave);
}

enum step relay_left(struct gw_delivery *delivery, enum gw_cause cause)
{
	delivery->left_for = cause;
	return STEP_NEXT_RELAY;
}

/* The edits begin anew: work that a module gave up on, and that may still read them, has to have
 * returned. */
enum step relay_again(struct gw_delivery *delivery)
{
	tell_leave(delivery);
	return task_when_free(&delivery->task, STEP_CHECK_RELAY);
}

static enum step go_on(struct gw_delivery *delivery)
{
	delivery->at++;
	return task_when_free(&delivery->task, STEP_CHECK_RELAY);
}

enum step step_next_relay(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	tell_leave(delivery);
	delivery->cause = delivery->left_for;
	delivery->fallback.count = 0;
	task->call.answer_to = &delivery->fallback;
	return delivery->stays ? go_on(delivery) : STEP_ASK;
}

/* --- the fallback hook --- */

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
static size_t route_by(struct gw_delivery *delivery, const struct route *fallback)
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

enum step step_next_relay_answered(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	enum gw_verdict verdict = task->call.answer.verdict;
	if (verdict == GW_ACCEPT)
		route_by(delivery, &delivery->fallback);
	else if (verdict == GW_WAIT)
		delivery->route.count = route_by(delivery, &delivery->fallback);
	return go_on(delivery);
}

/* --- none is left --- */

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
enum step route_exhausted(struct gw_delivery *delivery)
{
	delivery->round->effects->waits(delivery);
	end_unfit(delivery);
	delivery_put_off(delivery, "4.4.1",
			 delivery->why.len ? delivery->why
					   : gw_str("no relay of the route takes it now"));
	return STEP_FINISH;
}
