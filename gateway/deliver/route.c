/* route.c - which relays may take each recipient, in which order: the route hook, or what leaves no
 * choice. */
#include "deliver/delivery_private.h"

static struct gw_relay *only_relay(const struct delivery_round *round, const struct gw_rcpt *rcpt)
{
	struct gw_str moved = message_note(round->message, gw_str("gateway.relay"));
	if (moved.len)
		return snapshot_relay(round->message->snapshot, moved);
	return rcpt->suspect ? snapshot_relay(round->message->snapshot, rcpt->relay) : NULL;
}

/* What an admin moved to a relay goes there; after an unknown outcome only the relay that may have
 * it already is asked again. */
static bool needs_no_route(struct delivery_round *round, struct rcpt_attempt *recipient)
{
	struct gw_relay *relay = only_relay(round, recipient->rcpt);
	if (!relay)
		return false;
	recipient->route.relays[0] = relay;
	recipient->route.count = 1;
	recipient->bound = recipient->rcpt->suspect;
	return true;
}

enum step step_route(struct task *task)
{
	struct delivery_round *round = round_of(task);
	for (; round->at < round->count; round->at++) {
		struct rcpt_attempt *recipient = &round->recipients[round->at];
		if (needs_no_route(round, recipient))
			continue;
		task->call.rcpt = recipient->rcpt;
		task->call.answer_to = &recipient->route;
		return STEP_ASK;
	}
	return STEP_SORT;
}

/* In the module's words where it gave some. */
static void not_routed(struct delivery_round *round, struct rcpt_attempt *recipient,
		       enum gw_status status, const char *enhanced, const char *words)
{
	const struct chain_answer *answer = &round->task.call.answer;
	outcome_set(&recipient->outcome, &round->message->arena, status, STAGE_MODULE, false,
		    answer->code, answer->enhanced[0] ? answer->enhanced : enhanced,
		    answer->text.len ? answer->text : gw_str(words), gw_str(NULL));
}

static void not_configured(struct delivery_round *round, struct rcpt_attempt *recipient,
			   const char *words)
{
	outcome_set(&recipient->outcome, &round->message->arena, GW_DEFERRED, STAGE_MODULE, false,
		    0, "4.3.5", gw_str(words), gw_str(NULL));
}

enum step step_route_answered(struct task *task)
{
	struct delivery_round *round = round_of(task);
	struct rcpt_attempt *recipient = &round->recipients[round->at++];
	switch (task->call.answer.verdict) {
	case GW_ACCEPT:
		if (!recipient->route.count)
			not_configured(round, recipient, "the route is empty");
		break;
	case GW_REJECT:
		not_routed(round, recipient, GW_BOUNCED, "5.7.1", "no route for this mail");
		break;
	case GW_CONTINUE:
		not_configured(round, recipient, "no module has a route for this mail");
		break;
	default:
		not_routed(round, recipient, GW_DEFERRED, "4.3.5", "the route is not known now");
	}
	return STEP_ROUTE;
}

/* Each of them ends in FINISH, and the last one goes on with the round. */
enum step step_sort(struct task *task)
{
	struct delivery_round *round = round_of(task);
	deliveries_create(round);
	for (struct gw_delivery *delivery = round->deliveries; delivery; delivery = delivery->next)
		task_continue(&delivery->task, STEP_CHECK_RELAY);
	return round->open ? STEP_WAITS : STEP_OUTCOMES;
}
