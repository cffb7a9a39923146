/* steps.c - the table of steps, and the driver that takes them. */
#include "deliver/delivery_private.h"

#include <assert.h>

static const struct step_row {
	/* Does the step, and gives the next one. */
	enum step (*take)(struct task *task);
	/* After STEP_ASK: which hook, and what its answer leads to. */
	enum gw_hook hook;
	enum step (*answered)(struct task *task);
} rows[STEPS] = {
	/* each recipient's route; back until all have one, or an outcome */
	[STEP_ROUTE] = { step_route, GW_HOOK_route, step_route_answered },
	/* those with the same route become a delivery; waits until all of them are over */
	[STEP_SORT] = { step_sort },

	/* may it be used now? else NEXT_RELAY, or FINISH where none is left */
	[STEP_CHECK_RELAY] = { step_check_relay },
	/* what modules say: the next step, NEXT_RELAY, or FINISH */
	[STEP_ADMIT] = { step_admit, GW_HOOK_admit, step_admit_answered },
	[STEP_PREPARE] = { step_prepare, GW_HOOK_prepare, step_prepare_answered },
	[STEP_SEAL] = { step_seal, GW_HOOK_sealed, step_seal_answered },
	/* of a relay without a host that has `auth`: what a module that delivers logs in with;
	 * none: RESULT */
	[STEP_LOGIN] = { step_login, GW_HOOK_login, step_login_answered },
	/* a module delivers it: RESULT, or LOGIN once more; none does: SEND */
	[STEP_DELIVER] = { step_deliver, GW_HOOK_deliver, step_deliver_answered },
	/* the SMTP client has it; its hook is login */
	[STEP_SEND] = { step_send },
	/* what the attempt gave; tells result. For whom it was the relay's fault: NEXT_RELAY */
	[STEP_RESULT] = { step_result },
	/* tells leave; which relay is asked next: CHECK_RELAY */
	[STEP_NEXT_RELAY] = { step_next_relay, GW_HOOK_fallback, step_next_relay_answered },
	/* tells leave; the last of its round goes on with OUTCOMES */
	[STEP_FINISH] = { step_finish },

	/* who is delivered, bounced, too old, or tried later; RELEASE where a client that waits may
	 * hear that all is refused */
	[STEP_OUTCOMES] = { step_outcomes },
	/* for each that failed or is late: does its sender hear of it? */
	[STEP_BOUNCE] = { step_bounce, GW_HOOK_bounce, step_bounce_answered },
	/* DSNs; waits until they are on disk */
	[STEP_REPORT] = { step_report },
	/* now those that bounced are final */
	[STEP_FAIL] = { step_fail },
	/* waits until no module's work looks at the message */
	[STEP_RELEASE] = { step_release },
	/* final, or back in the queue; BOUNCE where that client is gone */
	[STEP_REQUEUE] = { step_requeue },
};

static void hook_answered(struct gw_call *call, void *arg);

/* Takes the step the task is at; a task that waits or is over may be gone when this returns. */
static enum step task_step(struct task *task)
{
	const struct step_row *row = &rows[task->at];
	if (task->answered) {
		task->answered = false;
		return row->answered(task);
	}
	enum step next = row->take(task);
	if (next != STEP_ASK)
		return next;
	return chain_run(&task->call, row->hook, hook_answered, task) ? row->answered(task)
								      : STEP_WAITS;
}

static void task_run(struct task *task)
{
	enum step next;
	while ((next = task_step(task)) > STEP_ASK)
		task->at = next;
}

/* One task after the other, so that no step runs inside of another and a message that is freed by
 * its last step is looked at by nobody. */
static void tasks_run(struct deliveries *deliveries)
{
	if (deliveries->running)
		return;
	deliveries->running = true;
	while (!list_empty(&deliveries->ready)) {
		struct task *task = list_of(deliveries->ready.next, struct task, ready);
		list_take(&task->ready);
		task_run(task);
	}
	deliveries->running = false;
}

static void task_ready(struct task *task)
{
	struct deliveries *deliveries = deliveries_of(task->call.worker);
	assert(!task->ready.next);
	list_add(&deliveries->ready, &task->ready);
	tasks_run(deliveries);
}

void task_continue(struct task *task, enum step next)
{
	task->at = next;
	task_ready(task);
}

static void hook_answered(struct gw_call *call, void *arg)
{
	struct task *task = arg;
	task->answered = true;
	task_ready(task);
}

static void call_freed(struct gw_call *call, void *arg)
{
	task_ready(arg);
}

enum step task_when_free(struct task *task, enum step next)
{
	task->at = next;
	task->call.done = call_freed;
	task->call.arg = task;
	return chain_cancel(&task->call) ? next : STEP_WAITS;
}
