/* on_worker.c - the one worker of a kit: what the instance keeps there, and its timers, by the
 * kit's clock. */
#include "kit.h"

#define TIMERS_MOST 256
#define REPEAT_LEAST 10
#define TIMER_MOST ((int64_t)366 * 24 * 3600 * 1000)

void *service_worker_data(struct gw_call *call)
{
	return kit_refused(call, "worker_data", EVERY & ~ELSEWHERE) ? NULL : call->kit->worker_data;
}

void service_worker_data_set(struct gw_call *call, void *data)
{
	if (!kit_refused(call, "worker_data_set", ON(worker_start)))
		call->kit->worker_data = data;
}

gw_timer service_timer_set(struct gw_call *call, int64_t ms, int64_t repeat_ms, void *arg)
{
	struct testkit *kit = call->kit;
	struct kit_timer *timer;

	if (kit_refused(call, "timer_set", EVERY & ~(ELSEWHERE | ON(worker_stop))) ||
	    kit_fails(kit, "timer_set"))
		return 0;
	if (!kit->module.timer || ms < 0 || ms > TIMER_MOST || repeat_ms < 0 ||
	    repeat_ms > TIMER_MOST || (repeat_ms && repeat_ms < REPEAT_LEAST) ||
	    testkit_timers(kit) >= TIMERS_MOST) {
		kit_tell(kit, TESTKIT_LOG, "warning timer_set() refused");
		return 0;
	}
	timer = kit_alloc(kit, sizeof *timer);
	*timer = (struct kit_timer){ kit->timers, ++kit->last_timer, kit->time + ms, repeat_ms,
				     arg };
	kit->timers = timer;
	return timer->number;
}

static bool unlink_timer(struct testkit *kit, gw_timer number)
{
	struct kit_timer **at;

	for (at = &kit->timers; *at && (*at)->number != number; at = &(*at)->next)
		;
	if (!*at)
		return false;
	*at = (*at)->next;
	return true;
}

int service_timer_clear(struct gw_call *call, gw_timer number)
{
	return !kit_elsewhere(call->kit, "timer_clear") && unlink_timer(call->kit, number) ? 0 : -1;
}

size_t testkit_timers(struct testkit *kit)
{
	const struct kit_timer *timer;
	size_t count = 0;

	for (timer = kit->timers; timer; timer = timer->next)
		count++;
	return count;
}

/* The earliest up to that time; of several, the one that was set first. */
static struct kit_timer *first_due(const struct testkit *kit, int64_t until)
{
	struct kit_timer *timer, *first = NULL;

	for (timer = kit->timers; timer; timer = timer->next)
		if (timer->when <= until &&
		    (!first || timer->when < first->when ||
		     (timer->when == first->when && timer->number < first->number)))
			first = timer;
	return first;
}

/* Each at its own time, so that now() says it; what they set counts too. */
void timers_run(struct testkit *kit, int64_t until)
{
	struct kit_timer *timer;

	while ((timer = first_due(kit, until)) != NULL) {
		kit->time = timer->when > kit->time ? timer->when : kit->time;
		if (timer->repeat)
			timer->when += timer->repeat;
		else
			unlink_timer(kit, timer->number);
		testkit_run_timer(kit, timer->arg);
	}
	kit->time = until;
}

void worker_begin(struct testkit *kit)
{
	kit->worker_data = NULL;
	testkit_run_worker_start(kit);
}

void worker_end(struct testkit *kit)
{
	kit->timers = NULL;
	kit->requests = NULL;
	kit->keeps = NULL;
	testkit_run_worker_stop(kit);
}
