/* Who owns what. A hold that was woken is freed by the post that is on its way, and by nothing
 * else; an offloaded one by the post that brings the work back. So neither is freed while somebody
 * else still has it. */
#include "module/chain_private.h"
#include "module/hold_table.h"

#include "base/log.h"

#include <stdio.h>

struct offload_line *hold_line(const struct gw_call *call)
{
	struct offload_pool *pool = worker_pool(call->worker);
	return pool ? offload_line(pool, call->instance->name) : NULL;
}

#define HOLD_OF(pointer, member) ((struct hold *)((char *)(pointer)-offsetof(struct hold, member)))

/* --- how a hold ends --- */

/* Runs resumed() in the name of the held call. */
static enum gw_verdict answer(struct hold *hold, bool may_hold)
{
	struct gw_call *call = hold->call;
	struct call_guard guard;

	call_guard_begin(&guard, hold->instance, hold->hook, hold->id);
	call->running = may_hold;
	enum gw_verdict verdict = hold->async.resumed(call, hold->arg);
	call->running = false;
	call_guard_end(&guard);
	return verdict;
}

static void drop_argument(struct hold *hold)
{
	struct call_guard guard;

	if (!hold->async.dropped)
		return;
	call_guard_begin(&guard, hold->instance, hold->hook, hold->id);
	hold->async.dropped(hold->arg);
	call_guard_end(&guard);
}

/* The answer is there: the hold goes before the module is asked, since it may hold again. */
static void resume(struct hold *hold)
{
	struct gw_call *call = hold->call;
	struct hold kept = *hold;

	call->hold = NULL;
	hold_free(hold);
	chain_go_on(call, verdict_take(call, answer(&kept, true)));
}

/* Nobody waits for it any more; tells whether the hold is gone. A woken one is not: its argument
 * was handed over for resumed(). */
static bool give_up(struct hold *hold)
{
	if (hold_change(hold, HOLD_OFFLOADED, HOLD_ABANDONED)) {
		timer_clear(&hold->timer);
		hold->call->busy++;
		offload_drop(&hold->offload);
		return true;
	}
	if (!hold_change(hold, HOLD_WAITING, HOLD_ANSWERED))
		return false;
	drop_argument(hold);
	hold_free(hold);
	return true;
}

void hold_abandon(struct gw_call *call)
{
	struct hold *hold = call->hold;

	call->hold = NULL;
	if (give_up(hold))
		return;
	timer_clear(&hold->timer);
	hold_change(hold, HOLD_WOKEN, HOLD_ANSWERED);
	answer(hold, false);
}

static void woken(struct post *post)
{
	struct hold *hold = HOLD_OF(post, offload.post);

	if (hold_change(hold, HOLD_WOKEN, HOLD_ANSWERED))
		resume(hold);
	else
		hold_free(hold);
}

static void late(struct timer *timer)
{
	struct hold *hold = HOLD_OF(timer, timer);
	struct gw_call *call = hold->call;
	char why[64];

	snprintf(why, sizeof(why), "no answer in %u ms", hold->async.deadline_ms);
	if (!give_up(hold))
		return;
	call->hold = NULL;
	chain_go_on(call, verdict_broken(call, why));
}

/* --- offloaded work: each instance has a line of its own, and what nobody waits for any more is
 * not begun --- */

static void work(struct offload *offload)
{
	struct hold *hold = HOLD_OF(offload, offload);
	struct call_guard guard;

	call_guard_begin(&guard, hold->instance, hold->hook, hold->id);
	hold->work(hold->arg);
	call_guard_end_offloaded(&guard);
}

static void release(struct gw_call *call)
{
	if (--call->busy > 0 || !call->cancelled)
		return;
	call->answer.verdict = GW_FAILED;
	call->done(call, call->arg);
}

static void returned(struct post *post)
{
	struct hold *hold = HOLD_OF(post, offload.post);
	struct gw_call *call = hold->call;

	if (hold->state == HOLD_OFFLOADED) {
		resume(hold);
		return;
	}
	drop_argument(hold);
	hold_free(hold);
	release(call);
}

/* --- the services --- */

static bool refuse(const struct gw_call *call, const char *why)
{
	struct log_line *line = log_open(EVENT_MODULE_BUG);

	log_text(line, KEY_BY, call->instance ? call->instance->name : "?");
	log_text(line, KEY_HOOK, call->hook < GW_HOOKS ? hook_table[call->hook].name : "start");
	log_text(line, KEY_TEXT, why);
	log_close(line);
	return false;
}

static bool may_hold(const struct gw_call *call, const struct gw_async *async)
{
	if (call->cancelled && !call->running)
		return false;
	if (!call->running || worker_current() != call->worker)
		return refuse(call, "hold() or offload() outside of a hook that decides");
	if (call->hold)
		return refuse(call, "a call can be held once at a time");
	if (!async->resumed)
		return refuse(call, "hold() or offload() without resumed()");
	return true;
}

static struct hold *hold_make(struct gw_call *call, const struct gw_async *async, void *arg)
{
	struct hold *hold = hold_take(call->worker);

	if (!hold)
		return NULL;
	hold->call = call;
	hold->instance = call->instance;
	hold->async = *async;
	hold->arg = arg;
	hold->id = call_id(call);
	hold->hook = call->hook;
	if (!hold->async.deadline_ms)
		hold->async.deadline_ms = call->instance->deadline_ms;
	if (timer_set(hold->worker, &hold->timer, hold->async.deadline_ms, late) < 0) {
		hold_free(hold);
		return NULL;
	}
	return call->hold = hold;
}

enum gw_verdict call_hold(struct gw_call *call, const struct gw_async *async, void *arg,
			  gw_ticket *ticket)
{
	if (!may_hold(call, async))
		return GW_FAILED;
	struct hold *hold = hold_make(call, async, arg);
	if (!hold)
		return GW_FAILED;
	hold->offload.post.run = woken;
	*ticket = hold_ticket(hold);
	hold_change(hold, HOLD_FREE, HOLD_WAITING);
	return GW_PENDING;
}

enum gw_verdict call_offload_ranked(struct gw_call *call, const struct gw_async *async,
				    void (*run)(void *arg), void *arg, int rank)
{
	struct offload_line *line = may_hold(call, async) ? hold_line(call) : NULL;
	struct hold *hold = line ? hold_make(call, async, arg) : NULL;
	if (!hold)
		return GW_FAILED;
	hold_change(hold, HOLD_FREE, HOLD_OFFLOADED);
	hold->work = run;
	hold->offload = (struct offload){ .post.run = returned, .work = work, .rank = rank };
	if (offload_run(line, hold->worker, &hold->offload))
		return GW_PENDING;
	call->hold = NULL;
	hold_free(hold);
	return GW_FAILED;
}

enum gw_verdict call_offload(struct gw_call *call, const struct gw_async *async,
			     void (*run)(void *arg), void *arg)
{
	return call_offload_ranked(call, async, run, arg, 0);
}

/* --- shutdown --- */

void chain_drop_all(struct worker *worker)
{
	struct hold *hold;
	size_t index = 0;

	while ((hold = hold_next(worker, &index))) {
		struct gw_call *call = hold->call;
		if (!give_up(hold))
			continue;
		call->hold = NULL;
		verdict_stop(call);
		chain_go_on(call, STEP_END);
	}
}
