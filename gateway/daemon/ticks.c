/* ticks.c - what happens from time to time: the modules' tick once a second, and the word to the
 * supervisor that the loops turn. */
#include "daemon/daemon.h"

#include "supervisor/hang.h"
#include "supervisor/channel.h"
#include "supervisor/places.h"
#include "supervisor/supervisor.h"
#include "base/clock.h"
#include "module/relay_status.h"
#include "module/chain.h"

#include <stdlib.h>

static struct timer tick_timer;

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
	timer_set(timer->worker, timer, 1000, tick);
}

static void begin(struct post *post)
{
	timer_set(runtime.workers[0], &tick_timer, 1000, tick);
}

void ticks_begin(void)
{
	static struct post post = { .run = begin };
	worker_post(runtime.workers[0], &post);
}

/* --- beats: each loop says that it turns --- */

#define BEAT_MS 1000

struct beat {
	struct post post;
	struct timer timer;
};
static struct beat *beats; /* one for each worker */
static struct timer main_beat;

static void beat(struct timer *timer)
{
	places_beat(worker_number(timer->worker));
	timer_set(timer->worker, timer, BEAT_MS, beat);
}

static void begin_beat(struct post *post)
{
	places_beat(worker_number(worker_current()));
	timer_set(worker_current(), &((struct beat *)post)->timer, BEAT_MS, beat);
}

static void beats_begin(void)
{
	beats = calloc(runtime.worker_count, sizeof(*beats));
	for (unsigned i = 0; beats && i < runtime.worker_count; i++) {
		beats[i].post.run = begin_beat;
		worker_post(runtime.workers[i], &beats[i].post);
	}
	places_beat(HANG_MAIN);
	timer_set(runtime.main, &main_beat, BEAT_MS, beat);
}

void ticks_end(struct worker *worker)
{
	if (worker_number(worker) == 0)
		timer_clear(&tick_timer);
	if (beats)
		timer_clear(&beats[worker_number(worker)].timer);
}

/* --- alive --- */

static struct timer alive_timer;
static struct post *calls;      /* one for each worker */
static _Atomic unsigned turned; /* workers that answered */

static void answer(struct post *post)
{
	atomic_fetch_add(&turned, 1);
}

/* A call is only given again when its worker took it: one that hangs is what the service manager
 * has to hear of, by silence. */
static void call_all(struct timer *timer)
{
	if (atomic_load(&turned) == runtime.worker_count) {
		channel_say(CHANNEL_ALIVE);
		atomic_store(&turned, 0);
		for (unsigned i = 0; i < runtime.worker_count; i++) {
			calls[i].run = answer;
			worker_post(runtime.workers[i], &calls[i]);
		}
	}
	timer_set(runtime.main, timer, supervisor_watchdog(), call_all);
}

void alive_begin(void)
{
	beats_begin();
	calls = supervisor_watchdog() ? calloc(runtime.worker_count, sizeof(*calls)) : NULL;
	if (!calls)
		return;
	atomic_store(&turned, runtime.worker_count);
	call_all(&alive_timer);
}

void alive_end(void)
{
	timer_clear(&main_beat);
	free(beats);
	timer_clear(&alive_timer);
	free(calls);
}
