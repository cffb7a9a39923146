/* lane.c - who waits, who gets which connection, and when another one is opened. */
#include "client/client.h"
#include "module/board.h"
#include "queue/queue.h"

#include <stdlib.h>

#define container(type, member, ptr) ((type *)((char *)(ptr) - offsetof(type, member)))

void lane_touch(struct lane *lane)
{
	if (lane->touched)
		return;
	lane->touched = true;
	lane->next_touched = lane->transport->touched;
	lane->transport->touched = lane;
}

static void lane_poked(struct post *post)
{
	struct seat *seat = container(struct seat, post, post);
	struct transport *transport;

	atomic_store(&seat->posted, false);
	if (!seat->lane) { /* this worker has stopped: somebody else may want it */
		slot_poke_waiting(seat);
	} else {
		transport = seat->lane->transport;
		transport_enter(transport);
		if (seat->lane->down_for && !seat_is_down(seat)) /* another worker has heard of the relay */
			lane_up(seat->lane);
		lane_touch(seat->lane);
		transport_leave(transport, true);
	}
	site_release(seat->shared); /* the poke's */
}

static void lane_retry(struct timer *timer)
{
	struct lane *lane = container(struct lane, retry, timer);
	transport_enter(lane->transport);
	lane_touch(lane);
	transport_leave(lane->transport, true);
}

struct lane *lane_create(struct transport *transport, struct relay_shared *shared)
{
	struct lane *lane = calloc(1, sizeof *lane);
	if (!lane)
		return NULL;
	lane->transport = transport;
	lane->shared = shared;
	lane->name = shared->name;
	lane->used_at = worker_now(transport->worker);
	attempts_init(&lane->waiting);
	LIST_INIT(&lane->busy);
	LIST_INIT(&lane->idle);
	lane->seat = seat_take(shared, transport->worker, lane, lane_poked);
	lane->next = transport->lanes;
	transport->lanes = lane;
	return lane;
}

struct lane *lane_of(struct transport *transport, struct gw_relay *relay)
{
	struct relay_shared *shared = relay_shared(relay);
	struct lane *lane = shared ? shared->seats[worker_number(transport->worker)].lane : NULL;
	return lane || !shared ? lane : lane_create(transport, shared);
}

static void enqueued(struct lane *lane, int64_t by)
{
	lane->depth += (size_t)by;
	atomic_fetch_add_explicit(&lane->shared->queued, by, memory_order_relaxed);
	lane_touch(lane);
}

void lane_append(struct lane *lane, struct attempt *attempt)
{
	attempt->lane = lane;
	lane->used_at = worker_now(lane->transport->worker);
	attempts_append(&lane->waiting, attempt);
	enqueued(lane, 1);
}

bool lane_remove(struct lane *lane, struct attempt *attempt)
{
	if (!attempts_remove(&lane->waiting, attempt))
		return false;
	enqueued(lane, -1);
	return true;
}

void lane_requeue(struct lane *lane, struct attempt *attempt)
{
	attempts_prepend(&lane->waiting, attempt);
	enqueued(lane, 1);
}

void lane_close_idle(struct lane *lane)
{
	while (!LIST_EMPTY(&lane->idle))
		client_close(LIST_FIRST(&lane->idle));
}

/* An admin who asks for an attempt gets one. */
static bool failed_just_now(const struct lane *lane, const struct attempt *attempt)
{
	if (attempt->urgent)
		return false;
	return lane->failed_at && lane->failure_generation == attempt->snapshot->generation &&
	       worker_now(lane->transport->worker) - lane->failed_at < LANE_FRESH;
}

/* The connection used last is the one most likely alive. One opened for an older configuration is not used again. */
static struct client *take_idle(struct lane *lane, unsigned generation)
{
	struct client *client, *next;
	for (client = LIST_FIRST(&lane->idle); client; client = next) {
		next = LIST_NEXT(client, link);
		if (client->generation == generation)
			return client;
		if ((int)(generation - client->generation) > 0)
			client_quit(client);
	}
	return NULL;
}

static struct attempt *next_waiting(struct lane *lane)
{
	lane->depth--;
	atomic_fetch_sub_explicit(&lane->shared->queued, 1, memory_order_relaxed);
	return attempts_shift(&lane->waiting);
}

static void open_client(struct lane *lane)
{
	struct attempt *attempt = next_waiting(lane);
	struct client *client = client_create(lane, attempt);
	if (client) {
		client_open(client);
		return;
	}
	slot_give_back(lane->seat);
	attempt_fail(lane->transport, attempt, "4.3.0", "out of memory");
}

/* An idle connection of an older configuration holds a slot that may be the last one. */
static bool take_slot(struct lane *lane, const struct attempt *attempt)
{
	int64_t limit = lane_connections(lane, attempt->relay);
	if (slot_take(lane->seat, limit))
		return true;
	if (LIST_EMPTY(&lane->idle))
		return false;
	client_close(LIST_FIRST(&lane->idle));
	return slot_take(lane->seat, limit);
}

/* Gives the first that waits what it needs; false: there is nothing for it now. */
static bool serve(struct lane *lane)
{
	struct attempt *attempt = lane->waiting.first;
	struct client *idle;

	if (lane->transport->stopping) {
		attempt_fail(lane->transport, next_waiting(lane), "4.3.2", "the gateway is stopping");
		return true;
	}
	if (lane_is_no_way(lane, attempt)) {
		attempt_unserved(lane->transport, next_waiting(lane));
		return true;
	}
	idle = take_idle(lane, attempt->snapshot->generation);
	if (idle) {
		client_carry(idle, next_waiting(lane));
		return true;
	}
	if (failed_just_now(lane, attempt)) {
		if (!lane_waits_for_probe(lane))
			return false;
		attempt_unserved(lane->transport, next_waiting(lane));
		return true;
	}
	if (!take_slot(lane, attempt))
		return false;
	open_client(lane);
	return true;
}

static void serve_all(struct lane *lane)
{
	while (lane->waiting.first && serve(lane))
		;
}

/* The relay works over other links: a failure that is waited out needs a reason to look again. */
static void wait_out(struct lane *lane)
{
	if (failed_just_now(lane, lane->waiting.first) && !timer_pending(&lane->retry))
		timer_set(lane->transport->worker, &lane->retry, LANE_FRESH, lane_retry);
}

static void look(struct lane *lane)
{
	serve_all(lane);
	if (lane->waiting.first) {
		seat_wait(lane->seat, true);
		serve_all(lane); /* a slot given back before we said so was told to nobody */
	}
	if (lane->waiting.first) {
		wait_out(lane);
		slot_poke_idling(lane->seat);
		return;
	}
	seat_wait(lane->seat, false);
	if (!slot_others_wait(lane->seat))
		return;
	/* A poke meant one slot; what is not needed here is passed on, and an idle connection gives way. */
	if (!LIST_EMPTY(&lane->idle) && lane->quitting == 0)
		client_quit(LIST_FIRST(&lane->idle));
	slot_poke_waiting(lane->seat);
}

void lane_look(struct lane *lane)
{
	look(lane);
	seat_idle(lane->seat, !LIST_EMPTY(&lane->idle));
}

static void close_all(struct client_list *list)
{
	while (!LIST_EMPTY(list)) {
		client_detach(LIST_FIRST(list));
		client_close(LIST_FIRST(list));
	}
}

void lane_destroy(struct lane *lane)
{
	close_all(&lane->busy);
	close_all(&lane->idle);
	seat_leave(lane->seat);
	timer_clear(&lane->retry);
	timer_clear(&lane->probe);
	arena_finish(&lane->failure_words);
	site_release(lane->shared);
}
