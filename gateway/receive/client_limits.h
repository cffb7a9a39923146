/* client_limits.h - how many sessions each client address (of IPv6: each /64) has open, over all
 * workers. [any thread] */
#ifndef RECEIVE_CLIENT_LIMITS_H
#define RECEIVE_CLIENT_LIMITS_H

#include <gateway/str.h>

#include <sys/socket.h>

struct peer;

enum client_limits_answer {
	CLIENT_LIMITS_ENTERED,
	CLIENT_LIMITS_FULL,
	CLIENT_LIMITS_FULL_FIRST, /* ... which was not said yet since this address came */
	CLIENT_LIMITS_NO_MEMORY,
};

/* One more session from this address, unless it has `most` of them; *peer is for
 * client_limits_leave. */
enum client_limits_answer client_limits_enter(const struct sockaddr *address, int64_t most,
					      struct peer **peer);
void client_limits_leave(struct peer *peer); /* NULL is fine */

/* How many addresses have sessions. */
size_t client_limits_count(void);

#endif
