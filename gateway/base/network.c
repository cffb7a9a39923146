#include "base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define V4_BITS 96

static const unsigned char v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const struct ip *ip)
{
	return memcmp(ip->octets, v4_prefix, sizeof(v4_prefix)) == 0;
}

static void set_v4(struct ip *ip, const void *octets)
{
	memcpy(ip->octets, v4_prefix, sizeof(v4_prefix));
	memcpy(ip->octets + sizeof(v4_prefix), octets, 4);
}

bool ip_of(const struct sockaddr *address, struct ip *ip)
{
	if (address->sa_family == AF_INET)
		set_v4(ip, &((const struct sockaddr_in *)address)->sin_addr);
	else if (address->sa_family == AF_INET6)
		memcpy(ip->octets, &((const struct sockaddr_in6 *)address)->sin6_addr,
		       sizeof(ip->octets));
	else
		return false;
	return true;
}

/* The bits that the written form has; 0: it is no address. */
static unsigned parse_address(struct gw_str text, struct ip *ip)
{
	char copy[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (text.len >= sizeof(copy) || gw_str_has_nul(text))
		return 0;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, &v4) == 1) {
		set_v4(ip, &v4);
		return 32;
	}
	return inet_pton(AF_INET6, copy, ip->octets) == 1 ? 128 : 0;
}

/* One to three digits; more than `most` for anything else. */
static unsigned parse_bits(struct gw_str text, unsigned most)
{
	unsigned bits = 0;
	size_t i;

	if (text.len == 0 || text.len > 3)
		return most + 1;
	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return most + 1;
		bits = bits * 10 + (unsigned)(text.ptr[i] - '0');
	}
	return bits;
}

static bool same_bits(const struct ip *a, const struct ip *b, unsigned bits)
{
	unsigned whole = bits / 8, mask = 0xff00u >> bits % 8 & 0xff;

	return memcmp(a->octets, b->octets, whole) == 0 &&
	       (mask == 0 || ((a->octets[whole] ^ b->octets[whole]) & mask) == 0);
}

/* A written address with bits behind its prefix is more likely a slip than a network. */
static bool is_first(const struct network *network)
{
	struct ip first = { { 0 } };

	memcpy(first.octets, network->first.octets, network->bits / 8);
	if (network->bits % 8)
		first.octets[network->bits / 8] = network->first.octets[network->bits / 8] &
						  (unsigned char)(0xff00u >> network->bits % 8);
	return memcmp(&first, &network->first, sizeof(first)) == 0;
}

const char *network_parse(struct gw_str text, struct network *network)
{
	size_t slash = gw_str_find(text, '/');
	unsigned width = parse_address(gw_str_n(text.ptr, slash), &network->first), bits = width;

	if (width == 0)
		return "is no network, as 192.0.2.0/24 and 2001:db8::/32 are";
	if (slash < text.len)
		bits = parse_bits(gw_str_from(text, slash + 1), width);
	if (bits > width)
		return width == 32 ? "is no network: its prefix has to be from /0 to /32"
				   : "is no network: its prefix has to be from /0 to /128";
	network->bits = bits + (128 - width);
	return is_first(network) ? NULL : "is no network: there are bits behind its prefix";
}

bool network_holds(const struct network *network, const struct ip *ip)
{
	if (network->bits < V4_BITS && is_v4(ip))
		return false;
	return same_bits(&network->first, ip, network->bits);
}
