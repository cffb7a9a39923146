#include "loop/listener.h"

#include "base/list.h"
#include "base/log.h"
#include "loop/worker_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPT_MOST 64    /* of one event, so that sessions get their turn */
#define EXHAUSTED_MS 1000 /* how long accepting rests when descriptors ran out */

struct listener {
	struct worker *worker;
	struct event *event;
	int fd;
	bool paused;
	bool exhausted; /* and logged */
	bool *gone;     /* set when destroyed inside `accepted` */
	struct timer rest;
	void (*accepted)(int fd, const struct sockaddr *peer, socklen_t len, void *arg);
	void *arg;
};

static int set_option(int fd, int level, int option)
{
	int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on));
}

static int prepare(int fd, const struct sockaddr *address, bool shared)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR) < 0)
		return -1;
	if (shared && set_option(fd, SOL_SOCKET, SO_REUSEPORT) < 0)
		return -1;
	if (address->sa_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
		return -1;
	return 0;
}

int listener_bind(const struct sockaddr *address, socklen_t len, bool shared, int backlog)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd < 0)
		return -1;
	if (prepare(fd, address, shared) == 0 && bind(fd, address, len) == 0 &&
	    listen(fd, backlog) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

bool listener_is_free(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;
	bool is_free = fd >= 0 && prepare(fd, address, false) == 0 && bind(fd, address, len) == 0;

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return is_free;
}

static void rested(struct timer *timer)
{
	struct listener *listener = list_of(timer, struct listener, rest);

	if (!listener->paused)
		event_add(listener->event, NULL);
}

/* A full table stays full for a while, and the event would fire without end. */
static void rest(struct listener *listener, int error)
{
	if (!listener->exhausted)
		log_say(EVENT_ACCEPT_PAUSED, "%s; accepting again in %d ms", strerror(error),
			EXHAUSTED_MS);
	listener->exhausted = true;
	if (timer_set(listener->worker, &listener->rest, EXHAUSTED_MS, rested) == 0)
		event_del(listener->event);
}

static bool is_exhaustion(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* True: one was accepted, or one failed that others need not share. */
static bool accept_one(struct listener *listener)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(listener->fd, (struct sockaddr *)&peer, &len,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		listener->accepted(fd, (struct sockaddr *)&peer, len, listener->arg);
		return true;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		listener->exhausted = false;
		return false;
	}
	if (is_exhaustion(errno)) {
		rest(listener, errno);
		return false;
	}
	return true;
}

static void ready(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	bool gone = false;
	int i;

	listener->gone = &gone;
	for (i = 0; i < ACCEPT_MOST; i++) {
		if (!accept_one(listener) || gone || listener->paused)
			break;
	}
	if (!gone)
		listener->gone = NULL;
}

struct listener *listener_create(struct worker *worker, int fd,
				 void (*accepted)(int fd, const struct sockaddr *peer,
						  socklen_t len, void *arg),
				 void *arg)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return NULL;
	listener->worker = worker;
	listener->accepted = accepted;
	listener->arg = arg;
	listener->event = event_new(worker->base, fd, EV_READ | EV_PERSIST, ready, listener);
	if (!listener->event || event_add(listener->event, NULL) < 0) {
		if (listener->event)
			event_free(listener->event);
		free(listener);
		return NULL;
	}
	/* What is accepted inherits it, which spares a call for each. */
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	listener->fd = fd;
	return listener;
}

void listener_pause(struct listener *listener)
{
	listener->paused = true;
	event_del(listener->event);
}

void listener_resume(struct listener *listener)
{
	listener->paused = false;
	if (!timer_pending(&listener->rest))
		event_add(listener->event, NULL);
}

void listener_destroy(struct listener *listener)
{
	if (!listener)
		return;
	if (listener->gone)
		*listener->gone = true;
	timer_clear(&listener->rest);
	event_free(listener->event);
	close(listener->fd);
	free(listener);
}

void listener_refuse(int fd, struct gw_str why)
{
	ssize_t sent = send(fd, why.ptr, why.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)sent;
	close(fd);
}

bool listener_address(struct gw_str text, uint16_t port, struct sockaddr_storage *address,
		      socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	char copy[INET6_ADDRSTRLEN];

	memset(address, 0, sizeof(*address));
	if (text.len >= sizeof(copy) || gw_str_has_nul(text))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof(*v4);
		return true;
	}
	if (inet_pton(AF_INET6, copy, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len = sizeof(*v6);
		return true;
	}
	return false;
}
