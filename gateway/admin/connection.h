/* connection.h - the connections of the control socket, with their bounds.
 *
 * Who may not ask is told so and closed before a word is read. One caller holds few connections,
 * and only so many questions at a time: a connection counts until what it asked is answered,
 * whether it is still there or not; the next question is read when the answer before it is out.
 * Root and the gateway's own user have places of their own, where the longest silent connection
 * makes room for a new one. */
#ifndef ADMIN_CONNECTION_H
#define ADMIN_CONNECTION_H

#include "admin/caller.h"
#include "admin/request.h"

struct stream;

struct connection {
	struct connection *next; /* the one that came before */
	struct admin *admin;
	struct stream *stream;   /* NULL: it is gone, and waits for its request to end */
	struct request *request; /* the one being answered */
	struct caller caller;
	unsigned waits; /* seconds since it asked */
	bool answering; /* until the answer is out */
};

/* From the listener; closes what it does not keep. `arg` is the admin. */
void connection_accept(int fd, const struct sockaddr *peer, socklen_t len, void *arg);

/* The answer, without its line end, to the request that `connection` has. */
void connection_answer(struct connection *connection, struct gw_str json);

/* A worker that hangs answers nobody: who waits for some seconds is told which it is. Runs from
 * here on. */
void connection_watch(struct admin *admin);

/* Each of them, at the end. */
void connection_close_all(struct admin *admin);

#endif
