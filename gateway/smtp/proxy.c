#include "smtp/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define LINE_MAX_V1 107 /* with its CRLF */
#define HEAD_V2 16
#define REST_MAX_V2 (PROXY_MAX - HEAD_V2)

static const char begin_v1[] = "PROXY ";
static const char begin_v2[] = "\r\n\r\n\0\r\nQUIT\n";

static void set_v4(struct sockaddr_storage *source, const void *octets, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)source;

	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	memcpy(&v4->sin_addr, octets, sizeof(v4->sin_addr));
}

static void set_v6(struct sockaddr_storage *source, const void *octets, uint16_t port)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)source;
	struct in6_addr address;

	memcpy(&address, octets, sizeof(address));
	if (IN6_IS_ADDR_V4MAPPED(&address)) {
		set_v4(source, address.s6_addr + 12, port);
		return;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	v6->sin6_addr = address;
}

/* --- version 1: a line --- */

/* The next word of the line, which one blank ends; an empty one is none. */
static bool next_word(struct gw_str *line, struct gw_str *word)
{
	size_t len = gw_str_find(*line, ' ');

	*word = gw_str_n(line->ptr, len);
	*line = gw_str_from(*line, len + 1);
	return len > 0;
}

static bool read_port(struct gw_str word, uint16_t *port)
{
	unsigned value = 0;

	if (word.len > 5 || (word.len > 1 && word.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] < '0' || word.ptr[i] > '9')
			return false;
		value = value * 10 + (unsigned)(word.ptr[i] - '0');
	}
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

static bool read_address(struct gw_str word, int family, void *octets)
{
	char copy[INET6_ADDRSTRLEN];

	if (word.len >= sizeof(copy) || gw_str_has_nul(word))
		return false;
	memcpy(copy, word.ptr, word.len);
	copy[word.len] = '\0';
	return inet_pton(family, copy, octets) == 1;
}

/* "192.0.2.1 198.51.100.1 56324 25" */
static bool read_ends(struct gw_str line, int family, struct proxy_header *header)
{
	struct gw_str words[4];
	unsigned char source[16], target[16];
	uint16_t port, target_port;

	/* A blank at the end of the line is an empty fifth word. */
	if (line.len && line.ptr[line.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < 4; i++)
		if (!next_word(&line, &words[i]))
			return false;
	if (line.len || !read_address(words[0], family, source) ||
	    !read_address(words[1], family, target) || !read_port(words[2], &port) ||
	    !read_port(words[3], &target_port))
		return false;
	(family == AF_INET ? set_v4 : set_v6)(&header->source, source, port);
	return header->named = true;
}

static bool read_line(struct gw_str line, struct proxy_header *header)
{
	struct gw_str protocol;

	line = gw_str_from(line, sizeof(begin_v1) - 1);
	if (!next_word(&line, &protocol))
		return false;
	if (gw_str_eq(protocol, gw_str("UNKNOWN"))) /* what follows is not to be looked at */
		return true;
	if (gw_str_eq(protocol, gw_str("TCP4")))
		return read_ends(line, AF_INET, header);
	return gw_str_eq(protocol, gw_str("TCP6")) && read_ends(line, AF_INET6, header);
}

static ssize_t parse_v1(struct gw_str bytes, struct proxy_header *header)
{
	size_t most = bytes.len < LINE_MAX_V1 ? bytes.len : LINE_MAX_V1;
	const char *end = memmem(bytes.ptr, most, "\r\n", 2);

	if (!end)
		return bytes.len < LINE_MAX_V1 ? 0 : -1;
	return read_line(gw_str_n(bytes.ptr, (size_t)(end - bytes.ptr)), header)
		       ? end + 2 - bytes.ptr
		       : -1;
}

/* --- version 2: octets --- */

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };

static uint16_t number_at(const char *at)
{
	return (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

/* What this room knows of each family: how many octets its addresses have, where the port of the
 * source is. */
static bool read_family(unsigned family, struct gw_str rest, struct proxy_header *header)
{
	switch (family) {
	case 0x00: /* unknown */
		return true;
	case 0x11: /* TCP over IPv4 */
		if (rest.len < 12)
			return false;
		set_v4(&header->source, rest.ptr, number_at(rest.ptr + 8));
		return header->named = true;
	case 0x21: /* TCP over IPv6 */
		if (rest.len < 36)
			return false;
		set_v6(&header->source, rest.ptr, number_at(rest.ptr + 32));
		return header->named = true;
	case 0x31: /* a local socket */
		return rest.len >= 216;
	default:
		return false;
	}
}

static ssize_t parse_v2(struct gw_str bytes, struct proxy_header *header)
{
	if (bytes.len < HEAD_V2)
		return 0;
	unsigned command = (unsigned char)bytes.ptr[12], family = (unsigned char)bytes.ptr[13];
	size_t len = number_at(bytes.ptr + 14);
	if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) || len > REST_MAX_V2)
		return -1;
	if (bytes.len < HEAD_V2 + len)
		return 0;
	if (command == COMMAND_PROXY &&
	    !read_family(family, gw_str_n(bytes.ptr + HEAD_V2, len), header))
		return -1;
	return (ssize_t)(HEAD_V2 + len);
}

/* As far as there are octets, they are those of `begin`. */
static bool begins(struct gw_str bytes, const char *begin, size_t len)
{
	return memcmp(bytes.ptr, begin, bytes.len < len ? bytes.len : len) == 0;
}

ssize_t proxy_parse(struct gw_str bytes, struct proxy_header *header)
{
	*header = (struct proxy_header){ 0 };
	if (bytes.len == 0)
		return 0;
	if (begins(bytes, begin_v1, sizeof(begin_v1) - 1))
		return parse_v1(bytes, header);
	return begins(bytes, begin_v2, sizeof(begin_v2) - 1) ? parse_v2(bytes, header) : -1;
}
