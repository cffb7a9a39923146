#include "connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include <glib.h>

#define IDLE_MS 30000
#define SWEEP_MS 100
#define NEVER INT64_MAX

/* evhttp has the stream, and tells nobody when it lets go of it: a reference of our own keeps it,
 * and one that has no callbacks any more was let go of. */
struct connection {
	TAILQ_ENTRY(connection) link; /* in the order in which their deadlines were set */
	struct connections *all;
	struct bufferevent *stream;
	struct evbuffer_cb_entry *watch;
	int64_t deadline; /* ms, monotonic; NEVER: an answer is made */
	bool idle;        /* between two requests */
};

struct connections {
	TAILQ_HEAD(, connection) list;
	GHashTable *by_stream;
	struct event *sweep;
	size_t most;
	int64_t timeout_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- one --- */

static void set_deadline(struct connection *connection, int64_t deadline)
{
	connection->deadline = deadline;
	TAILQ_REMOVE(&connection->all->list, connection, link);
	TAILQ_INSERT_TAIL(&connection->all->list, connection, link);
}

/* evhttp sees the end of the connection, and lets go of it. */
static void give_up(struct connection *connection)
{
	int fd = bufferevent_getfd(connection->stream);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

static bool is_over(const struct connection *connection)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(connection->stream, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

static void connection_free(struct connection *connection)
{
	TAILQ_REMOVE(&connection->all->list, connection, link);
	g_hash_table_remove(connection->all->by_stream, connection->stream);
	evbuffer_remove_cb_entry(bufferevent_get_input(connection->stream), connection->watch);
	bufferevent_decref(connection->stream);
	free(connection);
}

/* A request begins: from now on it has its time. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *connection = arg;

	(void)input;
	if (!connection->idle || info->n_added == 0)
		return;
	connection->idle = false;
	set_deadline(connection, now_ms() + connection->all->timeout_ms);
}

/* --- all --- */

static void sweep(evutil_socket_t fd, short what, void *arg)
{
	struct connections *all = arg;
	struct connection *connection, *next;
	int64_t now = now_ms();

	(void)fd;
	(void)what;
	for (connection = TAILQ_FIRST(&all->list); connection; connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (is_over(connection))
			connection_free(connection);
		else if (connection->deadline <= now)
			give_up(connection);
	}
}

static struct connection *slowest(struct connections *all)
{
	struct connection *connection;

	TAILQ_FOREACH(connection, &all->list, link)
	if (connection->deadline != NEVER)
		return connection;
	return NULL;
}

/* The slowest makes room. False: all others wait for their answers. */
static bool make_room(struct connections *all)
{
	struct connection *goes;

	if (g_hash_table_size(all->by_stream) >= all->most)
		sweep(-1, 0, all);
	if (g_hash_table_size(all->by_stream) < all->most)
		return true;
	goes = slowest(all);
	if (!goes)
		return false;
	give_up(goes);
	set_deadline(goes, NEVER);
	return true;
}

struct bufferevent *connections_make(struct event_base *base, void *arg)
{
	struct connections *all = arg;
	struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct connection *connection = stream ? calloc(1, sizeof *connection) : NULL;

	if (!connection)
		return stream;
	connection->all = all;
	connection->stream = stream;
	connection->watch = evbuffer_add_cb(bufferevent_get_input(stream), on_input, connection);
	connection->deadline = make_room(all) ? now_ms() + all->timeout_ms : 0;
	bufferevent_incref(stream);
	TAILQ_INSERT_TAIL(&all->list, connection, link);
	g_hash_table_insert(all->by_stream, stream, connection);
	return stream;
}

void connection_asked(struct connections *all, struct bufferevent *stream)
{
	struct connection *connection = g_hash_table_lookup(all->by_stream, stream);

	if (connection)
		set_deadline(connection, NEVER);
}

void connection_answered(struct connections *all, struct bufferevent *stream)
{
	struct connection *connection = g_hash_table_lookup(all->by_stream, stream);

	if (!connection)
		return;
	connection->idle = true;
	set_deadline(connection, now_ms() + IDLE_MS);
}

void connections_close_idle(struct connections *all)
{
	struct connection *connection;

	TAILQ_FOREACH(connection, &all->list, link)
	if (connection->idle)
		give_up(connection);
}

size_t connections_count(const struct connections *all)
{
	return g_hash_table_size(all->by_stream);
}

struct connections *connections_create(struct event_base *base, size_t most, int64_t timeout_ms)
{
	struct connections *all = calloc(1, sizeof *all);
	struct timeval often = { 0, SWEEP_MS * 1000 };

	if (!all)
		return NULL;
	TAILQ_INIT(&all->list);
	all->by_stream = g_hash_table_new(NULL, NULL);
	all->most = most;
	all->timeout_ms = timeout_ms;
	all->sweep = event_new(base, -1, EV_PERSIST, sweep, all);
	if (all->sweep && event_add(all->sweep, &often) == 0)
		return all;
	connections_destroy(all);
	return NULL;
}

void connections_destroy(struct connections *all)
{
	if (!all)
		return;
	while (!TAILQ_EMPTY(&all->list))
		connection_free(TAILQ_FIRST(&all->list));
	if (all->sweep)
		event_free(all->sweep);
	g_hash_table_destroy(all->by_stream);
	free(all);
}
