/* relay_check.c - may the relay be used now, before anything is done for it? */
#include "deliver/delivery_private.h"

#include "client/usable.h"
#include "queue/wait.h"

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

void delivery_wait_open(const struct gw_delivery *delivery)
{
	struct gw_str name = delivery->task.call.relay->name;
	if (!delivery->round) /* of a test of the relay: nothing waits */
		return;
	round_wait_on(delivery->round,
		      arena_printf(&delivery->message->arena, WAIT_OPEN "%.*s", GW_STR_ARGS(name)));
}

static void wait_for_relay(const struct gw_delivery *delivery, struct gw_str way)
{
	if (way.len)
		round_wait_on(delivery->round, way);
	else
		delivery_wait_open(delivery);
}

/* A closure ends for all at once. What waits for a link or for room is woken one after the other,
 * and does not come all at its time. */
static int64_t until_of(const struct relay_refusal *refusal)
{
	return refusal->reason == RELAY_CLOSED ? refusal->until : 0;
}

/* What waits for room waits in the queue, where it costs least, until the relay calls it back; and
 * what this machine cannot do it cannot do with the next relay either. */
static bool is_last(const struct relay_refusal *refusal)
{
	return refusal->reason == RELAY_CROWDED || refusal->reason == RELAY_SHORT;
}

static enum step check(struct gw_delivery *delivery, struct gw_relay *relay)
{
	struct gw_message *message = delivery->message;
	struct relay_refusal refusal;
	struct gw_str way;
	if (relay_is_usable_here(message->worker, relay, delivery->attempt.rcpts[0]->domain,
				 message->urgent, &refusal, &way))
		return STEP_ADMIT;
	wait_for_relay(delivery, way);
	relay_skipped(delivery, refusal.cause, until_of(&refusal),
		      arena_str(&message->arena, gw_str(refusal.why)));
	return is_last(&refusal) ? route_exhausted(delivery) : relay_left(delivery, refusal.cause);
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
