/* ticks.c - what happens on each loop once a second: it says that it turns, and the first worker's
 * runs the modules' tick. */
#include "daemon/daemon.h"

#include "supervisor/places.h"
#include "base/clock.h"
#include "base/list.h"
#include "client/relay_past.h"
#include "module/relay_status.h"
#include "module/chain.h"

#include <stdlib.h>

#define SECOND_MS 1000

#define KEEP_TICKS 60 /* so often it is kept what relays have done */

struct ticks {
	struct post begin;
	struct timer beat, tick;
	unsigned count;
};

static void tick(struct timer *timer)
{
	struct snapshot *snapshot = snapshot_current();
	struct arena arena;
	struct gw_call call;
	relay_status_tick(clock_wall());
	arena_init(&arena, 0);
	chain_init(&call, timer->worker, snapshot, &arena);
	chain_tell(&call, GW_HOOK_tick);
	chain_cancel(&call);
	arena_finish(&arena);
	snapshot_release(snapshot);
	if (++list_of(timer, struct ticks, tick)->count % KEEP_TICKS == 0)
		relay_past_save();
	timer_set(timer->worker, timer, SECOND_MS, tick);
}

static void beat(struct timer *timer)
{
	places_beat(worker_number(timer->worker));
	timer_set(timer->worker, timer, SECOND_MS, beat);
}

static void begin(struct post *post)
{
	struct worker *worker = worker_current();
	struct ticks *ticks = (struct ticks *)post;
	places_beat(worker_number(worker));
	timer_set(worker, &ticks->beat, SECOND_MS, beat);
	if (worker_number(worker) == 0)
		timer_set(worker, &ticks->tick, SECOND_MS, tick);
}

int ticks_create(struct worker *worker)
{
	struct ticks *ticks = calloc(1, sizeof(*ticks));
	if (!ticks)
		return -1;
	ticks->begin.run = begin;
	worker_set(worker, SLOT_TICKS, ticks);
	return 0;
}

static void begin_on(struct worker *worker)
{
	struct ticks *ticks = worker_get(worker, SLOT_TICKS);
	worker_post(worker, &ticks->begin);
}

void ticks_begin(void)
{
	for (unsigned i = 0; i < runtime.worker_count; i++)
		begin_on(runtime.workers[i]);
	begin_on(runtime.main);
}

void ticks_end(struct worker *worker)
{
	struct ticks *ticks = worker_get(worker, SLOT_TICKS);
	if (!ticks)
		return;
	timer_clear(&ticks->beat);
	timer_clear(&ticks->tick);
}

void ticks_destroy(struct worker *worker)
{
	ticks_end(worker);
	free(worker_get(worker, SLOT_TICKS));
	worker_set(worker, SLOT_TICKS, NULL);
}
