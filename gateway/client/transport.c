/* transport.c - a worker's turn, and what the other rooms call. */
#include "client/client.h"
#include "queue/runtime.h"

#include <stdlib.h>

void transport_enter(struct transport *transport)
{
	transport->depth++;
}

static void look_at_touched(struct transport *transport)
{
	while (transport->touched) {
		struct relay_queue *queue = transport->touched;
		transport->touched = queue->next_touched;
		queue->touched = false;
		relay_queue_look(queue);
	}
}

static void tell_ended(struct transport *transport)
{
	while (transport->ended.first) {
		struct attempt *attempt = attempts_shift(&transport->ended);
		attempt->done(attempt);
	}
}

static void reap(struct transport *transport)
{
	while (!LIST_EMPTY(&transport->closed_clients)) {
		struct client *client = LIST_FIRST(&transport->closed_clients);
		LIST_REMOVE(client, link);
		client_free(client);
	}
}

void transport_leave(struct transport *transport, bool from_loop)
{
	if (transport->depth > 1) {
		transport->depth--;
		return;
	}
	look_at_touched(transport);
	while (from_loop && transport->ended.first) {
		tell_ended(transport);
		look_at_touched(transport);
	}
	transport->depth--;
	reap(transport);
	if (transport->ended.first && !transport->turn_posted) {
		transport->turn_posted = true;
		worker_post(transport->worker, &transport->turn);
	}
}

static void turn(struct post *post)
{
	struct transport *transport = list_of(post, struct transport, turn);
	transport->turn_posted = false;
	if (transport->finished) {
		free(transport);
		return;
	}
	transport_enter(transport);
	transport_leave(transport, true);
}

/* --- the interface --- */

static struct transport *transport_of(struct worker *worker)
{
	return worker_get(worker, SLOT_TRANSPORT);
}

int transport_start(struct worker *worker)
{
	struct transport *transport;
	if (worker_number(worker) >= SLOT_WORKERS)
		return -1;
	transport = calloc(1, sizeof *transport);
	if (!transport)
		return -1;
	transport->worker = worker;
	transport->turn.run = turn;
	attempts_init(&transport->ended);
	LIST_INIT(&transport->closed_clients);
	str_map_init(&transport->groups);
	str_map_init(&transport->sts);
	worker_set(worker, SLOT_TRANSPORT, transport);
	return 0;
}

void transport_stop(struct worker *worker)
{
	struct transport *transport = transport_of(worker);
	struct relay_queue *queue;

	if (!transport)
		return;
	transport_enter(transport);
	transport->stopping = true;
	for (queue = transport->queues; queue; queue = queue->next) {
		while (!LIST_EMPTY(&queue->idle))
			client_quit(LIST_FIRST(&queue->idle));
		relay_queue_touch(queue);
	}
	transport_leave(transport, false);
}

void transport_finish(struct worker *worker)
{
	struct transport *transport = transport_of(worker);
	struct relay_queue *queue, *next;
	if (!transport)
		return;
	worker_set(worker, SLOT_TRANSPORT, NULL);
	timer_clear(&transport->sweep);
	sts_stop(transport);
	str_map_finish(&transport->sts);
	str_map_finish(&transport->groups);
	for (queue = transport->queues; queue; queue = queue->next)
		relay_queue_destroy(queue);
	reap(transport);
	for (queue = transport->queues; queue; queue = next) {
		next = queue->next;
		free(queue);
	}
	/* a post that is on its way runs when the worker is destroyed */
	transport->finished = true;
	if (!transport->turn_posted)
		free(transport);
}

void transport_send(struct attempt *attempt)
{
	struct transport *transport = transport_of(attempt->worker);
	struct relay_queue *queue = attempt->relay->mx ? NULL
				    : attempt->tap     ? mx_group_aside(transport, attempt->relay)
						       : relay_queue_of(transport, attempt->relay);

	attempt->host = attempt->capabilities = attempt->mechanisms = attempt->way = gw_str("");
	attempt->tls = (struct attempt_tls){ gw_str(""), gw_str(""), gw_str(""), gw_str("") };
	attempt->client = NULL;
	attempt->queue = NULL;
	attempt->mx = NULL;
	attempt->question.in = NULL;
	attempt->sts = attempt->sts_tested = NULL;
	attempt->sts_question.asking = NULL;
	attempt->retried = attempt->unserved = attempt->sent_back = attempt->down = false;
	attempt->began_at = attempt->ended_at = 0;
	attempt->queued_at = worker_now(transport->worker);
	transport_enter(transport);
	if (attempt->relay->mx)
		mx_group_ask(transport, attempt);
	else if (queue)
		relay_queue_append(queue, attempt);
	else
		attempt_fail(transport, attempt, "4.3.0", "out of memory");
	transport_leave(transport, false);
}

void transport_abandon(struct attempt *attempt)
{
	struct transport *transport = transport_of(attempt->worker);
	struct client *client = attempt->client;

	mx_group_forget(attempt);
	transport_enter(transport);
	if (client) {
		client_abandoned(client);
		client_detach(client);
		client_close(client);
	} else if (!attempts_remove(&transport->ended, attempt) && attempt->queue) {
		relay_queue_remove(attempt->queue, attempt);
	}
	transport_leave(transport, false);
}

struct load_call {
	void (*each)(void *arg, const struct relay_load *load);
	void *arg;
};

static void tell_load(void *arg, struct relay_shared *shared, const struct relay_now *now)
{
	struct load_call *call = arg;
	struct relay_load load = {
		.name = shared->name.ptr,
		.connections = now->connections,
		.idle = now->idle,
		.waiting = now->queued,
		.next_try = now->next_try,
		.groups = now->groups,
		.groups_down = now->groups_down,
		.groups_next_try = now->groups_next_try,
		.sent = atomic_load(&shared->sent),
		.failed = atomic_load(&shared->failed),
		.succeeded_at = atomic_load(&shared->succeeded_at),
		.failed_at = atomic_load(&shared->failed_at),
	};
	attempt_last_error(shared, load.error, sizeof(load.error));
	call->each(call->arg, &load);
}

void transport_each(void (*each)(void *arg, const struct relay_load *load), void *arg)
{
	struct load_call call = { each, arg };
	relay_shared_each(tell_load, &call);
}
