/* network.h - addresses and networks, IPv4 and IPv6 as one kind: 192.0.2.1 is ::ffff:192.0.2.1, so
 * it does not matter which way a client came in or a network was written. */
#ifndef COMMON_NETWORK_H
#define COMMON_NETWORK_H

#include <gateway/module.h>

struct network {
	unsigned char bytes[16];
	unsigned bits;
};

/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.7". NULL: fine; else what is wrong with it. */
const char *network_parse(struct network *network, struct gw_str text);

/* True when it holds so much of the world that it cannot be one client's: under /8 in IPv4, under
 * /16 in IPv6. */
bool network_is_wide(const struct network *network);

/* A peer's address as a network of one; false: it is none. */
bool network_of_peer(struct network *peer, struct gw_str address);

/* Sets the bits beyond the prefix to 0. */
void network_mask(struct network *network);

/* An IPv4 address or network. */
bool network_is_four(const struct network *network);

bool network_has(const struct network *network, const struct network *peer);

/* "192.0.2.0/24", as network_parse() takes it; its size without the NUL. */
#define NETWORK_TEXT 64
size_t network_print(const struct network *network, char out[NETWORK_TEXT]);

/* The name that a peer's PTR records are at: "7.2.0.192.in-addr.arpa", or 32 nibbles in ip6.arpa.
 */
#define NETWORK_REVERSE 80
void network_reverse_name(const struct network *peer, char out[NETWORK_REVERSE]);

#endif
