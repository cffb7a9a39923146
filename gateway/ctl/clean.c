#include "ctl/clean.h"

#include "base/utf8.h"

#include <string.h>

void clean(char *text)
{
	struct gw_str left = gw_str(text ? text : "");
	char *to = text;
	while (left.len) {
		size_t len = utf8_harmless(left), whole = utf8_char(left);
		if (len)
			memmove(to, left.ptr, len);
		else
			*to = '?';
		to += len ? len : 1;
		left = gw_str_from(left, whole ? whole : 1);
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
