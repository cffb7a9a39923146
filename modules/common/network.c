#include "network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

/* The number of bits that the written form has, 32 or 128; 0: no address. */
static unsigned parse_address(unsigned char bytes[16], const char *text)
{
	memcpy(bytes, mapped, sizeof mapped);
	if (inet_pton(AF_INET, text, bytes + 12) == 1)
		return 32;
	return inet_pton(AF_INET6, text, bytes) == 1 ? 128 : 0;
}

void network_mask(struct network *network)
{
	unsigned bit;

	for (bit = network->bits; bit < 128; bit++)
		network->bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
}

static bool has_bits_beyond(const struct network *network)
{
	struct network masked = *network;

	network_mask(&masked);
	return memcmp(masked.bytes, network->bytes, sizeof masked.bytes) != 0;
}

/* "/24" without its slash; -1: no prefix of that width. */
static long parse_prefix(const char *text, unsigned width)
{
	char *end;
	long bits = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && bits <= (long)width ? bits : -1;
}

const char *network_parse(struct network *network, struct gw_str text)
{
	char copy[64], *slash;
	unsigned width;
	long bits;

	if (text.len >= sizeof copy)
		return "is no IP address or network";
	snprintf(copy, sizeof copy, "%.*s", GW_STR_ARGS(text));
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	width = parse_address(network->bytes, copy);
	if (width == 0)
		return "is no IP address or network";
	bits = slash ? parse_prefix(slash, width) : (long)width;
	if (bits < 0)
		return width == 32 ? "needs a prefix from /0 to /32"
				   : "needs a prefix from /0 to /128";
	network->bits = (unsigned)bits + 128 - width;
	return has_bits_beyond(network) ? "has address bits beyond its prefix" : NULL;
}

bool network_is_four(const struct network *network)
{
	return network->bits >= 96 && memcmp(network->bytes, mapped, sizeof mapped) == 0;
}

bool network_is_wide(const struct network *network)
{
	return network_is_four(network) ? network->bits < 96 + 8 : network->bits < 16;
}

bool network_of_peer(struct network *peer, struct gw_str address)
{
	/* behind it the interface of a link-local address */
	size_t len = gw_str_find(address, '%');
	char copy[64];

	if (len >= sizeof copy)
		return false;
	memcpy(copy, address.ptr, len);
	copy[len] = '\0';
	peer->bits = 128;
	return parse_address(peer->bytes, copy) != 0;
}

bool network_has(const struct network *network, const struct network *peer)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);

	return memcmp(network->bytes, peer->bytes, whole) == 0 &&
	       (rest == 0 || ((network->bytes[whole] ^ peer->bytes[whole]) & mask) == 0);
}

size_t network_print(const struct network *network, char out[NETWORK_TEXT])
{
	bool four = network_is_four(network);
	char address[INET6_ADDRSTRLEN] = "";

	inet_ntop(four ? AF_INET : AF_INET6, network->bytes + (four ? 12 : 0), address,
		  sizeof address);
	return (size_t)snprintf(out, NETWORK_TEXT, "%s/%u", address,
				network->bits - (four ? 96 : 0));
}

void network_reverse_name(const struct network *peer, char out[NETWORK_REVERSE])
{
	const unsigned char *bytes = peer->bytes;
	size_t len = 0;
	int i;

	if (network_is_four(peer)) {
		snprintf(out, NETWORK_REVERSE, "%u.%u.%u.%u.in-addr.arpa", bytes[15], bytes[14],
			 bytes[13], bytes[12]);
		return;
	}
	for (i = 15; i >= 0; i--)
		len += (size_t)snprintf(out + len, NETWORK_REVERSE - len, "%x.%x.", bytes[i] & 15,
					bytes[i] >> 4);
	snprintf(out + len, NETWORK_REVERSE - len, "ip6.arpa");
}
