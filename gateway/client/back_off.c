/* back_off.c - what a lane knows of its relay: whether it can be reached, when it is tried again, how many links it wants. */
#include "client/client.h"
#include "module/board.h"
#include "queue/queue.h"

#define container(type, member, ptr) ((type *)((char *)(ptr) - offsetof(type, member)))

/* --- links --- */

void lane_link(struct lane *lane, int by)
{
	lane->established += (unsigned)by;
	atomic_fetch_add(&lane->shared->established, by);
}

/* Of any worker. */
static bool has_link(const struct lane *lane)
{
	return atomic_load(&lane->shared->established) > 0;
}

bool lane_is_down(const struct lane *lane)
{
	return lane->down_for && !has_link(lane);
}

bool lane_waits_for_probe(const struct lane *lane)
{
	return lane_is_down(lane) && (lane->probe_at > worker_now(lane->transport->worker) || !LIST_EMPTY(&lane->busy));
}

/* It turned this link away while it works over others: it wants no more of them for a while. */
static void note_crowd(struct lane *lane, const struct outcome *outcome)
{
	if (outcome->reply.code / 100 != 4 || outcome->stage > STAGE_EHLO)
		return;
	atomic_store(&lane->shared->crowd, atomic_load(&lane->shared->established));
	atomic_store(&lane->shared->crowded_until, worker_now(lane->transport->worker) + LANE_CROWDED);
}

bool lane_can_wait(struct lane *lane, const struct outcome *outcome)
{
	if (!has_link(lane) || outcome->stage > STAGE_TLS || lane->transport->stopping)
		return false;
	note_crowd(lane, outcome);
	return true;
}

int64_t lane_connections(const struct lane *lane, struct gw_relay *relay)
{
	int64_t limit = board_connections(relay), crowd = atomic_load_explicit(&lane->shared->crowd, memory_order_relaxed);
	if (!crowd || crowd >= limit || atomic_load(&lane->shared->crowded_until) <= worker_now(lane->transport->worker))
		return limit;
	return crowd;
}

/* --- down and up --- */

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

static void lane_down(struct lane *lane)
{
	struct worker *worker = lane->transport->worker;
	if (has_link(lane) || lane->probe_at > worker_now(worker))
		return;
	lane->down_for = lane->down_for ? lane->down_for * 2 : first_pause(lane);
	if (lane->down_for > longest_pause(lane))
		lane->down_for = longest_pause(lane);
	lane->probe_at = worker_now(worker) + lane->down_for;
	seat_down(lane->seat, worker_wall(worker) + lane->down_for);
	timer_set(worker, &lane->probe, lane->down_for, lane_probe);
}

/* Of another configuration nothing is known yet. */
void lane_begin_anew(struct lane *lane)
{
	if (!lane->down_for)
		return;
	lane->down_for = (first_pause(lane) + 1) / 2; /* the next failure doubles it */
	lane->probe_at = worker_now(lane->transport->worker);
	seat_down(lane->seat, worker_wall(lane->transport->worker));
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

void lane_up(struct lane *lane)
{
	lane->down_for = lane->probe_at = lane->failed_at = 0;
	timer_clear(&lane->probe);
	seat_down(lane->seat, 0);
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
	if (heard_of(attempt)) {
		if (lane->down_for)
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
	lane_down(lane);
	lane_touch(lane);
}
