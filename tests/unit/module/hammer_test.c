/* Races of hold, wake, drop, deadline and cancel: 4 workers, 2,000 sessions that hang up when it
 * pleases them, modules that answer in every way. What is counted at the end: every argument was
 * freed exactly once, every session ended. Worth most under the two sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define WORKERS 4
#define SESSIONS 500 /* of each worker */
#define STAGES 3     /* chains a session runs, if it lives */

static _Atomic unsigned arguments, sessions_left, wrong, seeds, answers, hangups, lates;
static struct worker *workers[WORKERS];
static struct rig rig;

static unsigned chance(unsigned n)
{
	static _Thread_local unsigned seed;

	if (!seed)
		seed = 12345 + atomic_fetch_add(&seeds, 1);
	return (unsigned)rand_r(&seed) % n;
}

/* --- arguments of holds --- */

struct wait {
	struct wait *next;
	gw_ticket ticket;
	struct timer timer;
	struct worker *owner;
	enum gw_verdict verdict;
};

static struct wait *wait_make(struct gw_call *call)
{
	static const enum gw_verdict verdicts[] = { GW_CONTINUE, GW_CONTINUE, GW_CONTINUE,
						    GW_ACCEPT,   GW_REJECT,   GW_FAILED };
	struct wait *wait = calloc(1, sizeof(*wait));

	assert_non_null(wait);
	wait->owner = call->worker;
	wait->verdict = verdicts[chance(6)];
	atomic_fetch_add(&arguments, 1);
	return wait;
}

static void wait_free(struct wait *wait)
{
	timer_clear(&wait->timer);
	free(wait);
	atomic_fetch_sub(&arguments, 1);
}

static void dropped(void *arg)
{
	struct wait *wait = arg;

	if (worker_current() != wait->owner)
		atomic_fetch_add(&wrong, 1);
	wait_free(wait);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg);

static uint32_t deadline(void)
{
	return 1 + chance(30);
}

/* --- the ways --- */

static void work(void *arg)
{
	usleep(chance(8000));
}

static enum gw_verdict by_offload(struct gw_call *call)
{
	struct gw_async async = { resumed, dropped, deadline() };
	struct wait *wait = wait_make(call);
	enum gw_verdict verdict = call_offload(call, &async, work, wait);

	if (verdict != GW_PENDING)
		wait_free(wait);
	return verdict;
}

static void timer_fired(struct timer *timer)
{
	struct wait *wait = (struct wait *)((char *)timer - offsetof(struct wait, timer));

	call_wake(wait->ticket);
}

static enum gw_verdict by_timer(struct gw_call *call)
{
	struct gw_async async = { resumed, dropped, deadline() };
	struct wait *wait = wait_make(call);
	enum gw_verdict verdict = call_hold(call, &async, wait, &wait->ticket);

	if (verdict != GW_PENDING)
		wait_free(wait);
	else
		timer_set(call->worker, &wait->timer, chance(20), timer_fired);
	return verdict;
}

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct wait *first;
	bool ending;
	pthread_t thread;
} foreign = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static enum gw_verdict by_thread(struct gw_call *call)
{
	struct gw_async async = { resumed, NULL, deadline() };
	struct wait *wait = wait_make(call);

	pthread_mutex_lock(&foreign.lock);
	enum gw_verdict verdict = call_hold(call, &async, wait, &wait->ticket);
	if (verdict == GW_PENDING) {
		wait->next = foreign.first; /* newest first: some wait long */
		foreign.first = wait;
		pthread_cond_signal(&foreign.changed);
	}
	pthread_mutex_unlock(&foreign.lock);
	if (verdict != GW_PENDING)
		wait_free(wait);
	return verdict;
}

static void *foreign_main(void *arg)
{
	pthread_mutex_lock(&foreign.lock);
	while (foreign.first || !foreign.ending) {
		struct wait *wait = foreign.first;
		if (!wait) {
			pthread_cond_wait(&foreign.changed, &foreign.lock);
			continue;
		}
		foreign.first = wait->next;
		pthread_mutex_unlock(&foreign.lock);
		if (chance(3) == 0)
			usleep(chance(500));
		if (call_wake(wait->ticket) < 0) {
			atomic_fetch_add(&lates, 1);
			wait_free(wait);
		}
		pthread_mutex_lock(&foreign.lock);
	}
	pthread_mutex_unlock(&foreign.lock);
	return NULL;
}

static enum gw_verdict never_woken(struct gw_call *call)
{
	struct gw_async async = { resumed, dropped, deadline() };
	struct wait *wait = wait_make(call);
	enum gw_verdict verdict = call_hold(call, &async, wait, &wait->ticket);

	if (verdict != GW_PENDING)
		wait_free(wait);
	return verdict;
}

static enum gw_verdict woken_at_once(struct gw_call *call)
{
	struct gw_async async = { resumed, dropped, deadline() };
	struct wait *wait = wait_make(call);
	enum gw_verdict verdict = call_hold(call, &async, wait, &wait->ticket);

	if (verdict != GW_PENDING)
		wait_free(wait);
	else if (call_wake(wait->ticket) != 0)
		atomic_fetch_add(&wrong, 1);
	/* now and then a bug: held, woken, and answered */
	return chance(20) ? verdict : GW_CONTINUE;
}

static enum gw_verdict at_once(struct gw_call *call)
{
	return GW_CONTINUE;
}

static enum gw_verdict any_way(struct gw_call *call)
{
	static enum gw_verdict (*const ways[])(
		struct gw_call *) = { by_offload, by_timer,      by_thread, by_thread,
				      at_once,    woken_at_once, at_once,   never_woken };

	return ways[chance(8)](call);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	struct wait *wait = arg;
	enum gw_verdict verdict = wait->verdict;

	if (worker_current() != wait->owner)
		atomic_fetch_add(&wrong, 1);
	wait_free(wait);
	fake_reply(call, 550, "5.7.1", "after a while");
	return chance(4) ? verdict : any_way(call);
}

static enum gw_verdict on_mail(struct gw_call *call, struct gw_message *message)
{
	return any_way(call);
}

/* --- sessions --- */

struct session {
	struct gw_call call;
	struct arena arena;
	struct timer hangup;
	struct post begin;
	unsigned stage;
};

static void session_free(struct session *session)
{
	arena_finish(&session->arena);
	/* who still looks at it sees nonsense, sanitizer or not */
	memset(session, 0x5a, sizeof(*session));
	free(session);
	atomic_fetch_sub(&sessions_left, 1);
}

static void session_released(struct gw_call *call, void *arg)
{
	struct session *session = arg;

	if (!chain_cancel(call))
		atomic_fetch_add(&wrong, 1);
	session_free(session);
}

static void session_end(struct session *session)
{
	timer_clear(&session->hangup);
	session->call.done = session_released;
	session->call.arg = session;
	if (chain_cancel(&session->call))
		session_free(session);
}

static void hang_up(struct timer *timer)
{
	atomic_fetch_add(&hangups, 1);
	session_end((struct session *)((char *)timer - offsetof(struct session, hangup)));
}

static void stage_done(struct gw_call *call, void *arg);

static void next_stage(struct session *session)
{
	while (session->stage++ < STAGES)
		if (!chain_run(&session->call, GW_HOOK_mail, stage_done, session))
			return;
	session_end(session);
}

static void stage_done(struct gw_call *call, void *arg)
{
	atomic_fetch_add(&answers, 1);
	next_stage(arg);
}

static void session_begin(struct post *post)
{
	struct session *session = (struct session *)((char *)post -
						     offsetof(struct session, begin));
	struct worker *worker = worker_current();

	arena_init(&session->arena, 0);
	chain_init(&session->call, worker, &rig.snapshot, &session->arena);
	timer_set(worker, &session->hangup, chance(120), hang_up);
	next_stage(session);
}

static void send_sessions(struct worker *worker)
{
	for (unsigned i = 0; i < SESSIONS; i++) {
		struct session *session = calloc(1, sizeof(*session));
		assert_non_null(session);
		session->begin.run = session_begin;
		atomic_fetch_add(&sessions_left, 1);
		worker_post(worker, &session->begin);
	}
}

static void wait_until_gone(void)
{
	for (int i = 0; i < 20000 && atomic_load(&sessions_left); i++)
		usleep(1000);
}

static void nothing_is_lost_and_nothing_is_freed_twice(void **state)
{
	struct offload_pool *pool = offload_create(3);

	rig_init(&rig);
	for (int i = 0; i < 4; i++)
		rig_add(&rig, "any", GW_HOOK_mail, &(struct gw_module){ .mail = on_mail })
			->on_error = i % 2 ? ON_ERROR_CONTINUE : ON_ERROR_DEFAULT;
	pthread_create(&foreign.thread, NULL, foreign_main, NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = worker_create(i);
		worker_use_pool(workers[i], pool);
		assert_int_equal(worker_start(workers[i], NULL, NULL), 0);
		send_sessions(workers[i]);
	}
	wait_until_gone();
	assert_int_equal(atomic_load(&sessions_left), 0);

	pthread_mutex_lock(&foreign.lock);
	foreign.ending = true;
	pthread_cond_signal(&foreign.changed);
	pthread_mutex_unlock(&foreign.lock);
	pthread_join(foreign.thread, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_stop(workers[i]);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_join(workers[i]);
	offload_destroy(pool);
	for (unsigned i = 0; i < WORKERS; i++)
		worker_destroy(workers[i]);
	rig_finish(&rig);
	assert_int_equal(atomic_load(&arguments), 0);
	assert_int_equal(atomic_load(&wrong), 0);
	/* it was a mix */
	assert_true(atomic_load(&answers) > 500 && atomic_load(&hangups) > 50 &&
		    atomic_load(&lates) > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(
		nothing_is_lost_and_nothing_is_freed_twice) };

	if (loop_init() < 0)
		return 1;
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
