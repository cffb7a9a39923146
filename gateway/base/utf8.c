#include "base/utf8.h"

#include <stdint.h>

/* First octets, how long their sequence is, and which second octets keep it short, no surrogate and
 * in range. */
static const struct lead {
	unsigned char first, last, length, low, high;
} leads[] = {
	{ 0x00, 0x7f, 1, 0x00, 0x00 }, { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf }, { 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf }, { 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct lead *find_lead(unsigned char octet)
{
	size_t i;

	for (i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (octet >= leads[i].first && octet <= leads[i].last)
			return &leads[i];
	return NULL;
}

size_t utf8_char(struct gw_str text)
{
	const unsigned char *octets = (const unsigned char *)text.ptr;
	const struct lead *lead = text.len > 0 ? find_lead(octets[0]) : NULL;
	size_t i;

	if (!lead || text.len < lead->length)
		return 0;
	if (lead->length > 1 && (octets[1] < lead->low || octets[1] > lead->high))
		return 0;
	for (i = 2; i < lead->length; i++)
		if ((octets[i] & 0xc0) != 0x80)
			return 0;
	return lead->length;
}

size_t utf8_printable(struct gw_str text)
{
	size_t length = utf8_char(text);

	if (length < 2)
		return 0;
	if ((unsigned char)text.ptr[0] == 0xc2 && (unsigned char)text.ptr[1] < 0xa0)
		return 0;
	return length;
}

/* Of a character that is well-formed. */
static uint32_t number_of(const unsigned char *octets, size_t length)
{
	uint32_t number = length == 1 ? octets[0] : octets[0] & (0xffu >> (length + 1));
	size_t i;

	for (i = 1; i < length; i++)
		number = number << 6 | (octets[i] & 0x3f);
	return number;
}

static bool is_steering(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f },        { 0x7f, 0x9f },     { 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

size_t utf8_harmless(struct gw_str text)
{
	size_t length = utf8_char(text);

	return length && !is_steering(number_of((const unsigned char *)text.ptr, length)) ? length
											  : 0;
}
