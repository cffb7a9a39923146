/* Calls that are answered later: each way to wait, each way to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>

/* --- a worker in this thread, stopped when the call is done --- */

static struct worker *worker;
static struct offload_pool *pool;
static struct rig rig;
static struct gw_call call;
static gw_ticket ticket;
static unsigned done_count, resumed_count;
static _Atomic unsigned dropped_count, worked;
static struct timer guard;

static void done(struct gw_call *c, void *arg)
{
	done_count++;
	worker_stop(worker);
}

static void too_long(struct timer *timer)
{
	worker_stop(worker);
}

/* Runs the loop until something calls worker_stop, 5 seconds at most. */
static void run_loop(void)
{
	timer_set(worker, &guard, 5000, too_long);
	worker_run(worker);
	timer_clear(&guard);
}

static int begin(void **state)
{
	done_count = 0;
	resumed_count = 0;
	dropped_count = 0;
	worked = 0;
	ticket = 0;
	worker = worker_create(0);
	pool = offload_create(2);
	worker_use_pool(worker, pool);
	rig_init(&rig);
	chain_init(&call, worker, &rig.snapshot, &rig.arena);
	return worker && pool ? 0 : -1;
}

static int end(void **state)
{
	offload_destroy(pool);
	worker_destroy(worker);
	rig_finish(&rig);
	return 0;
}

/* What a test does with the loop running: worker_current() is this worker only there. */
static struct post script;

static void run_script(void (*run)(struct post *post))
{
	script.run = run;
	worker_post(worker, &script);
	run_loop();
}

static bool run_mail(void)
{
	return chain_run(&call, GW_HOOK_mail, done, NULL);
}

static void run_mail_script(struct post *post)
{
	if (run_mail())
		worker_stop(worker);
}

static void add(enum gw_verdict (*mail)(struct gw_call *, struct gw_message *))
{
	rig_add(&rig, "waiter", GW_HOOK_mail, &(struct gw_module){ .mail = mail });
}

/* --- what modules do --- */

static enum gw_verdict resumed(struct gw_call *c, void *arg)
{
	resumed_count++;
	assert_ptr_equal(arg, &rig);
	assert_ptr_equal(worker_current(), worker);
	fake_reply(c, 550, "5.7.1", "thought about it");
	return GW_REJECT;
}

static void dropped(void *arg)
{
	assert_ptr_equal(arg, &rig);
	dropped_count++;
}

static const struct gw_async on_loop = { resumed, dropped, 1000 },
			     by_thread = { resumed, NULL, 1000 }, hasty = { resumed, dropped, 20 };

static enum gw_verdict hold_and_wake(struct gw_call *c, struct gw_message *message)
{
	enum gw_verdict verdict = call_hold(c, &on_loop, &rig, &ticket);

	assert_int_equal(verdict, GW_PENDING);
	assert_int_equal(call_wake(ticket), 0);
	assert_int_equal(call_wake(ticket), -1);
	return verdict;
}

static enum gw_verdict hold_only(struct gw_call *c, struct gw_message *message)
{
	return call_hold(c, &on_loop, &rig, &ticket);
}

static enum gw_verdict hold_for_thread(struct gw_call *c, struct gw_message *message)
{
	return call_hold(c, &by_thread, &rig, &ticket);
}

static enum gw_verdict hold_hastily(struct gw_call *c, struct gw_message *message)
{
	return call_hold(c, &hasty, &rig, &ticket);
}

static enum gw_verdict hold_and_answer(struct gw_call *c, struct gw_message *message)
{
	call_hold(c, &on_loop, &rig, &ticket);
	return GW_CONTINUE;
}

static enum gw_verdict hold_twice(struct gw_call *c, struct gw_message *message)
{
	assert_int_equal(call_hold(c, &on_loop, &rig, &ticket), GW_PENDING);
	assert_int_equal(call_hold(c, &on_loop, NULL, &ticket), GW_FAILED);
	call_wake(ticket);
	return GW_PENDING;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void work(void *arg)
{
	pthread_mutex_lock(&gate);
	worked++;
	pthread_mutex_unlock(&gate);
}

static enum gw_verdict offload(struct gw_call *c, struct gw_message *message)
{
	return call_offload(c, &on_loop, work, &rig);
}

static enum gw_verdict offload_hastily(struct gw_call *c, struct gw_message *message)
{
	return call_offload(c, &hasty, work, &rig);
}

static enum gw_verdict accept_all(struct gw_call *c, struct gw_message *message)
{
	return GW_CONTINUE;
}

static void answered(enum gw_verdict verdict, unsigned resumes, unsigned drops)
{
	assert_int_equal(call.answer.verdict, verdict);
	assert_int_equal(resumed_count, resumes);
	assert_int_equal(dropped_count, drops);
	assert_false(chain_held(&call));
}

/* --- answers --- */

static void wake_before_the_hook_returned(void **state)
{
	add(hold_and_wake);
	run_script(run_mail_script);
	answered(GW_REJECT, 1, 0);
	assert_int_equal(done_count, 1);
	assert_int_equal(call.answer.code, 550);
	assert_string_equal(call.answer.text.ptr, "thought about it");
	assert_string_equal(call.answer.instance, "waiter");
	assert_int_equal(call_wake(ticket), -1);
}

static void offloaded_work_answers(void **state)
{
	add(offload);
	add(accept_all);
	run_script(run_mail_script);
	answered(GW_REJECT, 1, 0);
	assert_int_equal(worked, 1);
	assert_int_equal(done_count, 1);
}

static enum gw_verdict again(struct gw_call *c, void *arg)
{
	static const struct gw_async last = { resumed, dropped, 1000 };

	return call_offload(c, &last, work, &rig);
}

static enum gw_verdict offload_twice(struct gw_call *c, struct gw_message *message)
{
	static const struct gw_async first = { again, dropped, 1000 };

	return call_offload(c, &first, work, &rig);
}

static void resumed_may_hold_again(void **state)
{
	add(offload_twice);
	run_script(run_mail_script);
	answered(GW_REJECT, 1, 0);
	assert_int_equal(worked, 2);
}

static void *waker(void *arg)
{
	return (void *)(intptr_t)call_wake(ticket);
}

static int wake_elsewhere(void)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, waker, NULL);
	pthread_join(thread, &result);
	return (int)(intptr_t)result;
}

static void wake_elsewhere_script(struct post *post)
{
	assert_false(run_mail());
	assert_int_equal(wake_elsewhere(), 0);
	assert_int_equal(wake_elsewhere(), -1);
}

static void foreign_thread_wakes(void **state)
{
	add(hold_for_thread);
	run_script(wake_elsewhere_script);
	answered(GW_REJECT, 1, 0);
	assert_int_equal(done_count, 1);
}

static void wake_wrongly_script(struct post *post)
{
	assert_false(run_mail());
	assert_int_equal(wake_elsewhere(), -1); /* there is a dropped(): only the worker may */
	assert_int_equal(call_wake(ticket), 0);
}

static void foreign_thread_may_not_wake_what_can_be_dropped(void **state)
{
	add(hold_only);
	run_script(wake_wrongly_script);
	answered(GW_REJECT, 1, 0);
}

/* --- failures --- */

static void late_hold_is_dropped_and_fails(void **state)
{
	add(hold_hastily);
	run_script(run_mail_script);
	answered(GW_TEMPFAIL, 0, 1);
	assert_true(call.answer.broke);
	assert_int_equal(call_wake(ticket), -1);
	assert_int_equal(rig.counters[0].hooks[GW_HOOK_mail].failures, 1);
}

static enum gw_verdict hold_patiently(struct gw_call *c, struct gw_message *message)
{
	static const struct gw_async patient = { resumed, dropped, 0 };

	return call_hold(c, &patient, &rig, &ticket);
}

static void instance_has_a_deadline(void **state)
{
	add(hold_patiently);
	rig.instances[0].deadline_ms = 20;
	rig.instances[0].on_error = ON_ERROR_CONTINUE;
	add(accept_all);
	run_script(run_mail_script);
	answered(GW_CONTINUE, 0, 1);
}

static void answer_to_a_held_call_fails(void **state)
{
	add(hold_and_answer);
	run_script(run_mail_script);
	answered(GW_TEMPFAIL, 0, 1);
	assert_true(call.answer.broke);
}

static void second_hold_is_refused(void **state)
{
	add(hold_twice);
	run_script(run_mail_script);
	answered(GW_REJECT, 1, 0);
}

static void no_pool_is_a_failure(void **state)
{
	worker_use_pool(worker, NULL);
	add(offload);
	run_script(run_mail_script);
	answered(GW_TEMPFAIL, 0, 0);
}

static void hold_outside_of_a_hook_is_refused(void **state)
{
	assert_int_equal(call_hold(&call, &on_loop, &rig, &ticket), GW_FAILED);
	assert_int_equal(call_offload(&call, &on_loop, work, &rig), GW_FAILED);
}

static void made_up_tickets_are_harmless(void **state)
{
	assert_int_equal(call_wake(0), -1);
	assert_int_equal(call_wake(UINT64_MAX), -1);
	assert_int_equal(call_wake((uint64_t)1 << 32 | (uint64_t)0x3ffffff << 6), -1);
}

/* --- the asker goes away --- */

static void cancel_script(struct post *post)
{
	assert_false(run_mail());
	assert_true(chain_held(&call));
	assert_true(chain_cancel(&call));
	worker_stop(worker);
}

static void cancelled_hold_is_dropped(void **state)
{
	add(hold_only);
	run_script(cancel_script);
	assert_int_equal(dropped_count, 1);
	assert_int_equal(resumed_count + done_count, 0);
	assert_int_equal(call_wake(ticket), -1);
}

static void cancelled_hold_of_a_thread_tells_it_so(void **state)
{
	add(hold_for_thread);
	run_script(cancel_script);
	assert_int_equal(dropped_count + resumed_count + done_count, 0);
	assert_int_equal(wake_elsewhere(), -1);
}

static void settle(struct timer *timer)
{
	worker_stop(worker);
}

static void cancel_woken_script(struct post *post)
{
	static struct timer timer;

	assert_false(run_mail());
	assert_true(chain_cancel(&call));
	assert_int_equal(resumed_count, 1);
	timer_set(worker, &timer, 10, settle);
}

/* wake() promised that resumed() will run: it does, and what it says is not heard. */
static void cancelled_after_the_wake_resumes(void **state)
{
	add(hold_and_wake);
	run_script(cancel_woken_script);
	assert_int_equal(dropped_count + done_count, 0);
	assert_int_equal(resumed_count, 1);
}

static void released(struct gw_call *c, void *arg)
{
	assert_true(c->cancelled);
	assert_int_equal(c->answer.verdict, GW_FAILED);
	assert_int_equal(worked, 1);
	assert_int_equal(dropped_count, 1);
	assert_true(chain_cancel(c));
	done_count++;
	worker_stop(worker);
}

static void cancel_offload_script(struct post *post)
{
	pthread_mutex_lock(&gate);
	assert_false(run_mail());
	while (offload_waiting(pool) != 0) /* what has not begun is dropped unbegun */
		sched_yield();
	call.done = released;
	assert_false(chain_cancel(&call));
	assert_false(chain_cancel(&call));
	assert_int_equal(dropped_count, 0);
	pthread_mutex_unlock(&gate);
}

static void cancelled_offload_releases_when_it_returns(void **state)
{
	add(offload);
	run_script(cancel_offload_script);
	assert_int_equal(done_count, 1);
	assert_int_equal(resumed_count, 0);
}

static void late_offload_done(struct gw_call *c, void *arg)
{
	done_count++;
	assert_int_equal(c->answer.verdict, GW_TEMPFAIL);
	assert_int_equal(dropped_count, 0); /* the work still has it */
	c->done = released;
	assert_false(chain_cancel(c));
	pthread_mutex_unlock(&gate);
}

static void late_offload_script(struct post *post)
{
	pthread_mutex_lock(&gate);
	assert_false(chain_run(&call, GW_HOOK_mail, late_offload_done, NULL));
}

static void late_offload_lets_the_chain_go_on(void **state)
{
	add(offload_hastily);
	run_script(late_offload_script);
	assert_int_equal(done_count, 2);
	assert_int_equal(resumed_count, 0);
	assert_int_equal(dropped_count, 1);
}

static void hold_up(struct offload *offload)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	free(offload);
}

static void released_unbegun(struct gw_call *c, void *arg)
{
	assert_int_equal(worked, 0);
	assert_int_equal(dropped_count, 1);
	done_count++;
	worker_stop(worker);
}

/* Both threads are at work for others of the same instance. */
static void cancel_unbegun_script(struct post *post)
{
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 2; i++) {
		struct offload *offload = calloc(1, sizeof(*offload));
		offload->work = hold_up;
		assert_true(offload_run(offload_line(pool, rig.instances[0].name), NULL, offload));
	}
	while (offload_waiting(pool) != 0)
		sched_yield();
	assert_false(run_mail());
	call.done = released_unbegun;
	assert_false(chain_cancel(&call));
}

static void what_nobody_waits_for_is_never_begun(void **state)
{
	add(offload);
	run_script(cancel_unbegun_script);
	pthread_mutex_unlock(&gate);
	assert_int_equal(done_count, 1);
	assert_int_equal(resumed_count, 0);
}

static void shutdown_script(struct post *post)
{
	assert_false(run_mail());
	chain_drop_all(worker);
	assert_int_equal(wake_elsewhere(), -1);
}

static void shutdown_ends_what_waits(void **state)
{
	add(hold_only);
	rig.instances[0].on_error = ON_ERROR_CONTINUE; /* a shutdown is no reason to let it pass */
	run_script(shutdown_script);
	answered(GW_TEMPFAIL, 0, 1);
	assert_int_equal(done_count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(wake_before_the_hook_returned),
		TEST(offloaded_work_answers),
		TEST(resumed_may_hold_again),
		TEST(foreign_thread_wakes),
		TEST(foreign_thread_may_not_wake_what_can_be_dropped),
		TEST(late_hold_is_dropped_and_fails),
		TEST(instance_has_a_deadline),
		TEST(answer_to_a_held_call_fails),
		TEST(second_hold_is_refused),
		TEST(no_pool_is_a_failure),
		TEST(hold_outside_of_a_hook_is_refused),
		TEST(made_up_tickets_are_harmless),
		TEST(cancelled_hold_is_dropped),
		TEST(cancelled_hold_of_a_thread_tells_it_so),
		TEST(cancelled_after_the_wake_resumes),
		TEST(cancelled_offload_releases_when_it_returns),
		TEST(what_nobody_waits_for_is_never_begun),
		TEST(late_offload_lets_the_chain_go_on),
		TEST(shutdown_ends_what_waits),
	};

	if (loop_init() < 0)
		return 1;
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
