/* tlsa_test.c - which TLSA records of a host are kept: however many and long they are, what they
 * demand of it stays demanded. */
#include "loop/dns_private.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct found found;

static const struct found_tlsa *kept(void)
{
	return &found.hosts[0].tlsa;
}

static void comes(uint8_t usage, uint8_t selector, uint8_t matching, uint16_t len)
{
	static unsigned char octets[2000];

	memset(octets, usage * 16 + matching, sizeof(octets));
	found_tlsa(&found, 0, &(struct tls_tlsa){ usage, selector, matching, len, octets });
}

static int begin(void **state)
{
	memset(&found, 0, sizeof(found));
	found_init(&found, false);
	found_mx(&found, 10, "mx.example.net");
	assert_int_equal(found.count, 1);
	return 0;
}

static void a_certificate_that_is_too_long_is_told_by_its_digest(void **state)
{
	unsigned char whole[1500], digest[EVP_MAX_MD_SIZE];

	comes(3, 0, 0, sizeof(whole));
	memset(whole, 3 * 16, sizeof(whole));
	assert_int_equal(EVP_Digest(whole, sizeof(whole), digest, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(kept()->count, 1);
	assert_int_equal(kept()->records[0].usage, 3);
	assert_int_equal(kept()->records[0].selector, 0);
	assert_int_equal(kept()->records[0].matching, 1);
	assert_int_equal(kept()->records[0].len, 32);
	assert_memory_equal(kept()->octets, digest, 32);
}

static void what_fits_is_kept_as_it_is(void **state)
{
	comes(2, 1, 0, 91);
	comes(3, 1, 1, 32);
	comes(3, 1, 2, 64);
	assert_int_equal(kept()->count, 3);
	assert_int_equal(kept()->records[0].matching, 0);
	assert_int_equal(kept()->used, 91 + 32 + 64);
}

static void one_at_least_is_kept_of_many(void **state)
{
	for (size_t i = 0; i < 100; i++)
		comes(3, 0, 0, 2000);
	assert_true(kept()->count > 0 && kept()->count <= DNS_TLSA_MOST);
	assert_true(kept()->used <= DNS_TLSA_OCTETS);
}

static void what_proves_nothing_is_not_kept(void **state)
{
	comes(1, 0, 1, 32);
	comes(3, 2, 1, 32);
	comes(3, 1, 1, 31);
	comes(3, 1, 9, 32);
	comes(3, 1, 0, 0);
	assert_int_equal(kept()->count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_certificate_that_is_too_long_is_told_by_its_digest, begin),
		cmocka_unit_test_setup(what_fits_is_kept_as_it_is, begin),
		cmocka_unit_test_setup(one_at_least_is_kept_of_many, begin),
		cmocka_unit_test_setup(what_proves_nothing_is_not_kept, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
