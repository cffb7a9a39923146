/* lane.c - who waits, who gets which connection, and when another one is opened. */
#include "deliver/client.h"
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

static void lane_up(struct lane *lane);

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

bool lane_is_down(const struct lane *lane)
{
	return lane->down_for && !lane->established;
}

bool lane_can_wait(const struct lane *lane, const struct outcome *outcome)
{
	return lane->established > 0 && outcome->stage <= STAGE_TLS && !lane->transport->stopping;
}

/* One of those that wait in the queue tries whether the relay is back. Where there is none, one may be on its way there; and the one may
 * go another way. */
static void lane_probe(struct timer *timer)
{
	struct lane *lane = container(struct lane, probe, timer);
	lane->probe_at = worker_now(lane->transport->worker); /* by the clock that others look at */
	bool any = queue_wake(lane->transport->worker, lane->name, 1) > 0;
	timer_set(lane->transport->worker, timer, any ? lane->down_for : LANE_FRESH, lane_probe);
}

static int64_t first_pause(const struct lane *lane)
{
	struct snapshot *snapshot = snapshot_current();
	int64_t pause = snapshot ? snapshot->settings.queue.retry_ms[0] : LANE_PROBE_MOST;
	snapshot_release(snapshot);
	return pause < 5000 ? pause : 5000;
}

/* What is wrong here is over all at once, and nobody else is spared by waiting for long. */
static int64_t longest_pause(const struct lane *lane)
{
	return lane->failure.local ? LANE_LOCAL_MOST : LANE_PROBE_MOST;
}

static void lane_down(struct lane *lane, unsigned generation)
{
	if (lane->established || lane->probe_at > worker_now(lane->transport->worker))
		return;
	lane->down_for = lane->down_for ? lane->down_for * 2 : first_pause(lane);
	if (lane->down_for > longest_pause(lane))
		lane->down_for = longest_pause(lane);
	lane->probe_at = worker_now(lane->transport->worker) + lane->down_for;
	seat_down(lane->seat, true);
	timer_set(lane->transport->worker, &lane->probe, lane->down_for, lane_probe);
}

/* Of another configuration nothing is known yet. */
void lane_begin_anew(struct lane *lane)
{
	if (!lane->down_for)
		return;
	lane->down_for = first_pause(lane) / 2; /* the next failure doubles it */
	lane->probe_at = worker_now(lane->transport->worker);
}

static void lane_recall(struct timer *timer);

/* Calls some of those that wait in the queue. They need not come: a module may have sent them another way by then, so there is a look at it
 * later too. */
static void call_back(struct lane *lane, size_t most)
{
	struct worker *worker = lane->transport->worker;
	if (lane->depth >= LANE_LOW || lane->transport->stopping || queue_wake(worker, lane->name, most) == 0)
		return;
	if (!timer_pending(&lane->probe))
		timer_set(worker, &lane->probe, LANE_FRESH, lane_recall);
}

static void lane_recall(struct timer *timer)
{
	struct lane *lane = container(struct lane, probe, timer);
	call_back(lane, LANE_LOW);
}

static void lane_up(struct lane *lane)
{
	lane->down_for = lane->probe_at = lane->failed_at = 0;
	timer_clear(&lane->probe);
	seat_down(lane->seat, false);
	call_back(lane, LANE_CALL);
}

/* The relay took or refused a message: it works. */
static bool heard_of(const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->count; i++)
		if (!attempt->outcomes[i].link && attempt->outcomes[i].stage > STAGE_AUTH)
			return true;
	return false;
}

void lane_ended(struct lane *lane, const struct attempt *attempt)
{
	lane->used_at = worker_now(lane->transport->worker);
	if (lane->down_for && heard_of(attempt)) {
		lane_up(lane);
		slot_poke_down(lane->seat);
	}
	if (!lane->down_for)
		call_back(lane, LANE_CALL);
}

void lane_fail(struct lane *lane, const struct outcome *outcome, unsigned generation)
{
	arena_finish(&lane->failure_words);
	arena_init(&lane->failure_words, 0);
	outcome_reply(&lane->failure, &lane->failure_words, outcome->status, outcome->stage, outcome->link, &outcome->reply, outcome->host);
	lane->failure.local = outcome->local;
	lane->failure_generation = generation;
	lane->failed_at = worker_now(lane->transport->worker);
	lane_down(lane, generation);
	lane_touch(lane);
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
	int64_t limit = board_connections(attempt->relay);
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
