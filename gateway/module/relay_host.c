/* relay_host.c - what a relay's host may be. The resolver is asked for names alone, so what looks
 * like an address and is none is nobody's name. */
#include "module/load.h"

#include "loop/dns.h"

#include <arpa/inet.h>

static bool is_address(struct gw_str host, int family)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(family, host.ptr, address) == 1;
}

static bool is_number(struct gw_str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return text.len > 0;
}

/* No name ends in a label of digits alone: there is no such top level domain. */
static bool ends_in_number(struct gw_str host)
{
	size_t start = host.len;

	while (start > 0 && host.ptr[start - 1] != '.')
		start--;
	return is_number(gw_str_from(host, start));
}

static bool has_port(struct gw_str host)
{
	size_t colon = gw_str_find(host, ':');

	return colon > 0 && colon < host.len && is_number(gw_str_from(host, colon + 1));
}

const char *relay_host_flaw(struct gw_str host)
{
	char name[DNS_NAME_MAX + 1];

	if (gw_str_find(host, '[') < host.len || gw_str_find(host, ']') < host.len)
		return "has brackets: an IPv6 address stands here without them, and a port in port";
	if (is_address(host, AF_INET6) || is_address(host, AF_INET))
		return NULL;
	if (has_port(host))
		return "has a port in it: that is an option of its own, port = 587";
	if (gw_str_find(host, ':') < host.len)
		return "is no IPv6 address";
	if (ends_in_number(host))
		return "is no IPv4 address";
	return is_word(host, ".-_") && dns_name(host, name)
		       ? NULL
		       : "is neither a host name nor an address";
}
