/* lane.c - who waits, who gets which connection, and when another one is opened. */
#include "deliver/client.h"
#include "queue/runtime.h"

#include <stdlib.h>

#define container(type, member, ptr) ((type *)((char *)(ptr) - offsetof(type, member)))

/* --- lists of attempts --- */

static void list_init(struct attempt_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_append(struct attempt_list *list, struct attempt *attempt)
{
	attempt->next = NULL;
	*list->last = attempt;
	list->last = &attempt->next;
}

static void list_prepend(struct attempt_list *list, struct attempt *attempt)
{
	attempt->next = list->first;
	list->first = attempt;
	if (!attempt->next)
		list->last = &attempt->next;
}

static struct attempt *list_shift(struct attempt_list *list)
{
	struct attempt *attempt = list->first;
	list->first = attempt->next;
	if (!list->first)
		list->last = &list->first;
	return attempt;
}

static bool list_remove(struct attempt_list *list, struct attempt *attempt)
{
	struct attempt **at = &list->first;
	while (*at && *at != attempt)
		at = &(*at)->next;
	if (!*at)
		return false;
	*at = attempt->next;
	if (!*at)
		list->last = at;
	return true;
}

/* --- attempts --- */

void attempt_settle(struct attempt *attempt, const struct outcome *outcome)
{
	struct outcome copy = { 0 };
	size_t i;
	outcome_reply(&copy, attempt->arena, outcome->status, outcome->stage, outcome->link, &outcome->reply, outcome->host);
	for (i = 0; i < attempt->count; i++)
		if (!attempt->outcomes[i].status)
			attempt->outcomes[i] = copy;
}

static bool delivered_any(const struct attempt *attempt)
{
	size_t i;
	for (i = 0; i < attempt->count; i++)
		if (attempt->outcomes[i].status == GW_DELIVERED)
			return true;
	return false;
}

void attempt_end(struct transport *transport, struct attempt *attempt)
{
	struct relay_shared *shared = relay_shared(attempt->relay);
	attempt->client = NULL;
	attempt->ended_at = worker_now(transport->worker);
	if (!attempt->began_at)
		attempt->began_at = attempt->ended_at;
	if (shared)
		atomic_fetch_add_explicit(delivered_any(attempt) ? &shared->sent : &shared->failed, 1, memory_order_relaxed);
	list_append(&transport->ended, attempt);
}

static void attempt_fail(struct transport *transport, struct attempt *attempt, bool link, const char *enhanced, const char *why)
{
	struct outcome outcome;
	outcome_set(&outcome, attempt->arena, GW_DEFERRED, STAGE_NONE, link, 0, enhanced, gw_str(why), gw_str(""));
	attempt_settle(attempt, &outcome);
	attempt_end(transport, attempt);
}

/* --- the lane --- */

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
		return;
	}
	transport = seat->lane->transport;
	transport_enter(transport);
	lane_touch(seat->lane);
	transport_leave(transport, true);
}

static void lane_retry(struct timer *timer)
{
	struct lane *lane = container(struct lane, retry, timer);
	transport_enter(lane->transport);
	lane_touch(lane);
	transport_leave(lane->transport, true);
}

static struct lane *lane_create(struct transport *transport, struct relay_shared *shared)
{
	struct lane *lane = calloc(1, sizeof *lane);
	if (!lane)
		return NULL;
	lane->transport = transport;
	lane->shared = shared;
	list_init(&lane->waiting);
	LIST_INIT(&lane->busy);
	LIST_INIT(&lane->idle);
	lane->seat = seat_take(shared, transport->worker, lane, lane_poked);
	lane->next = transport->lanes;
	transport->lanes = lane;
	return lane;
}

static struct lane *lane_of(struct transport *transport, struct gw_relay *relay)
{
	struct relay_shared *shared = relay_shared(relay);
	struct lane *lane = shared ? shared->seats[worker_number(transport->worker)].lane : NULL;
	return lane || !shared ? lane : lane_create(transport, shared);
}

static void enqueued(struct lane *lane, int64_t by)
{
	atomic_fetch_add_explicit(&lane->shared->queued, by, memory_order_relaxed);
	lane_touch(lane);
}

void lane_requeue(struct lane *lane, struct attempt *attempt)
{
	list_prepend(&lane->waiting, attempt);
	enqueued(lane, 1);
}

void lane_close_idle(struct lane *lane)
{
	while (!LIST_EMPTY(&lane->idle))
		client_close(LIST_FIRST(&lane->idle));
}

bool lane_can_wait(const struct lane *lane, const struct outcome *outcome)
{
	return lane->established > 0 && outcome->stage <= STAGE_TLS && !lane->transport->stopping;
}

void lane_fail(struct lane *lane, const struct outcome *outcome, unsigned generation)
{
	arena_finish(&lane->failure_words);
	arena_init(&lane->failure_words, 0);
	outcome_reply(&lane->failure, &lane->failure_words, outcome->status, outcome->stage, outcome->link, &outcome->reply, outcome->host);
	lane->failure_generation = generation;
	lane->failed_at = worker_now(lane->transport->worker);
	lane_touch(lane);
}

static bool failed_just_now(const struct lane *lane, const struct attempt *attempt)
{
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
	atomic_fetch_sub_explicit(&lane->shared->queued, 1, memory_order_relaxed);
	return list_shift(&lane->waiting);
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
	attempt_fail(lane->transport, attempt, false, "4.3.0", "out of memory");
}

/* An idle connection of an older configuration holds a slot that may be the last one. */
static bool take_slot(struct lane *lane, const struct attempt *attempt)
{
	if (slot_take(lane->seat, attempt->relay->connections))
		return true;
	if (LIST_EMPTY(&lane->idle))
		return false;
	client_close(LIST_FIRST(&lane->idle));
	return slot_take(lane->seat, attempt->relay->connections);
}

/* Gives the first that waits what it needs; false: there is nothing for it now. */
static bool serve(struct lane *lane)
{
	struct attempt *attempt = lane->waiting.first;
	struct client *idle;

	if (lane->transport->stopping) {
		attempt_fail(lane->transport, next_waiting(lane), false, "4.3.2", "the gateway is stopping");
		return true;
	}
	idle = take_idle(lane, attempt->snapshot->generation);
	if (idle) {
		client_carry(idle, next_waiting(lane));
		return true;
	}
	if (failed_just_now(lane, attempt)) {
		if (lane->established)
			return false;
		attempt_settle(attempt, &lane->failure);
		attempt_end(lane->transport, next_waiting(lane));
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

/* A failure that is waited out needs a reason to look again. */
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

/* --- turns --- */

void transport_enter(struct transport *transport)
{
	transport->depth++;
}

static void look_at_touched(struct transport *transport)
{
	while (transport->touched) {
		struct lane *lane = transport->touched;
		transport->touched = lane->next_touched;
		lane->touched = false;
		look(lane);
		seat_idle(lane->seat, !LIST_EMPTY(&lane->idle));
	}
}

static void tell_ended(struct transport *transport)
{
	while (transport->ended.first) {
		struct attempt *attempt = list_shift(&transport->ended);
		attempt->done(attempt);
	}
}

static void bury(struct transport *transport)
{
	while (!LIST_EMPTY(&transport->dead)) {
		struct client *client = LIST_FIRST(&transport->dead);
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
	bury(transport);
	if (transport->ended.first && !transport->turn_posted) {
		transport->turn_posted = true;
		worker_post(transport->worker, &transport->turn);
	}
}

static void turn(struct post *post)
{
	struct transport *transport = container(struct transport, turn, post);
	transport->turn_posted = false;
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
	list_init(&transport->ended);
	LIST_INIT(&transport->dead);
	worker_set(worker, SLOT_TRANSPORT, transport);
	return 0;
}

void transport_stop(struct worker *worker)
{
	struct transport *transport = transport_of(worker);
	struct lane *lane;

	transport_enter(transport);
	transport->stopping = true;
	for (lane = transport->lanes; lane; lane = lane->next) {
		while (!LIST_EMPTY(&lane->idle))
			client_quit(LIST_FIRST(&lane->idle));
		lane_touch(lane);
	}
	transport_leave(transport, false);
}

static void close_all(struct client_list *list)
{
	while (!LIST_EMPTY(list)) {
		client_detach(LIST_FIRST(list));
		client_close(LIST_FIRST(list));
	}
}

static void lane_destroy(struct lane *lane)
{
	close_all(&lane->busy);
	close_all(&lane->idle);
	seat_leave(lane->seat);
	timer_clear(&lane->retry);
	arena_finish(&lane->failure_words);
}

void transport_finish(struct worker *worker)
{
	struct transport *transport = transport_of(worker);
	struct lane *lane, *next;
	if (!transport)
		return;
	worker_set(worker, SLOT_TRANSPORT, NULL);
	for (lane = transport->lanes; lane; lane = lane->next)
		lane_destroy(lane);
	bury(transport);
	for (lane = transport->lanes; lane; lane = next) {
		next = lane->next;
		free(lane);
	}
	free(transport);
}

void transport_send(struct attempt *attempt)
{
	struct transport *transport = transport_of(attempt->worker);
	struct lane *lane = lane_of(transport, attempt->relay);

	attempt->client = NULL;
	attempt->retried = false;
	attempt->began_at = attempt->ended_at = 0;
	attempt->queued_at = worker_now(transport->worker);
	transport_enter(transport);
	if (lane) {
		list_append(&lane->waiting, attempt);
		enqueued(lane, 1);
	} else {
		attempt_fail(transport, attempt, false, "4.3.0", "out of memory");
	}
	transport_leave(transport, false);
}

void transport_abandon(struct attempt *attempt)
{
	struct transport *transport = transport_of(attempt->worker);
	struct client *client = attempt->client;
	struct lane *lane;

	transport_enter(transport);
	if (client) {
		client_detach(client);
		client_close(client);
	} else if (!list_remove(&transport->ended, attempt)) {
		lane = lane_of(transport, attempt->relay);
		if (lane && list_remove(&lane->waiting, attempt))
			enqueued(lane, -1);
	}
	transport_leave(transport, false);
}

struct load_call {
	void (*each)(void *arg, const struct relay_load *load);
	void *arg;
};

static void tell_load(void *arg, struct relay_shared *shared)
{
	struct load_call *call = arg;
	struct relay_load load = {
		.name = shared->name.ptr,
		.connections = atomic_load(&shared->connections),
		.idle = atomic_load(&shared->idle),
		.waiting = atomic_load(&shared->queued),
		.sent = atomic_load(&shared->sent),
		.failed = atomic_load(&shared->failed),
	};
	call->each(call->arg, &load);
}

void transport_each(void (*each)(void *arg, const struct relay_load *load), void *arg)
{
	struct load_call call = { each, arg };
	relay_shared_each(tell_load, &call);
}
