#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* IANA's registry of special purpose addresses: what is not globally reachable. */
static const struct {
	uint8_t octets[4];
	int bits;
} private_four[] = {
	{ { 0 }, 8 },
	{ { 10 }, 8 },
	{ { 100, 64 }, 10 },
	{ { 127 }, 8 },
	{ { 169, 254 }, 16 },
	{ { 172, 16 }, 12 },
	{ { 192, 0, 0 }, 24 },
	{ { 192, 0, 2 }, 24 },
	{ { 192, 88, 99 }, 24 },
	{ { 192, 168 }, 16 },
	{ { 198, 18 }, 15 },
	{ { 198, 51, 100 }, 24 },
	{ { 203, 0, 113 }, 24 },
	{ { 224 }, 3 },
};

static bool is_in(const uint8_t *address, const uint8_t *network, int bits)
{
	int whole = bits / 8, rest = bits % 8;

	return memcmp(address, network, (size_t)whole) == 0 &&
	       (!rest || (address[whole] ^ network[whole]) >> (8 - rest) == 0);
}

static bool four_is_public(const uint8_t address[4])
{
	size_t i;

	for (i = 0; i < sizeof private_four / sizeof *private_four; i++)
		if (is_in(address, private_four[i].octets, private_four[i].bits))
			return false;
	return true;
}

/* Of IPv6 only 2000::/3 is given out; within it what carries an IPv4 address, or is for documents
 * or tunnels, is not. */
static bool six_is_public(const uint8_t address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff },
			     nat64[12] = { 0x00, 0x64, 0xff, 0x9b }, given[1] = { 0x20 },
			     special[3] = { 0x20, 0x01, 0x00 },
			     documents[4] = { 0x20, 0x01, 0x0d, 0xb8 },
			     more[3] = { 0x3f, 0xff, 0x00 }, six_to_four[2] = { 0x20, 0x02 };

	if (is_in(address, mapped, 96) || is_in(address, nat64, 96))
		return four_is_public(address + 12);
	if (is_in(address, six_to_four, 16))
		return four_is_public(address + 2);
	return is_in(address, given, 3) && !is_in(address, special, 23) &&
	       !is_in(address, documents, 32) && !is_in(address, more, 20);
}

bool peer_is_public(const struct sockaddr *address)
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;

	switch (address->sa_family) {
	case AF_INET:
		memcpy(&four, address, sizeof four);
		return four_is_public((const uint8_t *)&four.sin_addr);
	case AF_INET6:
		memcpy(&six, address, sizeof six);
		return six_is_public(six.sin6_addr.s6_addr);
	default:
		return false;
	}
}

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
		return !four_is_public(octets);
	return inet_pton(AF_INET6, bare, octets) == 1 && !six_is_public(octets);
}
