#include "smtp/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(literal)                                                                             \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

struct read_case {
	struct gw_str bytes;
	const char *source; /* "192.0.2.1 56324"; NULL: not named */
};

static const char *source_text(const struct proxy_header *header)
{
	static char text[80];
	char address[INET6_ADDRSTRLEN];
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&header->source;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&header->source;

	if (header->source.ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address));
	snprintf(text, sizeof(text), "%s %u", address,
		 ntohs(header->source.ss_family == AF_INET ? v4->sin_port : v6->sin6_port));
	return text;
}

static const struct read_case good[] = {
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n"), "192.0.2.1 56324" },
	{ BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	  "255.255.255.255 65535" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 0 0\r\n"), "192.0.2.1 0" },
	{ BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 56324 25\r\n"), "2001:db8::1 56324" },
	{ BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
	  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535" },
	{ BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 1 25\r\n"), "192.0.2.1 1" },
	{ BYTES("PROXY UNKNOWN\r\n"), NULL },
	{ BYTES("PROXY UNKNOWN whatever is \0 there\r\n"), NULL },
	{ BYTES(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), "192.0.2.1 56324" },
	{ BYTES(V2 "\x21\x11\0\x0f\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19\4\0\0"), "192.0.2.1 56324" },
	{ BYTES(V2
		"\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\xdc\4\0\x19"),
	  "2001:db8::1 56324" },
	{ BYTES(V2
		"\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\1\xdc\4\0\x19"),
	  "192.0.2.1 56324" },
	{ BYTES(V2 "\x20\0\0\0"), NULL },
	{ BYTES(V2 "\x20\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\0\x19"), NULL },
	{ BYTES(V2 "\x20\xff\0\2ab"), NULL },
	{ BYTES(V2 "\x21\0\0\0"), NULL },
	{ BYTES(V2 "\x21\0\0\3abc"), NULL },
};

/* Each beginning is told to be one, and what follows is left alone. */
static void headers_end_where_they_end(void **state)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct proxy_header header;
		char bytes[PROXY_MAX + 8];
		size_t len = good[i].bytes.len;
		memcpy(bytes, good[i].bytes.ptr, len);
		memcpy(bytes + len, "EHLO a\r\n", 8);
		for (size_t part = 0; part < len; part++)
			assert_int_equal(proxy_parse(gw_str_n(bytes, part), &header), 0);
		assert_int_equal(proxy_parse(gw_str_n(bytes, len), &header), len);
		assert_int_equal(proxy_parse(gw_str_n(bytes, len + 8), &header), len);
		assert_int_equal(header.named, good[i].source != NULL);
		if (good[i].source)
			assert_string_equal(source_text(&header), good[i].source);
	}
}

static void what_is_no_header_is_refused(void **state)
{
	static const struct gw_str bad[] = {
		BYTES("EHLO a\r\n"),
		BYTES("proxy TCP4 192.0.2.1 198.51.100.1 1 25\r\n"),
		BYTES("\r\n\r\nQUIT"),
		BYTES("\x16\3\1\2\0\1"),
		BYTES("PROXY\r\n"),
		BYTES("PROXY \r\n"),
		BYTES("PROXY TCP4\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 1 25 \r\n"),
		BYTES("PROXY TCP4  192.0.2.1 198.51.100.1 1 25\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 1 25 9\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 -1 25\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 01 25\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 1 x\r\n"),
		BYTES("PROXY TCP4 192.0.2.256 198.51.100.1 1 25\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100 1 25\r\n"),
		BYTES("PROXY TCP4 ::1 ::1 1 25\r\n"),
		BYTES("PROXY TCP6 192.0.2.1 ::1 1 25\r\n"),
		BYTES("PROXY TCP4 192.0.2.1\0 198.51.100.1 1 25\r\n"),
		BYTES("PROXY tcp4 192.0.2.1 198.51.100.1 1 25\r\n"),
		BYTES("PROXY UDP4 192.0.2.1 198.51.100.1 1 25\r\n"),
		BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 1 25\n\r\n"),
		BYTES("PROXY UNKNOWNX\r\n"),
		BYTES(V2 "\x11\x11\0\0"),
		BYTES(V2 "\x22\x11\0\0"),
		BYTES(V2 "\x21\x11\0\x0b"
			 "0123456789a"),
		BYTES(V2 "\x21\x21\0\x0c"
			 "0123456789ab"),
		BYTES(V2 "\x21\x12\0\x0c"
			 "0123456789ab"),
		BYTES(V2 "\x21\x41\0\x0c"
			 "0123456789ab"),
		BYTES(V2 "\x21\x31\0\x0c"
			 "0123456789ab"),
		BYTES(V2 "\x21\x11\2\x19"),
		BYTES(V2 "\x20\0\xff\xff"),
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct proxy_header header;
		if (proxy_parse(bad[i], &header) != -1)
			fail_msg("number %zu is taken: %.*s", i, (int)bad[i].len, bad[i].ptr);
	}
}

static void a_line_has_at_most_107_octets(void **state)
{
	char line[200] = "PROXY UNKNOWN ";
	struct proxy_header header;

	memset(line + 14, 'x', sizeof(line) - 14);
	assert_int_equal(proxy_parse(gw_str_n(line, 106), &header), 0);
	assert_int_equal(proxy_parse(gw_str_n(line, 107), &header), -1);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(proxy_parse(gw_str_n(line, 200), &header), 107);
	memcpy(line + 105, "x\r\n", 3);
	assert_int_equal(proxy_parse(gw_str_n(line, 200), &header), -1);
}

static void the_longest_header_has_proxy_max_octets(void **state)
{
	static char bytes[PROXY_MAX] = V2 "\x20\0\2\x18";
	struct proxy_header header;

	assert_int_equal(proxy_parse(gw_str_n(bytes, sizeof(bytes) - 1), &header), 0);
	assert_int_equal(proxy_parse(gw_str_n(bytes, sizeof(bytes)), &header), PROXY_MAX);
	assert_false(header.named);
}

static void a_local_socket_has_no_name(void **state)
{
	char bytes[16 + 216] = V2 "\x21\x31\0\xd8/run/client";
	struct proxy_header header;

	assert_int_equal(proxy_parse(gw_str_n(bytes, sizeof(bytes)), &header), sizeof(bytes));
	assert_false(header.named);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_end_where_they_end),
		cmocka_unit_test(what_is_no_header_is_refused),
		cmocka_unit_test(a_line_has_at_most_107_octets),
		cmocka_unit_test(the_longest_header_has_proxy_max_octets),
		cmocka_unit_test(a_local_socket_has_no_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
