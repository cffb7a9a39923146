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

void visit_begin(struct visit *visit, struct instance *instance, enum gw_hook hook, uint64_t id)
{
	visit->place = (struct chain_place){ .instance = instance->name, .hook = hook, .id = id, .outer = here };
	visit->instance = instance;
	visit->began = now_ns();
	stand(&visit->place);
}

static int64_t leave(struct visit *visit)
{
	int64_t took = now_ns() - visit->began;

	stand(visit->place.outer);
	if (visit->place.hook < GW_HOOKS)
		atomic_fetch_add_explicit(&visit->instance->counters->hooks[visit->place.hook].microseconds, (uint64_t)took / 1000,
					  memory_order_relaxed);
	return took;
}

void visit_end_offloaded(struct visit *visit)
{
	leave(visit);
}

void visit_end(struct visit *visit)
{
	int64_t took = leave(visit);

	if (took <= SLOW_NS)
		return;
	struct log_line *line = log_open(LOG_WARN, "module-slow");
	log_text(line, "instance", visit->place.instance);
	log_text(line, "hook", hook_table[visit->place.hook].name);
	log_int(line, "ms", took / 1000000);
	if (visit->place.id)
		log_id(line, visit->place.id);
	log_text(line, "text", "it kept a worker's loop waiting; such work belongs in offload()");
	log_close(line);
}
