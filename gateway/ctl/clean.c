#include "ctl/clean.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Octets of the character at `text`, and which it is; 0: none that is well-formed. */
static size_t decode(const unsigned char *text, uint32_t *character)
{
	size_t len = *text < 0x80    ? 1
		     : *text >= 0xf0 ? 4
		     : *text >= 0xe0 ? 3
		     : *text >= 0xc2 ? 2
				     : 0;
	if (len == 0 || *text > 0xf4)
		return 0;
	*character = len == 1 ? *text : *text & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		*character = *character << 6 | (text[i] & 0x3f);
	}
	return len;
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
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

void clean(char *text)
{
	char *to = text;
	for (const char *from = text; text && *from;) {
		uint32_t character = 0;
		size_t len = decode((const unsigned char *)from, &character);
		if (len && !is_steering(character)) {
			memmove(to, from, len);
			to += len;
		} else {
			*to++ = '?';
		}
		from += len ? len : 1;
	}
	if (text)
		*to = '\0';
}

size_t width_of(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}
