/* timer.c - timers and signals of a worker. */
#include "loop/worker_private.h"

#include <stdlib.h>

struct signal_watch {
	struct signal_watch *next;
	struct event *event;
	void (*fire)(int signal, void *arg);
	void *arg;
};

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct timer *timer = arg;

	/* Let go of first: the owner may set it again or free it. */
	timer_clear(timer);
	timer->fire(timer);
}

int timer_set(struct worker *worker, struct timer *timer, int64_t ms,
	      void (*fire)(struct timer *timer))
{
	struct timeval wait;

	if (ms < 0)
		ms = 0;
	wait.tv_sec = (time_t)(ms / 1000);
	wait.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	timer->worker = worker;
	timer->fire = fire;
	if (!timer->event)
		timer->event = evtimer_new(worker->base, timer_fired, timer);
	if (!timer->event)
		return -1;
	return evtimer_add(timer->event, &wait);
}

void timer_clear(struct timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	timer->event = NULL;
}

bool timer_pending(const struct timer *timer)
{
	return timer->event != NULL;
}

static void signal_fired(evutil_socket_t number, short what, void *arg)
{
	struct signal_watch *watch = arg;

	watch->fire((int)number, watch->arg);
}

int worker_signal(struct worker *worker, int signal, void (*fire)(int signal, void *arg), void *arg)
{
	struct signal_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -1;
	watch->fire = fire;
	watch->arg = arg;
	watch->event = evsignal_new(worker->base, signal, signal_fired, watch);
	if (!watch->event || event_add(watch->event, NULL) < 0) {
		if (watch->event)
			event_free(watch->event);
		free(watch);
		return -1;
	}
	watch->next = worker->signals;
	worker->signals = watch;
	return 0;
}

void signals_finish(struct worker *worker)
{
	struct signal_watch *watch;

	while ((watch = worker->signals) != NULL) {
		worker->signals = watch->next;
		event_free(watch->event);
		free(watch);
	}
}
