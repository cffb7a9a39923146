#include "probe.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

static void say(struct gw_call *call, const struct probe_answer *answer)
{
	if (answer->code)
		gw->reply(call, (int)answer->code,
			  answer->enhanced.len ? answer->enhanced.ptr : NULL, "%s",
			  answer->reply.ptr);
}

static void sleep_ms(int64_t ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void wait_free(void *arg)
{
	struct probe_wait *wait = arg;

	if (wait->timer)
		event_free(wait->timer);
	free(wait);
}

static enum gw_verdict resumed(struct gw_call *call, void *arg)
{
	const struct probe_answer *answer = ((struct probe_wait *)arg)->answer;

	wait_free(arg);
	say(call, answer);
	return (enum gw_verdict)answer->verdict;
}

static void work(void *arg)
{
	sleep_ms(((struct probe_wait *)arg)->answer->delay);
}

static void timer_fired(int fd, short what, void *arg)
{
	gw->wake(((struct probe_wait *)arg)->ticket);
}

static enum gw_verdict wait_timer(struct gw_call *call, const struct gw_async *async,
				  struct probe_wait *wait)
{
	struct timeval time = { wait->answer->delay / 1000, wait->answer->delay % 1000 * 1000 };
	enum gw_verdict verdict;

	wait->timer = event_new(gw->event_base(call), -1, 0, timer_fired, wait);
	verdict = wait->timer ? gw->hold(call, async, wait, &wait->ticket) : GW_FAILED;
	if (verdict != GW_PENDING)
		wait_free(wait);
	else
		event_add(wait->timer, &time);
	return verdict;
}

static enum gw_verdict wait_plain(struct gw_call *call, const struct gw_async *async,
				  struct probe_wait *wait)
{
	enum gw_verdict verdict = gw->hold(call, async, wait, &wait->ticket);

	if (verdict != GW_PENDING)
		wait_free(wait);
	return verdict;
}

/* --- the foreign thread --- */

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static enum gw_verdict wait_thread(struct gw_call *call, const struct gw_async *async,
				   struct probe_wait *wait)
{
	struct probe *probe = gw->instance_data(call);
	enum gw_verdict verdict;

	wait->due = now_ms() + wait->answer->delay;
	pthread_mutex_lock(&probe->lock);
	verdict = gw->hold(call, async, wait, &wait->ticket);
	if (verdict == GW_PENDING) {
		wait->next = probe->waits;
		probe->waits = wait;
		pthread_cond_signal(&probe->changed);
	}
	pthread_mutex_unlock(&probe->lock);
	if (verdict != GW_PENDING)
		free(wait);
	return verdict;
}

/* Takes one that is due, or tells when the next is. */
static struct probe_wait *take_due(struct probe *probe, int64_t *next)
{
	struct probe_wait **at = &probe->waits, *wait;
	int64_t now = now_ms();

	*next = now + 3600 * 1000;
	for (; (wait = *at); at = &wait->next) {
		if (wait->due <= now || probe->ending) {
			*at = wait->next;
			return wait;
		}
		if (wait->due < *next)
			*next = wait->due;
	}
	return NULL;
}

static void *thread_main(void *arg)
{
	struct probe *probe = arg;
	struct probe_wait *wait;
	int64_t next;

	pthread_mutex_lock(&probe->lock);
	while ((wait = take_due(probe, &next)) || !probe->ending) {
		if (wait) {
			pthread_mutex_unlock(&probe->lock);
			if (gw->wake(wait->ticket) < 0)
				free(wait);
			pthread_mutex_lock(&probe->lock);
			continue;
		}
		struct timespec until = { next / 1000, next % 1000 * 1000000 };
		pthread_cond_timedwait(&probe->changed, &probe->lock, &until);
	}
	pthread_mutex_unlock(&probe->lock);
	return NULL;
}

int probe_thread_start(struct probe *probe)
{
	pthread_mutex_init(&probe->lock, NULL);
	pthread_cond_init(&probe->changed, NULL);
	return pthread_create(&probe->thread, NULL, thread_main, probe);
}

void probe_thread_stop(struct probe *probe)
{
	pthread_mutex_lock(&probe->lock);
	probe->ending = true;
	pthread_cond_signal(&probe->changed);
	pthread_mutex_unlock(&probe->lock);
	pthread_join(probe->thread, NULL);
	pthread_cond_destroy(&probe->changed);
	pthread_mutex_destroy(&probe->lock);
}

/* --- the ways --- */

static enum gw_verdict wait_offload(struct gw_call *call, const struct gw_async *async,
				    struct probe_wait *wait)
{
	enum gw_verdict verdict = gw->offload(call, async, work, wait);

	if (verdict != GW_PENDING)
		wait_free(wait);
	return verdict;
}

static enum gw_verdict wait_both(struct gw_call *call, const struct gw_async *async,
				 struct probe_wait *wait)
{
	wait_plain(call, async, wait);
	return GW_CONTINUE;
}

typedef enum gw_verdict waiter(struct gw_call *, const struct gw_async *, struct probe_wait *);
static waiter *const waiters[] = {
	[WAY_OFFLOAD] = wait_offload, [WAY_TIMER] = wait_timer, [WAY_THREAD] = wait_thread,
	[WAY_HANG] = wait_plain,      [WAY_BOTH] = wait_both,
};

enum gw_verdict probe_answer(struct gw_call *call, const struct probe_answer *answer)
{
	struct gw_async async = { resumed, answer->way == WAY_THREAD ? NULL : wait_free,
				  (uint32_t)answer->deadline };
	struct probe_wait *wait;

	if (answer->way == WAY_CRASH)
		abort();
	if (answer->way == WAY_NOW || answer->way == WAY_BLOCK) {
		if (answer->way == WAY_BLOCK)
			sleep_ms(answer->delay);
		say(call, answer);
		return (enum gw_verdict)answer->verdict;
	}
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return GW_FAILED;
	wait->answer = answer;
	return waiters[answer->way](call, &async, wait);
}
