#include "module/chain_private.h"

#include "base/log.h"
#include "mail/message.h"

#include <time.h>

#define SLOW_NS (100 * 1000 * 1000)

static void (*watcher)(const struct chain_place *place);
static _Thread_local const struct chain_place *here;

void chain_set_watch(void (*watch)(const struct chain_place *place))
{
	watcher = watch;
}

uint64_t call_id(const struct gw_call *call)
{
	return call->message ? call->message->id : 0;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void stand(const struct chain_place *place)
{
	here = place;
	if (watcher)
		watcher(place);
}

void call_guard_begin(struct call_guard *guard, struct instance *instance, enum gw_hook hook,
		      uint64_t id)
{
	guard->place = (struct chain_place){
		.instance = instance->name, .hook = hook, .id = id, .outer = here
	};
	guard->instance = instance;
	guard->began = now_ns();
	stand(&guard->place);
}

static int64_t leave(struct call_guard *guard)
{
	int64_t took = now_ns() - guard->began;

	stand(guard->place.outer);
	if (guard->place.hook < GW_HOOKS)
		atomic_fetch_add_explicit(
			&guard->instance->counters->hooks[guard->place.hook].microseconds,
			(uint64_t)took / 1000, memory_order_relaxed);
	return took;
}

void call_guard_end_offloaded(struct call_guard *guard)
{
	leave(guard);
}

void call_guard_end(struct call_guard *guard)
{
	int64_t took = leave(guard);

	if (took <= SLOW_NS)
		return;
	struct log_line *line = log_open(EVENT_MODULE_SLOW);
	log_text(line, KEY_BY, guard->place.instance);
	log_text(line, KEY_HOOK, hook_table[guard->place.hook].name);
	log_int(line, KEY_MS, took / 1000000);
	if (guard->place.id)
		log_id(line, guard->place.id);
	log_text(line, KEY_TEXT, "it kept a worker's loop waiting; such work belongs in offload()");
	log_close(line);
}
