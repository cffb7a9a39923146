/* relay_check.c - may the relay be used now, before anything is done for it? */
#include "deliver/delivery_private.h"

#include "module/relay_status.h"
#include "queue/wait.h"

static void wait_for_opening(struct gw_delivery *delivery, const struct gw_relay *relay)
{
	round_wait_on(delivery->round, arena_printf(&delivery->message->arena, WAIT_OPEN "%.*s",
						    GW_STR_ARGS(relay->name)));
}

static bool is_closed(const struct gw_delivery *delivery, struct gw_relay *relay,
		      struct relay_status_closure *closure)
{
	return relay_status_closed(relay, worker_wall(delivery->message->worker), closure) &&
	       (!delivery->message->urgent || closure->cause != GW_CAUSE_FAILURE);
}

static enum step pass_over_off(struct gw_delivery *delivery, const struct gw_relay *relay)
{
	relay_skipped(delivery, GW_CAUSE_OFF, 0, gw_str("switched off"));
	wait_for_opening(delivery, relay);
	return relay_left(delivery, GW_CAUSE_OFF);
}

static enum step pass_over_closed(struct gw_delivery *delivery, const struct gw_relay *relay,
				  const struct relay_status_closure *closure)
{
	relay_skipped(delivery, closure->cause, closure->until,
		      arena_str(&delivery->message->arena, gw_str(closure->why)));
	wait_for_opening(delivery, relay);
	return relay_left(delivery, closure->cause);
}

/* It waits in the queue, where it costs least, until the relay calls it back. */
static enum step wait_for_room(struct gw_delivery *delivery)
{
	relay_skipped(delivery, GW_CAUSE_RATE, 0, gw_str("the relay has as much as it can take"));
	return route_exhausted(delivery);
}

static enum step pass_over_down(struct gw_delivery *delivery, const struct outcome *why)
{
	const struct gw_str *said = &why->reply.text;
	const char *who = why->local ? "this machine cannot try it now" : "the relay is down";
	relay_skipped(delivery, GW_CAUSE_FAILURE, 0,
		      arena_printf(&delivery->message->arena, "%s: %.*s", who, GW_STR_ARGS(*said)));
	return why->local == LOCAL_SHORT ? route_exhausted(delivery)
					 : relay_left(delivery, GW_CAUSE_FAILURE);
}

static enum transport_room room_at(const struct gw_delivery *delivery, struct gw_relay *relay,
				   struct transport_refusal *refusal)
{
	if (delivery->message->urgent || !relay->hosts.count)
		return TRANSPORT_OPEN;
	return transport_room(delivery->message->worker, relay, delivery->attempt.rcpts[0]->domain,
			      refusal);
}

/* No relay is asked by what is not so any more: the message begins a new round at once. */
static bool is_outdated(const struct delivery_round *round)
{
	return round->effects->begins_anew &&
	       (round->again || snapshot_is_outdated(round->message->snapshot));
}

static enum step begin_anew(struct gw_delivery *delivery)
{
	delivery->round->again = true;
	delivery_put_off(delivery, "4.3.0", gw_str("it goes another way now"));
	return STEP_FINISH;
}

static enum step check(struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct relay_status_closure closure;
	struct transport_refusal refusal;
	if (!relay->enabled)
		return pass_over_off(delivery, relay);
	if (is_closed(delivery, relay, &closure))
		return pass_over_closed(delivery, relay, &closure);
	enum transport_room room = room_at(delivery, relay, &refusal);
	if (room == TRANSPORT_OPEN)
		return STEP_ADMIT;
	round_wait_on(delivery->round, refusal.way);
	return room == TRANSPORT_CROWDED ? wait_for_room(delivery)
					 : pass_over_down(delivery, refusal.why);
}

enum step step_check_relay(struct task *task)
{
	struct gw_delivery *delivery = delivery_of(task);
	if (is_outdated(delivery->round))
		return begin_anew(delivery);
	if (delivery->at >= delivery->route.count)
		return route_exhausted(delivery);
	task->call.relay = delivery->route.relays[delivery->at];
	return check(delivery, task->call.relay);
}
