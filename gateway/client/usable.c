/* usable.c - may this relay be used now? */
#include "client/usable.h"

#include "client/client.h"
#include "queue/runtime.h"

static bool refuse_unreached(const struct relay_queue *queue, struct relay_refusal *refusal)
{
	const struct outcome *failure = &queue->failure;
	*refusal = (struct relay_refusal){
		.reason = failure->local == LOCAL_SHORT ? RELAY_SHORT : RELAY_UNREACHABLE,
		.cause = GW_CAUSE_FAILURE,
		.until = atomic_load(&queue->holder->down),
	};
	snprintf(refusal->why, sizeof(refusal->why), "%s: %.*s",
		 failure->local ? "this machine cannot try it now" : "the relay is down",
		 GW_STR_ARGS(failure->reply.text));
	return false;
}

static bool refuse_crowded(struct relay_refusal *refusal)
{
	*refusal = (struct relay_refusal){ .reason = RELAY_CROWDED,
					   .cause = GW_CAUSE_RATE,
					   .why = "the relay has as much as it can take" };
	return false;
}

/* While a probe is on its way the relay is still down for everybody else. */
static bool has_room(const struct relay_queue *queue, struct relay_refusal *refusal)
{
	if (relay_queue_waits_for_probe(queue) || (relay_queue_is_down(queue) && queue->depth))
		return refuse_unreached(queue, refusal);
	return queue->depth < RELAY_QUEUE_DEEP || refuse_crowded(refusal);
}

bool relay_is_usable_here(struct worker *worker, struct gw_relay *relay, struct gw_str domain,
			  bool urgent, struct relay_refusal *refusal, struct gw_str *way)
{
	struct transport *transport = worker_get(worker, SLOT_TRANSPORT);
	struct relay_queue *queue;
	*way = gw_str("");
	if (!relay_status_is_open(relay, worker_wall(worker), urgent, refusal))
		return false;
	if (urgent || !relay->hosts.count || transport->stopping)
		return true;
	queue = relay->mx ? mx_group_known(transport, relay, domain)
			  : relay_queue_of(transport, relay);
	if (!queue)
		return true;
	*way = queue->name;
	return has_room(queue, refusal);
}

bool relay_is_usable(struct gw_relay *relay, int64_t now, struct relay_refusal *refusal)
{
	if (!relay_status_is_open(relay, now, false, refusal))
		return false;
	struct relay_shared *shared = relay_shared(relay);
	int64_t next = shared ? relay_shared_next_try(shared) : 0;
	if (!next)
		return true;
	*refusal = (struct relay_refusal){ .reason = RELAY_UNREACHABLE,
					   .cause = GW_CAUSE_FAILURE,
					   .until = next };
	attempt_last_error(shared, refusal->why, sizeof(refusal->why));
	return false;
}
