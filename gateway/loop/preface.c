#include "loop/preface.h"

#include "base/list.h"
#include "loop/worker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct preface {
	struct worker *worker;
	const struct preface_form *form;
	void *arg;
	struct event *event;
	struct timer timer;
	int fd;
	size_t len;
	char bytes[];
};

static void end(struct preface *preface, enum preface_end why)
{
	event_del(preface->event);
	timer_clear(&preface->timer);
	preface->form->ended(preface, why, preface->arg);
}

static void timed_out(struct timer *timer)
{
	end(list_of(timer, struct preface, timer), PREFACE_TIMEOUT);
}

/* Takes from the socket what was only looked at. */
static bool take(struct preface *preface, size_t len)
{
	ssize_t got = recv(preface->fd, preface->bytes + preface->len, len, 0);

	if (got < 0 || (size_t)got != len)
		return false;
	preface->len += len;
	return true;
}

/* What is there is looked at first, for what follows the preface has to stay in the socket. */
static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct preface *preface = arg;
	ssize_t got = recv(preface->fd, preface->bytes + preface->len,
			   preface->form->most - preface->len, MSG_PEEK);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		end(preface, PREFACE_LOST);
		return;
	}
	size_t there = preface->len + (size_t)got;
	ssize_t whole = preface->form->measure(gw_str_n(preface->bytes, there), preface->arg);
	if (whole < 0 || (whole == 0 && there == preface->form->most))
		end(preface, PREFACE_WRONG);
	else if (!take(preface, (whole ? (size_t)whole : there) - preface->len))
		end(preface, PREFACE_LOST);
	else if (whole)
		end(preface, PREFACE_READ);
}

struct preface *preface_create(struct worker *worker, int fd, const struct preface_form *form,
			       void *arg)
{
	struct preface *preface = calloc(1, sizeof(*preface) + form->most);

	if (!preface)
		return NULL;
	preface->worker = worker;
	preface->form = form;
	preface->arg = arg;
	preface->fd = -1;
	preface->event = event_new(worker->base, fd, EV_READ | EV_PERSIST, readable, preface);
	if (!preface->event || event_add(preface->event, NULL) < 0 ||
	    timer_set(worker, &preface->timer, form->ms, timed_out) < 0) {
		preface_destroy(preface);
		return NULL;
	}
	preface->fd = fd;
	return preface;
}

struct gw_str preface_bytes(const struct preface *preface)
{
	return gw_str_n(preface->bytes, preface->len);
}

int preface_take(struct preface *preface)
{
	int fd = preface->fd;

	event_del(preface->event);
	preface->fd = -1;
	return fd;
}

void preface_destroy(struct preface *preface)
{
	if (!preface)
		return;
	if (preface->event)
		event_free(preface->event);
	timer_clear(&preface->timer);
	if (preface->fd >= 0)
		close(preface->fd);
	free(preface);
}
