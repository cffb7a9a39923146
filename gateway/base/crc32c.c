#include "base/crc32c.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* reflected */

static uint32_t table[8][256];

static uint32_t step(uint32_t crc, unsigned char byte)
{
	return table[0][(crc ^ byte) & 255] ^ crc >> 8;
}

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		table[0][i] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int i = 0; i < 256; i++)
			table[k][i] = step(table[k - 1][i], 0);
}

static uint64_t load64(const unsigned char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	crc = ~crc;
	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word = load64(at) ^ crc;
		crc = 0;
#pragma GCC unroll 8
		for (int k = 0; k < 8; k++)
			crc ^= table[7 - k][word >> (8 * k) & 255];
	}
	for (; len; at++, len--)
		crc = step(crc, *at);
	return ~crc;
}

#ifdef __x86_64__
#include <nmmintrin.h>

/* The instruction takes three cycles but a new one can start each cycle: three lanes run side by
 * side, and lanes are joined by moving a checksum over the zero bytes that stand for the lane
 * behind it. */
#define LANE 512

static uint32_t over_lane[4][256];
static uint32_t (*chosen)(uint32_t crc, const void *bytes, size_t len) = crc32c_by_table;

/* Moving is linear over GF(2): moved bits are enough to know how every byte moves. */
static void make_over_lane(void)
{
	uint32_t bits[32];

	for (int bit = 0; bit < 32; bit++) {
		bits[bit] = (uint32_t)1 << bit;
		for (int i = 0; i < LANE; i++)
			bits[bit] = step(bits[bit], 0);
	}
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < 256; i++)
			for (int bit = 0; bit < 8; bit++)
				over_lane[k][i] ^= i >> bit & 1 ? bits[k * 8 + bit] : 0;
}

static uint32_t move_over_lane(uint32_t crc)
{
	return over_lane[0][crc & 255] ^ over_lane[1][crc >> 8 & 255] ^
	       over_lane[2][crc >> 16 & 255] ^ over_lane[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t three_lanes(uint32_t crc, const unsigned char *at)
{
	uint64_t a = crc, b = 0, c = 0;

	for (size_t i = 0; i < LANE; i += 8) {
		a = _mm_crc32_u64(a, load64(at + i));
		b = _mm_crc32_u64(b, load64(at + LANE + i));
		c = _mm_crc32_u64(c, load64(at + 2 * LANE + i));
	}
	return move_over_lane(move_over_lane((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const void *bytes,
								 size_t len)
{
	const unsigned char *at = bytes;
	uint64_t wide;

	crc = ~crc;
	for (; len >= 3 * LANE; at += 3 * LANE, len -= 3 * LANE)
		crc = three_lanes(crc, at);
	for (wide = crc; len >= 8; at += 8, len -= 8)
		wide = _mm_crc32_u64(wide, load64(at));
	for (crc = (uint32_t)wide; len; at++, len--)
		crc = _mm_crc32_u8(crc, *at);
	return ~crc;
}

__attribute__((constructor)) static void choose(void)
{
	make_table();
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("sse4.2"))
		return;
	make_over_lane();
	chosen = by_instruction;
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	return chosen(crc, bytes, len);
}

#else

__attribute__((constructor)) static void prepare(void)
{
	make_table();
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	return crc32c_by_table(crc, bytes, len);
}

#endif
