#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct ip address(const char *text)
{
	struct sockaddr_storage storage = { 0 };
	struct ip ip;

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&storage)->sin_addr) == 1)
		storage.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&storage)->sin6_addr) == 1)
		storage.ss_family = AF_INET6;
	assert_true(ip_of((struct sockaddr *)&storage, &ip));
	return ip;
}

static void addresses_lie_in_their_networks(void **state)
{
	static const struct {
		const char *network, *address;
		bool holds;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.0", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.7", "192.0.2.6", false },
		{ "192.0.2.7/32", "192.0.2.7", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "128.0.0.0/1", "127.0.0.1", false },
		{ "10.0.0.0/7", "11.255.0.1", true },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "::/64", "192.0.2.1", false },
		{ "::1/128", "::1", true },
		{ "::1/128", "127.0.0.1", false },
		{ "192.0.2.0/24", "::ffff:192.0.2.9", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.9", true },
		{ "fe80::/10", "febf::1", true },
		{ "fe80::/10", "fec0::1", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip ip = address(cases[i].address);
		struct network network;
		assert_null(network_parse(gw_str(cases[i].network), &network));
		if (network_holds(&network, &ip) != cases[i].holds)
			fail_msg("%s in %s should be %d", cases[i].address, cases[i].network,
				 cases[i].holds);
	}
}

static void what_is_no_network_is_said(void **state)
{
	static const struct {
		struct gw_str text;
		const char *why;
	} cases[] = {
		{ GW_STR(""), "as 192.0.2.0/24" },
		{ GW_STR("/24"), "as 192.0.2.0/24" },
		{ GW_STR("192.0.2"), "as 192.0.2.0/24" },
		{ GW_STR("host.example"), "as 192.0.2.0/24" },
		{ GW_STR("192.0.2.1\0"), "as 192.0.2.0/24" },
		{ GW_STR("192.0.2.0 /24"), "as 192.0.2.0/24" },
		{ GW_STR("192.0.2.0/33"), "from /0 to /32" },
		{ GW_STR("192.0.2.0/"), "from /0 to /32" },
		{ GW_STR("192.0.2.0/-1"), "from /0 to /32" },
		{ GW_STR("192.0.2.0/2 "), "from /0 to /32" },
		{ GW_STR("192.0.2.0/0024"), "from /0 to /32" },
		{ GW_STR("::/129"), "from /0 to /128" },
		{ GW_STR("192.0.2.1/24"), "bits behind" },
		{ GW_STR("192.0.2.64/25"), "bits behind" },
		{ GW_STR("2001:db8::1/64"), "bits behind" },
		{ GW_STR("2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/64"),
		  "as 192.0.2.0/24" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct network network;
		const char *why = network_parse(cases[i].text, &network);
		assert_non_null(why);
		assert_non_null(strstr(why, cases[i].why));
	}
}

static void a_local_socket_has_no_internet_address(void **state)
{
	const struct sockaddr local = { .sa_family = AF_UNIX };
	struct ip ip;

	assert_false(ip_of(&local, &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_lie_in_their_networks),
		cmocka_unit_test(what_is_no_network_is_said),
		cmocka_unit_test(a_local_socket_has_no_internet_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
