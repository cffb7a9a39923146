/* anew.c - what stands in a relay queue and is not in the air goes by its route anew: the relay was
 * closed, an admin moved the message, or there is another configuration. */
#include "client/client.h"
#include "module/relay_status.h"
#include "queue/runtime.h"

#include <stdlib.h>

/* A limit closes a relay for what comes, not for what it counted already. */
static bool is_closed(const struct relay_queue *queue, const struct attempt *attempt)
{
	struct relay_refusal closure;
	if (!relay_status_closed(attempt->relay, worker_wall(queue->transport->worker), &closure))
		return false;
	return closure.cause == GW_CAUSE_OFF ||
	       (closure.cause == GW_CAUSE_FAILURE && !attempt->urgent);
}

bool relay_queue_is_no_way(const struct relay_queue *queue, const struct attempt *attempt)
{
	if (attempt->tap) /* it looks at this relay as it was asked to */
		return false;
	return attempt->sent_back || snapshot_is_outdated(attempt->snapshot) ||
	       is_closed(queue, attempt);
}

void relay_queue_send_back(struct relay_queue *queue)
{
	for (struct attempt *attempt = queue->waiting.first, *next; attempt; attempt = next) {
		next = attempt->next;
		if (relay_queue_is_no_way(queue, attempt) && relay_queue_remove(queue, attempt))
			attempt_unserved(queue->transport, attempt);
	}
}

void transport_send_back(struct attempt *attempt)
{
	struct transport *transport = worker_get(attempt->worker, SLOT_TRANSPORT);
	/* while its domain is looked up it waits in no relay queue yet */
	attempt->sent_back = true;
	if (attempt->client || !attempt->queue)
		return;
	transport_enter(transport);
	if (relay_queue_remove(attempt->queue, attempt))
		attempt_unserved(transport, attempt);
	transport_leave(transport, false);
}

/* --- on all workers --- */

struct look_again {
	struct post post; /* first */
	struct worker *worker;
};

static void look_again(struct post *post)
{
	struct look_again *again = (struct look_again *)post;
	struct transport *transport = worker_get(again->worker, SLOT_TRANSPORT);
	struct snapshot *snapshot = snapshot_current();
	free(again);
	if (transport) {
		transport_enter(transport);
		for (struct relay_queue *queue = transport->queues; queue; queue = queue->next) {
			if (snapshot && queue->failure_generation != snapshot->generation)
				relay_queue_begin_anew(queue);
			relay_queue_send_back(queue);
			relay_queue_touch(queue);
		}
		transport_leave(transport, true);
	}
	snapshot_release(snapshot);
}

/* Without memory each comes back when its turn comes. */
void transport_look_again(void)
{
	for (unsigned i = 0; i < runtime.worker_count && !atomic_load(&runtime.stopping); i++) {
		struct look_again *again = calloc(1, sizeof(*again));
		if (!again)
			return;
		*again = (struct look_again){ .post.run = look_again,
					      .worker = runtime.workers[i] };
		worker_post(again->worker, &again->post);
	}
}
