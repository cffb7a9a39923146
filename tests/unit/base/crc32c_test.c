#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crc32c.h"

#include <stdlib.h>
#include <string.h>

/* RFC 3720 appendix B.4, whose bytes are the checksum from its lowest byte on. */
static const unsigned char read_command[48] = {
	0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0,
	0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0,    0
};

static void the_vectors_of_rfc_3720(void **state)
{
	unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32];
	const struct {
		const void *bytes;
		size_t len;
		uint32_t crc;
	} vectors[] = {
		{ zeros, 32, 0x8a9136aa },
		{ ones, 32, 0x62a8ab43 },
		{ up, 32, 0x46dd794e },
		{ down, 32, 0x113fdb5c },
		{ read_command, 48, 0xd9963a56 },
		{ "123456789", 9, 0xe3069283 },
		{ "", 0, 0 },
	};

	memset(ones, 0xff, sizeof(ones));
	for (int i = 0; i < 32; i++) {
		up[i] = (unsigned char)i;
		down[i] = (unsigned char)(31 - i);
	}
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_int_equal(crc32c(0, vectors[i].bytes, vectors[i].len), vectors[i].crc);
		assert_int_equal(crc32c_by_table(0, vectors[i].bytes, vectors[i].len),
				 vectors[i].crc);
	}
}

static unsigned char *noise(size_t len)
{
	unsigned char *bytes = malloc(len);
	uint32_t x = 1;

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(x >> 24);
	}
	return bytes;
}

static void both_ways_agree_at_every_length_and_offset(void **state)
{
	unsigned char *bytes = noise(8192);

	for (size_t len = 0; len < 8000; len += len < 70 ? 1 : 61)
		for (size_t offset = 0; offset < 9; offset += 4)
			assert_int_equal(crc32c(7, bytes + offset, len),
					 crc32c_by_table(7, bytes + offset, len));
	free(bytes);
}

static void parts_make_the_whole(void **state)
{
	unsigned char *bytes = noise(5000);
	uint32_t whole = crc32c(0, bytes, 5000);

	for (size_t cut = 0; cut <= 5000; cut += 97)
		assert_int_equal(crc32c(crc32c(0, bytes, cut), bytes + cut, 5000 - cut), whole);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_rfc_3720),
		cmocka_unit_test(both_ways_agree_at_every_length_and_offset),
		cmocka_unit_test(parts_make_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
