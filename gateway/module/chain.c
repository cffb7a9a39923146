#include "module/chain_private.h"
#include "module/on_worker.h"

void chain_init(struct gw_call *call, struct worker *worker, struct snapshot *snapshot,
		struct arena *arena)
{
	*call = (struct gw_call){
		.worker = worker, .snapshot = snapshot, .arena = arena, .hook = GW_HOOKS
	};
}

static enum gw_verdict ask(struct gw_call *call)
{
	const struct gw_module *table = &call->instance->module->table;

	switch (call->hook) {
	case GW_HOOK_connect:
		return table->connect(call, call->session);
	case GW_HOOK_ehlo:
		return table->ehlo(call, call->session);
	case GW_HOOK_auth:
		return table->auth(call, call->session, call->argument);
	case GW_HOOK_mail:
		return table->mail(call, call->message);
	case GW_HOOK_rcpt:
		return table->rcpt(call, call->message, call->rcpt);
	case GW_HOOK_message:
		return table->message(call, call->message);
	case GW_HOOK_route:
		return table->route(call, call->message, call->rcpt);
	case GW_HOOK_admit:
		return table->admit(call, call->delivery, call->relay);
	case GW_HOOK_prepare:
		return table->prepare(call, call->delivery);
	case GW_HOOK_login:
		return table->login(call, call->delivery, call->relay);
	case GW_HOOK_deliver:
		return table->deliver(call, call->delivery, call->relay);
	case GW_HOOK_bounce:
		return table->bounce(call, call->message, call->argument);
	case GW_HOOK_fallback:
		return table->fallback(call, call->delivery, call->relay);
	default:
		return GW_FAILED;
	}
}

static void tell(struct gw_call *call)
{
	const struct gw_module *table = &call->instance->module->table;

	switch (call->hook) {
	case GW_HOOK_result:
		table->result(call, call->delivery, call->argument);
		return;
	case GW_HOOK_leave:
		table->leave(call, call->delivery, call->relay);
		return;
	case GW_HOOK_relay_status:
		table->relay_status(call, call->relay);
		return;
	case GW_HOOK_event:
		table->event(call, call->argument);
		return;
	case GW_HOOK_tick:
		table->tick(call);
		return;
	case GW_HOOK_status:
		table->status(call);
		return;
	case GW_HOOK_control:
		table->control(call, call->argument);
		return;
	case GW_HOOK_check:
		table->check(call);
		return;
	case GW_HOOK_worker_start:
		table->worker_start(call);
		return;
	case GW_HOOK_worker_stop:
		table->worker_stop(call);
		return;
	case GW_HOOK_timer:
		table->timer(call, (void *)call->argument);
		return;
	case GW_HOOK_http: {
		const struct http_told *told = call->argument;
		table->http(call, told->answer, told->arg);
		return;
	}
	default:
		return;
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
	enum gw_verdict verdict = ask(call);
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
	call->answer.verdict = hook_table[call->hook].nobody;
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
	tell(call);
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
