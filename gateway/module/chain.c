#include "module/chain_private.h"
#include "module/on_worker.h"

void chain_init(struct gw_call *call, struct worker *worker, struct snapshot *snapshot,
		struct arena *arena)
{
	*call = (struct gw_call){
		.worker = worker, .snapshot = snapshot, .arena = arena, .hook = GW_HOOKS
	};
}

/* Runs the module's function with what its row names; an observer has nothing to say. */
static enum gw_verdict run_hook(struct gw_call *call)
{
	const struct gw_module *table = &call->instance->module->table;
	struct gw_session *session = call->session;
	struct gw_message *message = call->message;
	struct gw_rcpt *rcpt = call->rcpt;
	struct gw_delivery *delivery = call->delivery;
	struct gw_relay *relay = call->relay;
	const struct gw_login *login = call->argument;
	const struct gw_result *result = call->argument;
	const struct gw_event *event = call->argument;
	const struct gw_command *command = call->argument;
	const struct gw_http_answer *answer = call->argument;
	const struct gw_dns_answer *records = call->argument;
	const struct gw_link *link = call->argument;
	const struct gw_kept *kept = call->argument;
	void *arg = call->asked_with;

	switch (call->hook) {
#define GW_DECIDES(name, first, second, ...)                                                       \
	case GW_HOOK_##name:                                                                       \
		return table->name(call GW_PASS_##first GW_PASS_##second);
#define GW_OBSERVES(name, first, second, ...)                                                      \
	case GW_HOOK_##name:                                                                       \
		table->name(call GW_PASS_##first GW_PASS_##second);                                \
		return GW_CONTINUE;
#include <gateway/hooks.def>
	default:
		return GW_FAILED;
	}
}

static void count_call(const struct gw_call *call)
{
	atomic_fetch_add_explicit(&call->instance->counters->hooks[call->hook].calls, 1,
				  memory_order_relaxed);
}

static enum chain_step ask_next(struct gw_call *call)
{
	struct call_guard guard;

	call->instance = call->snapshot->chains[call->hook][call->at++];
	answer_clear(&call->answer);
	count_call(call);
	if (call->instance->broken)
		return call->instance->on_crash == ON_CRASH_OFF
			       ? STEP_ON
			       : verdict_broken(call, "the gateway died in it too often");
	call_guard_begin(&guard, call->instance, call->hook, call_id(call));
	call->running = true;
	enum gw_verdict verdict = run_hook(call);
	call->running = false;
	call_guard_end(&guard);
	return verdict_take(call, verdict);
}

static enum chain_step ask_rest(struct gw_call *call)
{
	enum chain_step step;

	while (call->at < call->snapshot->chain_length[call->hook]) {
		step = ask_next(call);
		if (step != STEP_ON)
			return step;
	}
	answer_clear(&call->answer);
	call->answer.verdict = GW_CONTINUE;
	return STEP_END;
}

static void finish(struct gw_call *call)
{
	answer_finish(call);
	call->instance = NULL;
}

static void enter(const struct gw_call *call)
{
	if (call->snapshot->on_workers)
		on_worker_enter(call->worker, call->snapshot);
}

bool chain_run(struct gw_call *call, enum gw_hook hook,
	       void (*done)(struct gw_call *call, void *arg), void *arg)
{
	enter(call);
	call->hook = hook;
	call->at = 0;
	call->done = done;
	call->arg = arg;
	call->cancelled = false;
	call->answer = (struct chain_answer){ .text = gw_str("") };
	if (ask_rest(call) == STEP_HELD)
		return false;
	finish(call);
	return true;
}

void chain_go_on(struct gw_call *call, enum chain_step step)
{
	if (step == STEP_ON)
		step = ask_rest(call);
	if (step == STEP_HELD)
		return;
	finish(call);
	call->done(call, call->arg);
}

void chain_tell_one(struct gw_call *call, enum gw_hook hook, struct instance *instance)
{
	struct call_guard guard;

	enter(call);
	call->hook = hook;
	if (instance->broken)
		return;
	call->instance = instance;
	count_call(call);
	call_guard_begin(&guard, instance, hook, call_id(call));
	run_hook(call);
	call_guard_end(&guard);
	call->instance = NULL;
}

void chain_tell(struct gw_call *call, enum gw_hook hook)
{
	for (size_t i = 0; i < call->snapshot->chain_length[hook]; i++)
		chain_tell_one(call, hook, call->snapshot->chains[hook][i]);
}

bool chain_held(const struct gw_call *call)
{
	return call->hold != NULL;
}

bool chain_cancel(struct gw_call *call)
{
	call->cancelled = true;
	if (call->hold)
		hold_abandon(call);
	return call->busy == 0;
}
