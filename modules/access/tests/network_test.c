/* network_test.c - networks as people write them, and who is in them. */
#include "../../common/network.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void who_is_in(void **state)
{
	static const struct {
		const char *network, *peer;
		bool in;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		/* the same client on a socket for both families */
		{ "192.0.2.0/24", "::ffff:192.0.2.7", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.7", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "10.0.0.0/8", "10.255.1.2", true },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/33", "2001:db8:ffff::1", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::2", false },
		{ "fe80::/16", "fe80::1%eth0", true },
		{ "192.0.2.0/24", "no address", false },
		{ "192.0.2.0/24", "", false },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct network network, peer;

		assert_null(network_parse(&network, gw_str(rows[i].network)));
		if ((network_of_peer(&peer, gw_str(rows[i].peer)) &&
		     network_has(&network, &peer)) != rows[i].in)
			fail_msg("%s in %s", rows[i].peer, rows[i].network);
	}
}

static void what_is_no_network(void **state)
{
	static const struct {
		const char *text, *wrong;
	} rows[] = {
		{ "", "is no IP address or network" },
		{ "example.com", "is no IP address or network" },
		{ "192.0.2", "is no IP address or network" },
		{ "192.0.2.1.5", "is no IP address or network" },
		{ "192.0.2.0/33", "needs a prefix from /0 to /32" },
		{ "192.0.2.0/", "needs a prefix from /0 to /32" },
		{ "192.0.2.0/-1", "needs a prefix from /0 to /32" },
		{ "192.0.2.0/24x", "needs a prefix from /0 to /32" },
		{ "192.0.2.0/99999999999999999999", "needs a prefix from /0 to /32" },
		{ "2001:db8::/129", "needs a prefix from /0 to /128" },
		{ "192.0.2.1/24", "has address bits beyond its prefix" },
		{ "2001:db8::1/32", "has address bits beyond its prefix" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct network network;
		const char *wrong = network_parse(&network, gw_str(rows[i].text));

		assert_non_null(wrong);
		assert_string_equal(wrong, rows[i].wrong);
	}
}

static void what_is_wide(void **state)
{
	static const struct {
		const char *text;
		bool wide;
	} rows[] = {
		{ "0.0.0.0/0", true },
		{ "128.0.0.0/1", true },
		{ "10.0.0.0/7", true },
		{ "10.0.0.0/8", false },
		{ "::/0", true },
		{ "2000::/3", true },
		{ "2001::/16", false },
		{ "::ffff:0.0.0.0/96", true },
		{ "::ffff:0.0.0.0/97", true },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct network network;

		assert_null(network_parse(&network, gw_str(rows[i].text)));
		if (network_is_wide(&network) != rows[i].wide)
			fail_msg("%s", rows[i].text);
	}
}

static void what_is_printed_is_read_again(void **state)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0/24" },
		{ "192.0.2.7", "192.0.2.7/32" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "2001:DB8::/32", "2001:db8::/32" },
		{ "::/0", "::/0" },
		{ "2001:db8:1111:2222:3333:4444:5555:6666",
		  "2001:db8:1111:2222:3333:4444:5555:6666/128" },
	};
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct network network, again;
		char text[NETWORK_TEXT];

		assert_null(network_parse(&network, gw_str(rows[i].text)));
		assert_int_equal(network_print(&network, text), strlen(rows[i].printed));
		assert_string_equal(text, rows[i].printed);
		assert_null(network_parse(&again, gw_str(text)));
		assert_int_equal(again.bits, network.bits);
		assert_memory_equal(again.bytes, network.bytes, sizeof network.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_in),
		cmocka_unit_test(what_is_no_network),
		cmocka_unit_test(what_is_wide),
		cmocka_unit_test(what_is_printed_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
