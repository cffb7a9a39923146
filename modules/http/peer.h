/* peer.h - which addresses a webhook may go to: those of the public Internet, unless it is allowed
 * to go elsewhere. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include <stdbool.h>
#include <sys/socket.h>

/* Whatever way it is written: an IPv4 address within IPv6 is judged as that. */
bool peer_is_public(const struct sockaddr *address);

/* "10.0.0.1", "[::1]" or "::1" is an address, and not a public one; "localhost" too. */
bool peer_host_is_private(const char *host);

#endif
