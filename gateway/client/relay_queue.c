/* relay_queue.c - who waits, who gets which connection, and when another one is opened. */
#include "client/client.h"
#include "module/relay_status.h"
#include "queue/queue.h"

#include <stdlib.h>

void relay_queue_touch(struct relay_queue *queue)
{
	if (queue->touched)
		return;
	queue->touched = true;
	queue->next_touched = queue->transport->touched;
	queue->transport->touched = queue;
}

static void relay_queue_notified(struct post *post)
{
	struct slot_holder *holder = list_of(post, struct slot_holder, post);
	struct transport *transport;

	atomic_store(&holder->posted, false);
	if (!holder->queue) { /* this worker has stopped: somebody else may want it */
		slot_notify_waiting(holder);
	} else {
		transport = holder->queue->transport;
		transport_enter(transport);
		/* another worker has heard of the relay */
		if (holder->queue->down_for && !slot_holder_is_down(holder))
			relay_queue_up(holder->queue);
		relay_queue_touch(holder->queue);
		transport_leave(transport, true);
	}
	mx_group_release(holder->shared); /* the notify's */
}

static void relay_queue_retry(struct timer *timer)
{
	struct relay_queue *queue = list_of(timer, struct relay_queue, retry);
	transport_enter(queue->transport);
	relay_queue_touch(queue);
	transport_leave(queue->transport, true);
}

struct relay_queue *relay_queue_create(struct transport *transport, struct relay_shared *shared)
{
	struct relay_queue *queue = calloc(1, sizeof *queue);
	if (!queue)
		return NULL;
	queue->transport = transport;
	queue->shared = shared;
	queue->name = shared->name;
	queue->used_at = worker_now(transport->worker);
	attempts_init(&queue->waiting);
	LIST_INIT(&queue->busy);
	LIST_INIT(&queue->idle);
	queue->holder = slot_holder_init(shared, transport->worker, queue, relay_queue_notified);
	queue->next = transport->queues;
	transport->queues = queue;
	return queue;
}

struct relay_queue *relay_queue_of(struct transport *transport, struct gw_relay *relay)
{
	struct relay_shared *shared = relay_shared(relay);
	struct relay_queue *queue = shared ? shared->holders[worker_number(transport->worker)].queue
					   : NULL;
	return queue || !shared ? queue : relay_queue_create(transport, shared);
}

static void enqueued(struct relay_queue *queue, int64_t by)
{
	queue->depth += (size_t)by;
	atomic_fetch_add_explicit(&queue->shared->queued, by, memory_order_relaxed);
	relay_queue_touch(queue);
}

void relay_queue_append(struct relay_queue *queue, struct attempt *attempt)
{
	attempt->queue = queue;
	queue->used_at = worker_now(queue->transport->worker);
	attempts_append(&queue->waiting, attempt);
	enqueued(queue, 1);
}

bool relay_queue_remove(struct relay_queue *queue, struct attempt *attempt)
{
	if (!attempts_remove(&queue->waiting, attempt))
		return false;
	enqueued(queue, -1);
	return true;
}

void relay_queue_requeue(struct relay_queue *queue, struct attempt *attempt)
{
	attempts_prepend(&queue->waiting, attempt);
	enqueued(queue, 1);
}

void relay_queue_close_idle(struct relay_queue *queue)
{
	while (!LIST_EMPTY(&queue->idle))
		client_close(LIST_FIRST(&queue->idle));
}

/* An admin who asks for an attempt gets one. */
static bool failed_just_now(const struct relay_queue *queue, const struct attempt *attempt)
{
	if (attempt->urgent)
		return false;
	return queue->failed_at && queue->failure_generation == attempt->snapshot->generation &&
	       worker_now(queue->transport->worker) - queue->failed_at < RELAY_QUEUE_FRESH;
}

/* The connection used last is the one most likely alive. One opened for an older configuration is
 * not used again. */
static struct client *take_idle(struct relay_queue *queue, unsigned generation)
{
	struct client *client, *next;
	for (client = LIST_FIRST(&queue->idle); client; client = next) {
		next = LIST_NEXT(client, link);
		if (client->generation == generation)
			return client;
		if ((int)(generation - client->generation) > 0)
			client_quit(client);
	}
	return NULL;
}

static struct attempt *next_waiting(struct relay_queue *queue)
{
	queue->depth--;
	atomic_fetch_sub_explicit(&queue->shared->queued, 1, memory_order_relaxed);
	return attempts_shift(&queue->waiting);
}

static void open_client(struct relay_queue *queue)
{
	struct attempt *attempt = next_waiting(queue);
	struct client *client = client_create(queue, attempt);
	if (client) {
		client_open(client);
		return;
	}
	slot_give_back(queue->holder);
	attempt_fail(queue->transport, attempt, "4.3.0", "out of memory");
}

/* An idle connection of an older configuration holds a slot that may be the last one. */
static bool take_slot(struct relay_queue *queue, const struct attempt *attempt)
{
	int64_t limit = relay_queue_connections(queue, attempt->relay);
	if (slot_take(queue->holder, limit))
		return true;
	if (LIST_EMPTY(&queue->idle))
		return false;
	client_close(LIST_FIRST(&queue->idle));
	return slot_take(queue->holder, limit);
}

/* Gives the first that waits what it needs; false: there is nothing for it now. */
static bool serve(struct relay_queue *queue)
{
	struct attempt *attempt = queue->waiting.first;
	struct client *idle;

	if (queue->transport->stopping) {
		attempt_fail(queue->transport, next_waiting(queue), "4.3.2",
			     "the gateway is stopping");
		return true;
	}
	if (relay_queue_is_no_way(queue, attempt)) {
		attempt_unserved(queue->transport, next_waiting(queue));
		return true;
	}
	idle = take_idle(queue, attempt->snapshot->generation);
	if (idle) {
		client_carry(idle, next_waiting(queue));
		return true;
	}
	if (failed_just_now(queue, attempt)) {
		if (!relay_queue_waits_for_probe(queue))
			return false;
		attempt_unserved(queue->transport, next_waiting(queue));
		return true;
	}
	if (!take_slot(queue, attempt))
		return false;
	open_client(queue);
	return true;
}

static void serve_all(struct relay_queue *queue)
{
	while (queue->waiting.first && serve(queue))
		;
}

/* The relay works over other links: a failure that is waited out needs a reason to look again. */
static void wait_out(struct relay_queue *queue)
{
	if (failed_just_now(queue, queue->waiting.first) && !timer_pending(&queue->retry))
		timer_set(queue->transport->worker, &queue->retry, RELAY_QUEUE_FRESH,
			  relay_queue_retry);
}

static void look(struct relay_queue *queue)
{
	serve_all(queue);
	if (queue->waiting.first) {
		slot_holder_wait(queue->holder, true);
		serve_all(queue); /* a slot given back before we said so was told to nobody */
	}
	if (queue->waiting.first) {
		wait_out(queue);
		slot_notify_idling(queue->holder);
		return;
	}
	slot_holder_wait(queue->holder, false);
	if (!slot_others_wait(queue->holder))
		return;
	/* A notify meant one slot; what is not needed here is passed on, and an idle connection
	 * gives way. */
	if (!LIST_EMPTY(&queue->idle) && queue->quitting == 0)
		client_quit(LIST_FIRST(&queue->idle));
	slot_notify_waiting(queue->holder);
}

void relay_queue_look(struct relay_queue *queue)
{
	look(queue);
	slot_holder_idle(queue->holder, !LIST_EMPTY(&queue->idle));
}

static void close_all(struct client_list *list)
{
	while (!LIST_EMPTY(list)) {
		client_detach(LIST_FIRST(list));
		client_close(LIST_FIRST(list));
	}
}

void relay_queue_destroy(struct relay_queue *queue)
{
	close_all(&queue->busy);
	close_all(&queue->idle);
	slot_holder_leave(queue->holder);
	timer_clear(&queue->retry);
	timer_clear(&queue->probe);
	arena_finish(&queue->failure_words);
	mx_group_release(queue->shared);
}
