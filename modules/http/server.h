/* server.h - the API's own thread: its loop, its listener, its requests.
 *
 * The listening socket outlives a reload: the instance that begins takes it from the one before,
 * and no connection is refused in between. Where a reload brings other code of the module, the
 * socket is free when the old instance has not been ticked for some seconds. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "conf.h"
#include "ticks.h"

#include <event2/event.h>
#include <event2/http.h>
#include <pthread.h>

struct connections;
struct request;
struct event_store;

struct server {
	struct gw_call *call; /* the instance's, for its thread */
	const struct http_conf *conf;
	struct event_store *store; /* NULL: no events are kept */
	const struct ticks *ticks; /* the instance's */
	pthread_t thread;
	struct event_base *base;
	struct evhttp *http;
	struct evhttp_bound_socket *bound; /* NULL: it does not listen (yet) */
	struct connections *connections;
	struct event *wake, *look;
	struct request *waiting, **waiting_end; /* for their turn to be asked, in order */
	struct request *all;                    /* that are not over */
	unsigned asking;
	bool told; /* that it cannot listen */
	_Atomic bool stops;
	_Atomic bool retired; /* another one has the listener, or it stops */
	pthread_mutex_t lock;
	struct request *answered; /* by verbs, for the thread; under lock */
};

/* NULL: no memory, or no thread. */
struct server *server_begin(struct gw_call *call, const struct http_conf *conf,
			    struct event_store *store, const struct ticks *ticks);
/* Waits for its thread; what is not answered is cut off. NULL is fine. */
void server_end(struct server *server);
/* Another instance is the one in use, or none: who comes is told to ask again. [any thread] */
bool server_is_replaced(const struct server *server);

#endif
