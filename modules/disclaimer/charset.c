#include "charset.h"

#include "shifted.h"

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
	const char *other;

	charset = charset ? charset : "us-ascii";
	if (!charsets_has(gw_str(charset)))
		return NULL;
	other = g_mime_charset_iconv_name(charset); /* of "windows-31j" it makes none */
	return charsets_has(gw_str(other)) ? other : charset;
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

/* What programs write under the charset's name, and readers take it for; else the name. */
static const char *wider(const char *name)
{
	static const char *const names[][2] = {
		{ "shift-jis", "CP932" },  { "shift_jis", "CP932" },   { "euc-jp", "EUC-JP-MS" },
		{ "euc-kr", "CP949" },     { "iso-8859-1", "CP1252" }, { "latin1", "CP1252" },
		{ "iso-8859-9", "CP1254" }
	};
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_ascii_strcasecmp(names[i][0], name) == 0)
			return names[i][1];
	return name;
}

static GString *japanese_to_utf8(struct gw_str text)
{
	GString *euc = shifted_to_euc(text), *out;

	if (!euc)
		return NULL;
	out = convert("UTF-8", "EUC-JP-MS", gw_str_n(euc->str, euc->len));
	g_string_free(euc, TRUE);
	return out;
}

GString *charset_to_utf8(const char *name, struct gw_str text)
{
	GString *out = convert("UTF-8", wider(name), text);

	if (!out && wider(name) != name)
		out = convert("UTF-8", name, text);
	return out || !shifted_is(name) ? out : japanese_to_utf8(text);
}

GString *charset_from_utf8(const char *name, struct gw_str text)
{
	return convert(name, "UTF-8", text);
}

/* UTF-16 has it not, UTF-7 not all of it, and what shifts has it at times. */
bool charset_has_ascii(const char *name)
{
	static const struct gw_str sample = GW_STR("<a b=\"c\">&#+-1;/\r\n'.,");
	GString *same = charset_from_utf8(name, sample);
	bool has = same && gw_str_eq(gw_str_n(same->str, same->len), sample);

	if (same)
		g_string_free(same, TRUE);
	return has && (!strcasestr(name, "2022") || shifted_is(name));
}
