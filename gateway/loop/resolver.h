/* resolver.h - host names of relays to addresses. Where mail for a domain goes is another interface
 * (dns.h).
 *
 * A name with a dot is looked for in /etc/hosts, then in the DNS, IPv6 and IPv4 at once: of the
 * servers of dns_options.forward, or else of resolv.conf as it is now, without validation. Every
 * other name, and one that neither of them knows now, is the system's (getaddrinfo: localhost,
 * search lists, whatever nsswitch.conf says), on the pool.
 *
 * Per worker. Who asks meanwhile shares the look-up. An answer of the DNS is kept as long as its
 * TTL says, from a second to an hour, any other one for a minute, a failure for ten seconds. */
#ifndef LOOP_RESOLVER_H
#define LOOP_RESOLVER_H

#include "loop/dns.h"
#include "loop/offload.h"

#include <sys/socket.h>

#define RESOLVER_ADDRESSES 16

struct resolved {
	int error; /* 0, EAI_NONAME (no such host), EAI_AGAIN (try later), ... of getaddrinfo */
	size_t count;
	struct sockaddr_storage addresses[RESOLVER_ADDRESSES]; /* port filled in */
	socklen_t lengths[RESOLVER_ADDRESSES];
};

struct resolver; /* one per worker */

/* In the main thread, as dns_create. `dns` NULL: the system is asked alone. `hosts` is the hosts
 * file, a text that stays. NULL: no memory. */
struct resolver *resolver_create(struct worker *worker, struct offload_pool *pool,
				 const struct dns_options *dns, const char *hosts);
void resolver_destroy(struct resolver *resolver);

/* A question, in memory the caller owns until `done` ran or resolver_cancel was called. A numeric
 * address is answered from inside the call as others are: always from the loop, never from inside
 * resolver_ask. */
struct resolve {
	void (*done)(struct resolve *resolve,
		     const struct resolved *answer); /* answer: valid during the call */
	void *pending;
};
int resolver_ask(struct resolver *resolver, struct gw_str host, uint16_t port,
		 struct resolve *resolve);     /* -1: no memory */
void resolver_cancel(struct resolve *resolve); /* done will not run; fine when nothing is pending */

#endif
