/* gateway/address.h - which addresses are those of the public Internet: for what goes where others
 * say, such as a webhook, or a URL out of somebody's DNS, which has no business in the networks
 * behind this gateway. */
#ifndef GATEWAY_ADDRESS_H
#define GATEWAY_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline bool gw_address_begins(const uint8_t *address, const uint8_t *network, unsigned bits)
{
	size_t whole = bits / 8;
	unsigned rest = bits % 8;

	return memcmp(address, network, whole) == 0 &&
	       (rest == 0 || (address[whole] ^ network[whole]) >> (8 - rest) == 0);
}

/* Four octets. IANA's registry of special purpose addresses: what is not globally reachable. */
static inline bool gw_four_is_public(const uint8_t *address)
{
	static const struct {
		uint8_t octets[4];
		unsigned bits;
	} special[] = {
		{ { 0, 0, 0, 0 }, 8 },      { { 10, 0, 0, 0 }, 8 },     { { 100, 64, 0, 0 }, 10 },
		{ { 127, 0, 0, 0 }, 8 },    { { 169, 254, 0, 0 }, 16 }, { { 172, 16, 0, 0 }, 12 },
		{ { 192, 0, 0, 0 }, 24 },   { { 192, 0, 2, 0 }, 24 },   { { 192, 88, 99, 0 }, 24 },
		{ { 192, 168, 0, 0 }, 16 }, { { 198, 18, 0, 0 }, 15 },  { { 198, 51, 100, 0 }, 24 },
		{ { 203, 0, 113, 0 }, 24 }, { { 224, 0, 0, 0 }, 3 },
	};

	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (gw_address_begins(address, special[i].octets, special[i].bits))
			return false;
	return true;
}

/* Sixteen octets. Of IPv6 only 2000::/3 is given out; within it what carries an IPv4 address is
 * judged as that, and what is for documents or tunnels is not public. */
static inline bool gw_six_is_public(const uint8_t *address)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	static const uint8_t nat64[12] = { 0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t given[1] = { 0x20 }, special[3] = { 0x20, 0x01, 0x00 };
	static const uint8_t documents[4] = { 0x20, 0x01, 0x0d, 0xb8 }, more[3] = { 0x3f, 0xff, 0 };
	static const uint8_t six_to_four[2] = { 0x20, 0x02 };

	if (gw_address_begins(address, mapped, 96) || gw_address_begins(address, nat64, 96))
		return gw_four_is_public(address + 12);
	if (gw_address_begins(address, six_to_four, 16))
		return gw_four_is_public(address + 2);
	return gw_address_begins(address, given, 3) && !gw_address_begins(address, special, 23) &&
	       !gw_address_begins(address, documents, 32) && !gw_address_begins(address, more, 20);
}

/* Whatever way it is written; false: it is private, or none of IPv4 and IPv6. */
static inline bool gw_address_is_public(const struct sockaddr *address)
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	uint8_t octets[16];

	if (address->sa_family == AF_INET) {
		memcpy(&four, address, sizeof four);
		memcpy(octets, &four.sin_addr, 4);
		return gw_four_is_public(octets);
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&six, address, sizeof six);
	memcpy(octets, &six.sin6_addr, 16);
	return gw_six_is_public(octets);
}

#ifdef __cplusplus
}
#endif
#endif
