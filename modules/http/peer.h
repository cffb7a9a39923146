/* peer.h - which addresses a webhook may go to: those of the public Internet, unless it is allowed
 * to go elsewhere. */
#ifndef HTTP_PEER_H
#define HTTP_PEER_H

#include <stdbool.h>

/* "10.0.0.1", "[::1]" or "::1" is an address, and not a public one; "localhost" too. */
bool peer_host_is_private(const char *host);

#endif
