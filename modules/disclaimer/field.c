#include "field.h"

#include "../common/charsets.h"

#include <gmime/gmime.h>

#define FIELD_MOST 4096 /* octets of a value that are looked at */

char *field_masked(struct gw_str value)
{
	char *text = g_strndup(value.len ? value.ptr : "", MIN(value.len, FIELD_MOST));

	charsets_mask_words(text, strlen(text));
	return text;
}

char *field_text(struct gw_str value)
{
	char *masked = field_masked(value), *text = g_mime_utils_header_decode_text(NULL, masked);

	g_free(masked);
	return text;
}
