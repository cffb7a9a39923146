#include "charset.h"

#include "../common/charsets.h"

#include <gmime/gmime.h>

bool is_ascii(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 128)
			return false;
	return true;
}

const char *charset_name(const char *charset)
{
	charset = charset ? charset : "us-ascii";
	return charsets_has(gw_str(charset)) ? g_mime_charset_iconv_name(charset) : NULL;
}

static GString *convert(const char *to, const char *from, struct gw_str text)
{
	gsize len = 0;
	char *converted = g_convert(text.ptr, (gssize)text.len, to, from, NULL, &len, NULL);
	GString *out;

	if (!converted)
		return NULL;
	out = g_string_new_len(converted, (gssize)len);
	g_free(converted);
	return out;
}

GString *charset_to_utf8(const char *name, struct gw_str text)
{
	return convert("UTF-8", name, text);
}

GString *charset_from_utf8(const char *name, struct gw_str text)
{
	return convert(name, "UTF-8", text);
}

/* UTF-16 has it not, UTF-7 not all of it. */
bool charset_has_ascii(const char *name)
{
	static const struct gw_str sample = GW_STR("<a b=\"c\">&#+-1;/\r\n'.,");
	GString *same = charset_from_utf8(name, sample);
	bool has = same && gw_str_eq(gw_str_n(same->str, same->len), sample);

	if (same)
		g_string_free(same, TRUE);
	return has;
}
