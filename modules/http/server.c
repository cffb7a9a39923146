#include "server.h"

#include "connection.h"
#include "listener.h"
#include "request.h"

#include <errno.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BODY_MOST 65536
#define HEADERS_MOST 16384
#define TICKS_MISSED 5 /* seconds after which an instance has been replaced */
#define METHODS                                                                                    \
	(EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE)

bool server_is_replaced(const struct server *server)
{
	return atomic_load(&server->retired) || ticks_missing(server->ticks, TICKS_MISSED);
}

/* --- the listener --- */

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	evconnlistener_disable(listener); /* look() tries again */
}

static void begin_listening(struct server *server)
{
	int fd = listener_take(server, server->conf->listen);

	if (fd >= 0)
		server->bound = evhttp_accept_socket_with_handle(server->http, fd);
	if (server->bound) {
		evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(server->bound),
					    on_accept_error);
		gw->log(server->call, GW_LOG_INFO, "the API listens on %.*s",
			GW_STR_ARGS(server->conf->listen));
		return;
	}
	if (!server->told)
		gw->log(server->call, GW_LOG_ERROR,
			"the API cannot listen on %.*s: %s; it is tried again each second",
			GW_STR_ARGS(server->conf->listen), strerror(errno));
	server->told = true;
	if (fd >= 0)
		close(fd);
}

/* Requests that have begun are answered. */
static void leave(struct server *server)
{
	if (server->bound)
		evhttp_del_accept_socket(server->http, server->bound);
	server->bound = NULL;
	listener_leave(server);
	connections_close_idle(server->connections);
}

static void look(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	if (server_is_replaced(server))
		leave(server);
	else if (server->bound)
		evconnlistener_enable(evhttp_bound_socket_get_listener(server->bound));
	else
		begin_listening(server);
}

/* --- the thread --- */

/* Who has just connected, before the listener was handed on, still hears that it is to ask again.
 */
static void finish(struct server *server)
{
	const struct timeval grace = { 0, 500000 };

	if (connections_count(server->connections) == 0)
		event_base_loopbreak(server->base);
	else
		event_base_loopexit(server->base, &grace);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	requests_take_answers(server);
	if (server_is_replaced(server))
		leave(server);
	if (atomic_load(&server->stops))
		finish(server);
}

static void *serve(void *arg)
{
	struct server *server = arg;

	pthread_setname_np(pthread_self(), "http-api");
	begin_listening(server);
	event_base_dispatch(server->base);
	return NULL;
}

static bool start_thread(struct server *server)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&server->thread, NULL, serve, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

/* --- its parts --- */

static void server_free(struct server *server)
{
	if (server->http)
		evhttp_free(server->http);
	connections_destroy(server->connections);
	if (server->look)
		event_free(server->look);
	if (server->wake)
		event_free(server->wake);
	if (server->base)
		event_base_free(server->base);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

static void set_up_http(struct server *server)
{
	const struct http_conf *conf = server->conf;

	evhttp_set_allowed_methods(server->http, METHODS);
	evhttp_set_max_body_size(server->http, BODY_MOST);
	evhttp_set_max_headers_size(server->http, HEADERS_MOST);
	evhttp_set_timeout(server->http, (int)(conf->timeout / 1000) + 60);
	evhttp_set_bevcb(server->http, connections_make, server->connections);
	evhttp_set_gencb(server->http, request_begin, server);
}

static bool make_parts(struct server *server)
{
	struct timeval second = { 1, 0 };
	struct event_base *base = server->base = event_base_new();

	server->http = base ? evhttp_new(base) : NULL;
	server->wake = base ? event_new(base, -1, EV_PERSIST, on_wake, server) : NULL;
	server->look = base ? event_new(base, -1, EV_PERSIST, look, server) : NULL;
	server->connections = base ? connections_create(base, (size_t)server->conf->connections,
							server->conf->timeout)
				   : NULL;
	return server->http && server->wake && server->look && server->connections &&
	       event_add(server->look, &second) == 0;
}

struct server *server_begin(struct gw_call *call, const struct http_conf *conf,
			    struct event_store *store, const struct ticks *ticks)
{
	struct server *server = calloc(1, sizeof *server);

	if (!server)
		return NULL;
	server->call = call;
	server->conf = conf;
	server->store = store;
	server->ticks = ticks;
	server->waiting_end = &server->waiting;
	pthread_mutex_init(&server->lock, NULL);
	if (make_parts(server)) {
		set_up_http(server);
		if (start_thread(server))
			return server;
	}
	server_free(server);
	return NULL;
}

void server_end(struct server *server)
{
	if (!server)
		return;
	atomic_store(&server->retired, true);
	atomic_store(&server->stops, true);
	event_active(server->wake, 0, 0);
	pthread_join(server->thread, NULL);
	requests_drop(server);
	server_free(server);
}
