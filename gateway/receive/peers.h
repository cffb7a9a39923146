/* peers.h - how many sessions each client address (of IPv6: each /64) has open, over all workers. [any thread] */
#ifndef RECEIVE_PEERS_H
#define RECEIVE_PEERS_H

#include <gateway/str.h>

#include <sys/socket.h>

struct peer;

enum peers_answer {
	PEERS_ENTERED,
	PEERS_FULL,
	PEERS_FULL_FIRST, /* ... which was not said yet since this address came */
	PEERS_NO_MEMORY,
};

/* One more session from this address, unless it has `most` of them; *peer is for peers_leave. */
enum peers_answer peers_enter(const struct sockaddr *address, int64_t most, struct peer **peer);
void peers_leave(struct peer *peer); /* NULL is fine */

/* How many addresses have sessions. */
size_t peers_count(void);

#endif
