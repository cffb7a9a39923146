/* wait.c - a call from its hook to its answer: at once, or held, woken, resumed, dropped. */
#include "kit.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define DEFAULT_DEADLINE_MS 30000

const struct hook_row kit_hooks[KIT_HOOK_COUNT] = {
	[ON_start] = { "start", 0 },
	[ON_stop] = { "stop", 0 },
#define GW_DECIDES(name, first, second, mode, verdicts, ...) [ON_##name] = { #name, verdicts },
#define GW_OBSERVES(name, ...) [ON_##name] = { #name, 0 },
#include <gateway/hooks.def>
};

/* Held calls of all kits by ticket, since wake() is given nothing else. Under kit_lock(). */
static struct gw_call *held_calls;
static gw_ticket last_ticket;
static uint64_t last_wake;
static pthread_cond_t something_woke = PTHREAD_COND_INITIALIZER;

/* Allocated by itself, so that a sanitizer sees a module use a call that has ended. */
struct gw_call *call_create(struct testkit *kit, enum kit_hook hook)
{
	struct gw_call *call = calloc(1, sizeof *call);

	if (!call)
		abort();
	call->kit = kit;
	call->hook = hook;
	call->answer.enhanced = call->answer.text = call->answer.wait_on = "";
	return call;
}

void call_destroy(struct gw_call *call)
{
	free(call);
}

static void unlink_held(struct gw_call *call)
{
	struct gw_call **at;

	kit_lock();
	for (at = &held_calls; *at && *at != call; at = &(*at)->next)
		;
	if (*at)
		*at = call->next;
	call->held = false;
	kit_unlock();
}

static void link_held(struct gw_call *call)
{
	kit_lock();
	call->held = true;
	call->woken = false;
	call->ticket = ++last_ticket;
	call->next = held_calls;
	held_calls = call;
	kit_unlock();
}

static void wake_locked(struct gw_call *call)
{
	call->woken = true;
	call->woken_order = ++last_wake;
	pthread_cond_broadcast(&something_woke);
}

void lookup_join(struct gw_call *call, struct kit_lookup *lookup)
{
	kit_lock();
	call->lookup = lookup;
	kit_unlock();
}

void wake_all_of(const struct kit_lookup *lookup)
{
	struct gw_call *call;

	for (call = held_calls; call; call = call->next)
		if (call->lookup == lookup && !call->woken)
			wake_locked(call);
}

static void *work_thread(void *argument)
{
	struct gw_call *call = argument;

	call->work(call->arg);
	kit_lock();
	wake_locked(call);
	kit_unlock();
	return NULL;
}

/* True: the call may not be held; `arg` stays the module's. */
static bool cannot_hold(struct gw_call *call, const char *service, const struct gw_async *async)
{
	if (kit_hooks[call->hook].verdicts == 0)
		kit_misuse(call->kit, "%s() is not for the hook %s", service,
			   kit_hooks[call->hook].name);
	else if (call->held)
		kit_misuse(call->kit, "%s() of a call that is held already", service);
	else if (call->over)
		return true;
	else if (!async->resumed)
		kit_misuse(call->kit, "%s() without resumed", service);
	else
		return kit_fails(call->kit, service);
	return true;
}

static void hold_begin(struct gw_call *call, const struct gw_async *async, void *arg)
{
	call->async = *async;
	call->arg = arg;
	call->work = NULL;
	call->lookup = NULL;
	call->deadline = call->kit->time +
			 (async->deadline_ms ? async->deadline_ms : DEFAULT_DEADLINE_MS);
	link_held(call);
}

enum gw_verdict service_offload(struct gw_call *call, const struct gw_async *async,
				void (*work)(void *arg), void *arg)
{
	if (cannot_hold(call, "offload", async))
		return GW_FAILED;
	if (call->delivery)
		delivery_sent(call->delivery); /* made here, so that the work only reads it */
	hold_begin(call, async, arg);
	call->work = work;
	if (pthread_create(&call->thread, NULL, work_thread, call) != 0)
		abort();
	return GW_PENDING;
}

enum gw_verdict service_offload_ranked(struct gw_call *call, const struct gw_async *async,
				       void (*work)(void *arg), void *arg, int rank)
{
	enum gw_verdict verdict = service_offload(call, async, work, arg);

	if (verdict == GW_PENDING)
		call->kit->last_rank = rank;
	return verdict;
}

enum gw_verdict service_hold(struct gw_call *call, const struct gw_async *async, void *arg,
			     gw_ticket *ticket)
{
	if (cannot_hold(call, "hold", async))
		return GW_FAILED;
	hold_begin(call, async, arg);
	*ticket = call->ticket;
	return GW_PENDING;
}

int service_wake(gw_ticket ticket)
{
	struct testkit *offended = NULL;
	struct gw_call *call;
	int result = -1;

	kit_lock();
	for (call = held_calls; call && (call->ticket != ticket || call->work); call = call->next)
		;
	if (call && call->async.dropped && !pthread_equal(pthread_self(), call->kit->worker)) {
		offended = call->kit;
	} else if (call && !call->woken) {
		wake_locked(call);
		result = 0;
	}
	kit_unlock();
	if (offended)
		kit_misuse(offended, "wake() from another thread, of a hold that has dropped");
	return result;
}

/* The call answers; what it said is kept for testkit_answer(). */
static enum gw_verdict call_end(struct gw_call *call, enum gw_verdict verdict)
{
	call->answer.verdict = verdict;
	call->kit->answer = call->answer;
	call_destroy(call);
	return verdict;
}

static enum gw_verdict call_resume(struct gw_call *call)
{
	unlink_held(call);
	if (call->work)
		pthread_join(call->thread, NULL);
	if (call->lookup)
		lookup_wait(call->lookup);
	return call_settle(call, call->async.resumed(call, call->arg));
}

/* What was woken was handed over for resumed(), so that runs, even if nobody hears its answer. */
static void call_drop(struct gw_call *call)
{
	unlink_held(call);
	call->over = true;
	if (call->work)
		pthread_join(call->thread, NULL);
	else if (call->woken)
		call->async.resumed(call, call->arg);
	if (call->async.dropped && (call->work || !call->woken))
		call->async.dropped(call->arg);
}

static bool code_fits(const struct gw_call *call, enum gw_verdict verdict)
{
	int code = call->answer.code;

	return code == 0 || ((verdict != GW_REJECT || code / 100 == 5) &&
			     (verdict != GW_TEMPFAIL || code / 100 == 4));
}

enum gw_verdict call_settle(struct gw_call *call, enum gw_verdict verdict)
{
	const struct hook_row *row = &kit_hooks[call->hook];

	if (verdict == GW_PENDING && call->held)
		return (call->work || call->lookup) && call->kit->offload == TESTKIT_AT_ONCE
			       ? call_resume(call)
			       : GW_PENDING;
	if (call->held) {
		kit_misuse(call->kit, "%s held its call and answered as well", row->name);
		call_drop(call);
		verdict = GW_FAILED;
	}
	if (verdict != GW_CONTINUE && verdict != GW_FAILED &&
	    ((unsigned)verdict > GW_FAILED || !(row->verdicts & BIT(verdict)))) {
		kit_misuse(call->kit, "%s answered %d, which it does not know", row->name,
			   (int)verdict);
		verdict = GW_FAILED;
	}
	if (!code_fits(call, verdict))
		kit_misuse(call->kit, "%s answered %s with code %d", row->name,
			   verdict == GW_REJECT ? "GW_REJECT" : "GW_TEMPFAIL", call->answer.code);
	return call_end(call, verdict);
}

size_t testkit_held(struct testkit *kit)
{
	const struct gw_call *call;
	size_t count = 0;

	kit_lock();
	for (call = held_calls; call; call = call->next)
		count += call->kit == kit;
	kit_unlock();
	return count;
}

static struct gw_call *first_woken(const struct testkit *kit)
{
	struct gw_call *call, *first = NULL;

	for (call = held_calls; call; call = call->next)
		if (call->kit == kit && call->woken &&
		    (!first || call->woken_order < first->woken_order))
			first = call;
	return first;
}

enum gw_verdict testkit_resume(struct testkit *kit, int timeout_ms)
{
	struct gw_call *call;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	kit_lock();
	while ((call = first_woken(kit)) == NULL)
		if (pthread_cond_timedwait(&something_woke, kit_mutex(), &until) == ETIMEDOUT)
			break;
	if (!call)
		call = first_woken(kit);
	kit_unlock();
	return call ? call_resume(call) : GW_PENDING;
}

/* The next held call of the kit that ends now: of this subject (NULL: any), or past its deadline.
 */
static struct gw_call *find_held(const struct testkit *kit, const void *subject, bool late)
{
	struct gw_call *call;

	kit_lock();
	for (call = held_calls; call; call = call->next) {
		if (call->kit != kit)
			continue;
		if (late ? call->deadline <= kit->time
			 : !subject || call->session == subject || call->message == subject ||
				    call->delivery == subject)
			break;
	}
	kit_unlock();
	return call;
}

void testkit_drop(struct testkit *kit, const void *subject)
{
	struct gw_call *call;

	while ((call = find_held(kit, subject, false)) != NULL) {
		call_drop(call);
		call_destroy(call);
	}
}

void calls_past_deadline(struct testkit *kit)
{
	struct gw_call *call;

	while ((call = find_held(kit, NULL, true)) != NULL) {
		call_drop(call);
		call_end(call, GW_FAILED);
	}
}
