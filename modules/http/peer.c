#include "peer.h"

#include <gateway/address.h>

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool peer_host_is_private(const char *host)
{
	size_t len = strlen(host), tail = strlen(".localhost");
	uint8_t octets[16];
	char bare[64];

	if (strcasecmp(host, "localhost") == 0 ||
	    (len > tail && strcasecmp(host + len - tail, ".localhost") == 0))
		return true;
	snprintf(bare, sizeof bare, "%s", *host == '[' ? host + 1 : host);
	bare[strcspn(bare, "]")] = '\0';
	if (inet_pton(AF_INET, bare, octets) == 1)
		return !gw_four_is_public(octets);
	return inet_pton(AF_INET6, bare, octets) == 1 && !gw_six_is_public(octets);
}
