/* network.h - internet addresses and the networks they lie in. IPv4 stands as in ::ffff:0:0/96, so
 * that one form serves both. */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <gateway/str.h>

#include <sys/socket.h>

struct ip {
	unsigned char octets[16];
};

struct network {
	struct ip first;
	unsigned bits; /* of 128 */
};

/* False: it is no internet address. */
bool ip_of(const struct sockaddr *address, struct ip *ip);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. NULL, or what is wrong with it: "is ..." */
const char *network_parse(struct gw_str text, struct network *network);

/* An IPv6 network, ::/0 too, holds no IPv4 address. */
bool network_holds(const struct network *network, const struct ip *ip);

#endif
