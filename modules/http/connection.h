/* connection.h - the connections of the API's server, with what evhttp lacks: how many there are,
 * and a deadline that no dripping octet puts off.
 *
 * A connection is given up when a request is not there in time, when its answer is not taken in
 * time, or when it is the slowest and another one needs its place. All of one thread. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bufferevent;
struct event_base;
struct connections;

/* NULL: no memory. */
struct connections *connections_create(struct event_base *base, size_t most, int64_t timeout_ms);
/* when all are gone: evhttp_free() comes first */
void connections_destroy(struct connections *connections);

/* For evhttp_set_bevcb(): `arg` is the connections. */
struct bufferevent *connections_make(struct event_base *base, void *arg);

/* Its request is whole, and an answer is made: the deadline is the answer's own. */
void connection_asked(struct connections *connections, struct bufferevent *stream);
/* The answer is handed to it next: it has to be taken in time. */
void connection_answered(struct connections *connections, struct bufferevent *stream);

/* Those that ask nothing are given up. */
void connections_close_idle(struct connections *connections);

size_t connections_count(const struct connections *connections);

#endif
