#include "module/on_worker_private.h"

#include "base/log.h"

#include <stdlib.h>

#define TIMERS_MOST 256
#define REPEAT_LEAST 10
#define TIMER_MOST (INT64_C(366) * 24 * 3600 * 1000)

struct module_timer {
	struct timer timer; /* first */
	struct module_timer *next;
	struct instance *instance;
	gw_timer number;
	int64_t repeat;
	void *arg;
};

static struct snapshot *all; /* that have room; main thread */

static bool wants_workers(const struct snapshot *snapshot)
{
	return !chain_empty(snapshot, GW_HOOK_worker_start) ||
	       !chain_empty(snapshot, GW_HOOK_worker_stop) ||
	       !chain_empty(snapshot, GW_HOOK_timer) || !chain_empty(snapshot, GW_HOOK_http) ||
	       !chain_empty(snapshot, GW_HOOK_dns) || !chain_empty(snapshot, GW_HOOK_kept);
}

bool on_worker_prepare(struct snapshot *snapshot)
{
	if (!wants_workers(snapshot))
		return true;
	struct on_worker *places = arena_alloc(&snapshot->arena, WORKERS_MOST * sizeof(*places));
	size_t size = snapshot->instance_count * sizeof(struct instance_part);
	char *parts = places ? arena_alloc(&snapshot->arena, WORKERS_MOST * size) : NULL;
	if (!parts)
		return false;
	for (size_t i = 0; i < WORKERS_MOST; i++)
		places[i].parts = (struct instance_part *)(void *)(parts + i * size);
	snapshot->on_workers = places;
	snapshot->next = all;
	all = snapshot;
	return true;
}

void on_worker_forget(struct snapshot *snapshot)
{
	struct snapshot **at = &all;

	while (*at && *at != snapshot)
		at = &(*at)->next;
	if (*at)
		*at = snapshot->next;
}

/* --- entering and leaving --- */

void on_worker_tell(struct worker *worker, struct instance *instance, enum gw_hook hook,
		    const void *argument, void *asked_with)
{
	struct arena arena;
	struct gw_call call;

	arena_init(&arena, 0);
	chain_init(&call, worker, instance->snapshot, &arena);
	call.argument = argument;
	call.asked_with = asked_with;
	chain_tell_one(&call, hook, instance);
	chain_cancel(&call);
	arena_finish(&arena);
}

static struct on_worker *place_on(const struct snapshot *snapshot, const struct worker *worker)
{
	unsigned number = worker ? worker_number(worker) : WORKERS_MOST;

	return snapshot->on_workers && number < WORKERS_MOST && worker_current() == worker
		       ? &snapshot->on_workers[number]
		       : NULL;
}

void on_worker_enter(struct worker *worker, struct snapshot *snapshot)
{
	struct on_worker *here = place_on(snapshot, worker);

	if (!here || atomic_load_explicit(&here->stay, memory_order_relaxed) != STAY_NOT_YET)
		return;
	here->worker = worker;
	atomic_store(&here->stay, STAY_IN);
	for (size_t i = 0; i < snapshot->chain_length[GW_HOOK_worker_start]; i++)
		on_worker_tell(worker, snapshot->chains[GW_HOOK_worker_start][i],
			       GW_HOOK_worker_start, NULL, NULL);
}

static void free_timer(struct instance_part *part, struct module_timer *timer)
{
	struct module_timer **at = &part->timers;

	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	part->timer_count--;
	timer_clear(&timer->timer);
	free(timer);
}

/* Nothing can be set or asked from here on, and none of it is left. */
static void leave(struct snapshot *snapshot, struct on_worker *here)
{
	if (atomic_exchange(&here->stay, STAY_OVER) != STAY_IN)
		return;
	for (size_t i = 0; i < snapshot->instance_count; i++) {
		while (here->parts[i].timers)
			free_timer(&here->parts[i], here->parts[i].timers);
		on_worker_http_stop(&here->parts[i]);
		on_worker_dns_stop(&here->parts[i]);
		on_worker_keep_stop(&here->parts[i]);
	}
	for (size_t i = snapshot->chain_length[GW_HOOK_worker_stop]; i-- > 0;)
		on_worker_tell(here->worker, snapshot->chains[GW_HOOK_worker_stop][i],
			       GW_HOOK_worker_stop, NULL, NULL);
}

void on_worker_leave_all(struct worker *worker)
{
	for (struct snapshot *snapshot = all; snapshot; snapshot = snapshot->next)
		leave(snapshot, &snapshot->on_workers[worker_number(worker)]);
}

static void leave_here(struct post *post)
{
	struct snapshot *snapshot = (struct snapshot *)(void *)((char *)post -
								offsetof(struct snapshot, post));

	leave(snapshot, &snapshot->on_workers[worker_number(worker_current())]);
	snapshot_release(snapshot);
}

bool on_worker_retire(struct snapshot *snapshot)
{
	for (size_t i = 0; snapshot->on_workers && i < WORKERS_MOST; i++) {
		if (atomic_load(&snapshot->on_workers[i].stay) != STAY_IN)
			continue;
		atomic_store(&snapshot->refs, 1);
		snapshot->post.run = leave_here;
		worker_post(snapshot->on_workers[i].worker, &snapshot->post);
		return true;
	}
	return false;
}

/* --- what an instance keeps there --- */

struct instance_part *on_worker_part(const struct gw_call *call, struct on_worker **here)
{
	*here = call->instance ? place_on(call->snapshot, call->worker) : NULL;
	return *here ? &(*here)->parts[call->instance - call->snapshot->instances] : NULL;
}

void *on_worker_data(struct gw_call *call)
{
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	return part ? part->data : NULL;
}

void on_worker_data_set(struct gw_call *call, void *data)
{
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	if (part && call->hook == GW_HOOK_worker_start)
		part->data = data;
}

/* --- timers --- */

bool on_worker_hold(struct snapshot *snapshot)
{
	unsigned refs = atomic_load(&snapshot->refs);

	while (refs > 0)
		if (atomic_compare_exchange_weak(&snapshot->refs, &refs, refs + 1))
			return true;
	return false;
}

/* The hook may clear the timer that it is told of, and set others: nothing of it is looked at
 * afterwards. */
static void fire(struct timer *event)
{
	struct module_timer *timer = (struct module_timer *)event;
	struct instance *instance = timer->instance;
	struct worker *worker = event->worker;
	struct snapshot *snapshot = instance->snapshot;
	void *arg = timer->arg;

	if (!on_worker_hold(snapshot))
		return;
	if (!timer->repeat || timer_set(worker, event, timer->repeat, fire) < 0)
		free_timer(&snapshot->on_workers[worker_number(worker)]
				    .parts[instance - snapshot->instances],
			   timer);
	on_worker_tell(worker, instance, GW_HOOK_timer, NULL, arg);
	snapshot_release(snapshot);
}

uint64_t on_worker_refuse(const struct gw_call *call, const char *service, const char *why)
{
	struct log_line *line = log_open(EVENT_MODULE_REFUSED);

	log_text(line, KEY_BY, call->instance ? call->instance->name : "nobody");
	log_text(line, KEY_SERVICE, service);
	log_text(line, KEY_REASON, why);
	log_close(line);
	return 0;
}

static gw_timer refuse(const struct gw_call *call, const char *why)
{
	return on_worker_refuse(call, "timer_set", why);
}

static struct module_timer *make_timer(struct on_worker *here, struct instance_part *part,
				       struct instance *instance)
{
	struct module_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->instance = instance;
	timer->number = ++here->last_timer;
	timer->next = part->timers;
	part->timers = timer;
	part->timer_count++;
	return timer;
}

gw_timer on_worker_timer_set(struct gw_call *call, int64_t ms, int64_t repeat_ms, void *arg)
{
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	if (!part || atomic_load(&here->stay) != STAY_IN || !call->instance->module->table.timer)
		return refuse(
			call,
			"timers are for the hooks that run on a worker, of a module that has the hook timer, before worker_stop");
	if (ms < 0 || ms > TIMER_MOST || repeat_ms < 0 || repeat_ms > TIMER_MOST ||
	    (repeat_ms && repeat_ms < REPEAT_LEAST))
		return refuse(call,
			      "a timer comes within a year, and is repeated every 10 ms at most");
	if (part->timer_count >= TIMERS_MOST)
		return refuse(call, "an instance has at most 256 timers on a worker");
	struct module_timer *timer = make_timer(here, part, call->instance);
	if (!timer)
		return 0;
	timer->repeat = repeat_ms;
	timer->arg = arg;
	if (timer_set(call->worker, &timer->timer, ms, fire) == 0)
		return timer->number;
	free_timer(part, timer);
	return 0;
}

int on_worker_timer_clear(struct gw_call *call, gw_timer number)
{
	struct on_worker *here;
	struct instance_part *part = on_worker_part(call, &here);

	for (struct module_timer *timer = part ? part->timers : NULL; timer; timer = timer->next) {
		if (timer->number != number)
			continue;
		free_timer(part, timer);
		return 0;
	}
	return -1;
}
