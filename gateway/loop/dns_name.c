/* dns_name.c - domains as text, and addresses that mail may go to. */
#include "loop/dns_private.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <stdio.h>

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool dns_name_is_host(const char *name)
{
	size_t label = 0, len = 0;

	for (; name[len] != '\0'; len++) {
		label = name[len] == '.' ? 0 : label + 1;
		if (label > 63 || (label == 0 && (len == 0 || name[len - 1] == '.')) ||
		    (label != 0 && !is_host_char(name[len])))
			return false;
	}
	return len != 0 && len <= DNS_NAME_MAX && label != 0;
}

static bool lower(struct gw_str domain, char name[DNS_NAME_MAX + 1])
{
	bool ascii = true;
	size_t i;

	for (i = 0; i < domain.len; i++) {
		char c = domain.ptr[i];
		ascii = ascii && (unsigned char)c < 128;
		name[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	name[domain.len] = '\0';
	return ascii;
}

static bool to_ascii(char name[DNS_NAME_MAX + 1])
{
	char *converted = NULL;
	bool fits = idn2_to_ascii_8z(name, &converted, IDN2_NONTRANSITIONAL) == IDN2_OK &&
		    strlen(converted) <= DNS_NAME_MAX;

	if (fits)
		strcpy(name, converted);
	idn2_free(converted);
	return fits;
}

bool dns_name(struct gw_str domain, char name[DNS_NAME_MAX + 1])
{
	if (domain.len != 0 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (domain.len > DNS_NAME_MAX || gw_str_has_nul(domain))
		return false;
	if (!lower(domain, name) && !to_ascii(name))
		return false;
	return dns_name_is_host(name);
}

/* Labels of 1 to 63 octets. */
static bool has_labels(const char *name)
{
	size_t label = 0, len = 0;

	for (; name[len] != '\0'; len++) {
		label = name[len] == '.' ? 0 : label + 1;
		if (label > 63 || (label == 0 && (len == 0 || name[len - 1] == '.')))
			return false;
	}
	return label != 0;
}

static void escape(const char *name, char out[DNS_NAME_TEXT])
{
	for (; *name != '\0'; name++) {
		if (*name > ' ' && *name <= '~' && *name != '\\')
			*out++ = *name;
		else
			out += sprintf(out, "\\%03u", (unsigned)(unsigned char)*name);
	}
	*out = '\0';
}

bool dns_name_any(struct gw_str domain, char name[DNS_NAME_TEXT])
{
	char plain[DNS_NAME_MAX + 1];

	if (domain.len != 0 && domain.ptr[domain.len - 1] == '.')
		domain.len--;
	if (domain.len > DNS_NAME_MAX || gw_str_has_nul(domain))
		return false;
	if ((!lower(domain, plain) && !to_ascii(plain)) || !has_labels(plain))
		return false;
	escape(plain, name);
	return true;
}

bool dns_literal(struct gw_str domain, union dns_address *address)
{
	static const struct gw_str tag = GW_STR("IPv6:");
	struct gw_str inside = gw_str_n(domain.ptr + 1, domain.len > 2 ? domain.len - 2 : 0);
	char text[INET6_ADDRSTRLEN] = "";

	memset(address, 0, sizeof(*address));
	if (domain.len < 3 || domain.ptr[domain.len - 1] != ']' || gw_str_has_nul(domain))
		return false;
	address->any.sa_family = AF_INET;
	if (inside.len > tag.len && gw_str_ieq(gw_str_n(inside.ptr, tag.len), tag)) {
		inside = gw_str_from(inside, tag.len);
		address->any.sa_family = AF_INET6;
	}
	if (inside.len >= sizeof(text))
		return false;
	memcpy(text, inside.ptr, inside.len);
	if (address->any.sa_family == AF_INET6)
		return inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1;
	return inet_pton(AF_INET, text, &address->v4.sin_addr) == 1;
}

static bool v4_is_usable(uint32_t address)
{
	uint32_t top = address >> 24;

	return top != 0 && top != 127 && top < 224;
}

bool dns_address_is_usable(const union dns_address *address)
{
	const struct in6_addr *six = &address->v6.sin6_addr;
	uint32_t four;

	if (address->any.sa_family == AF_INET)
		return v4_is_usable(ntohl(address->v4.sin_addr.s_addr));
	if (IN6_IS_ADDR_UNSPECIFIED(six) || IN6_IS_ADDR_LOOPBACK(six) ||
	    IN6_IS_ADDR_MULTICAST(six) || IN6_IS_ADDR_LINKLOCAL(six))
		return false;
	memcpy(&four, &six->s6_addr[12], sizeof(four));
	return !(IN6_IS_ADDR_V4MAPPED(six) || IN6_IS_ADDR_V4COMPAT(six)) ||
	       v4_is_usable(ntohl(four));
}
