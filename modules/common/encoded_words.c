#include "encoded_words.h"

/* Charsets in which ASCII is itself, and which mail programs know; the names that iconv(3) has for
 * what they do with them. */
static const struct charset {
	const char *name;  /* ending in *: and what follows */
	const char *iconv; /* NULL: the name itself */
} charsets[] = {
	{ "utf-8", "UTF-8" },     { "utf8", "UTF-8" },        { "us-ascii", "CP1252" },
	{ "ascii", "CP1252" },    { "iso-8859-1", "CP1252" }, { "iso-8859-*", NULL },
	{ "windows-125*", NULL }, { "cp125*", NULL },         { "koi8-*", NULL },
	{ "gb2312", "GB18030" },  { "gbk", "GB18030" },       { "gb18030", NULL },
	{ "big5", "BIG5-HKSCS" }, { "shift_jis", "CP932" },   { "euc-jp", NULL },
	{ "euc-kr", "UHC" },      { "iso-2022-jp", NULL },    { "ks_c_5601-1987", "UHC" },
	{ "tis-620", NULL },
};

/* An encoded word, =?charset?encoding?text?= */
struct word {
	struct gw_str charset, text;
	char encoding;
	size_t size;
};

/* Octets of words one behind the other in one charset: a character may be parted among them. */
struct run {
	GString *out, *bytes;
	struct gw_str charset;
};

static bool charset_is(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncasecmp(pattern, name, len - 1) == 0;
	return strcasecmp(pattern, name) == 0;
}

static const char *charset_known(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof charsets / sizeof *charsets; i++)
		if (charset_is(charsets[i].name, name))
			return charsets[i].iconv ? charsets[i].iconv : name;
	return NULL;
}

/* Up to the next question mark, which must be there; false: it is not. */
static bool take_part(struct gw_str *rest, struct gw_str *part)
{
	size_t end = gw_str_find(*rest, '?');

	if (end == rest->len)
		return false;
	*part = gw_str_n(rest->ptr, end);
	*rest = gw_str_from(*rest, end + 1);
	return true;
}

static bool word_at(struct gw_str text, struct word *word)
{
	struct gw_str rest = gw_str_from(text, 2), encoding;

	if (!take_part(&rest, &word->charset) || !take_part(&rest, &encoding) ||
	    !take_part(&rest, &word->text))
		return false;
	if (encoding.len != 1 || rest.len == 0 || rest.ptr[0] != '=')
		return false;
	word->charset.len = gw_str_find(word->charset, '*'); /* a language may follow (RFC 2231) */
	word->encoding = encoding.ptr[0];
	word->size = (size_t)(rest.ptr + 1 - text.ptr);
	return true;
}

static bool decode_q(GString *out, struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		int high = i + 2 < text.len ? g_ascii_xdigit_value(text.ptr[i + 1]) : -1;
		int low = high >= 0 ? g_ascii_xdigit_value(text.ptr[i + 2]) : -1;

		if (text.ptr[i] == '=' && low < 0)
			return false;
		g_string_append_c(out, text.ptr[i] == '='   ? (char)(high * 16 + low)
				       : text.ptr[i] == '_' ? ' '
							    : text.ptr[i]);
		i += text.ptr[i] == '=' ? 2 : 0;
	}
	return true;
}

/* Padding may be missing, as it may for readers; nothing else. */
static bool decode_b(GString *out, struct gw_str text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned long bits = 0;
	size_t i, have = 0;

	while (text.len && text.ptr[text.len - 1] == '=')
		text.len--;
	for (i = 0; i < text.len; i++) {
		const char *digit = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;

		if (!digit)
			return false;
		bits = (bits << 6 | (unsigned long)(digit - digits)) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			g_string_append_c(out, (char)(bits >> have & 0xff));
		}
	}
	return true;
}

/* Ends the run: what it holds becomes text. */
static bool run_end(struct run *run)
{
	char name[40], *text;
	const char *charset;
	gsize len;

	if (run->bytes->len == 0)
		return true;
	if (run->charset.len >= sizeof name)
		return false;
	memcpy(name, run->charset.ptr, run->charset.len);
	name[run->charset.len] = '\0';
	charset = charset_known(name);
	text = charset ? g_convert(run->bytes->str, (gssize)run->bytes->len, "UTF-8", charset, NULL,
				   &len, NULL)
		       : NULL;
	if (!text)
		return false;
	g_string_append_len(run->out, text, (gssize)len);
	g_free(text);
	g_string_truncate(run->bytes, 0);
	return true;
}

static bool run_add(struct run *run, const struct word *word)
{
	if (!gw_str_ieq(run->charset, word->charset) && !run_end(run))
		return false;
	run->charset = word->charset;
	if (word->encoding == 'q' || word->encoding == 'Q')
		return decode_q(run->bytes, word->text);
	return (word->encoding == 'b' || word->encoding == 'B') && decode_b(run->bytes, word->text);
}

static bool is_word_start(struct gw_str text)
{
	return text.len > 1 && text.ptr[0] == '=' && text.ptr[1] == '?';
}

/* Blanks between words are not shown (RFC 2047 section 6.2). */
static size_t blanks_between(struct gw_str text)
{
	size_t at = 0;

	while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t'))
		at++;
	return is_word_start(gw_str_from(text, at)) ? at : 0;
}

static bool decode_all(struct run *run, struct gw_str text)
{
	struct word word;
	size_t plain;

	while (text.len) {
		if (is_word_start(text)) {
			if (!word_at(text, &word) || !run_add(run, &word))
				return false;
			text = gw_str_from(text, word.size);
			text = gw_str_from(text, blanks_between(text));
			continue;
		}
		if (!run_end(run))
			return false;
		for (plain = 1; plain < text.len && text.ptr[plain] != '='; plain++)
			;
		g_string_append_len(run->out, text.ptr, (gssize)plain);
		text = gw_str_from(text, plain);
	}
	return run_end(run);
}

char *encoded_words_decode(struct gw_str text)
{
	struct run run = { .out = g_string_new(NULL),
			   .bytes = g_string_new(NULL),
			   .charset = text };
	bool good;

	run.charset.len = 0;
	good = decode_all(&run, text) && memchr(run.out->str, 0, run.out->len) == NULL &&
	       g_utf8_validate(run.out->str, (gssize)run.out->len, NULL);
	g_string_free(run.bytes, TRUE);
	return g_string_free(run.out, !good);
}
