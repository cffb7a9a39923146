/* resolver.h - host names of relays to addresses, as the system resolves them (hosts file included), in the offload pool.
 *
 * Answers are kept for a minute, failures for ten seconds, per worker. MX look-ups are another interface. */
#ifndef LOOP_RESOLVER_H
#define LOOP_RESOLVER_H

#include "loop/offload.h"
#include <sys/socket.h>

#define RESOLVER_ADDRESSES 16

struct resolved {
	int error;            /* 0, EAI_NONAME (no such host), EAI_AGAIN (try later), ... of getaddrinfo */
	size_t count;
	struct sockaddr_storage addresses[RESOLVER_ADDRESSES]; /* port filled in */
	socklen_t lengths[RESOLVER_ADDRESSES];
};

struct resolver; /* one per worker */

struct resolver *resolver_create(struct worker *worker, struct offload_pool *pool);
void resolver_destroy(struct resolver *resolver);

/* A question, in memory the caller owns until `done` ran or resolver_cancel was called. A numeric address is answered from
 * inside the call as others are: always from the loop, never from inside resolver_ask. */
struct resolve {
	void (*done)(struct resolve *resolve, const struct resolved *answer); /* answer: valid during the call */
	void *pending;
};
int resolver_ask(struct resolver *resolver, struct gw_str host, uint16_t port, struct resolve *resolve); /* -1: no memory */
void resolver_cancel(struct resolve *resolve); /* done will not run; fine when nothing is pending */

#endif
