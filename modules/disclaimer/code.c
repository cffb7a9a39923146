#include "code.h"

#define LINE 76

enum code code_of(GMimeContentEncoding encoding)
{
	if (encoding == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE)
		return CODE_QUOTED;
	return encoding == GMIME_CONTENT_ENCODING_BASE64 ? CODE_BASE64 : CODE_PLAIN;
}

/* --- quoted-printable --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Octets of a soft line break at `at`, which is a "="; 0: it is none. */
static size_t soft_break(struct gw_str raw, size_t at)
{
	size_t end = at + 1;

	while (end < raw.len && is_blank(raw.ptr[end]))
		end++;
	if (end == raw.len)
		return end - at;
	if (raw.ptr[end] == '\r' && end + 1 < raw.len && raw.ptr[end + 1] == '\n')
		return end + 2 - at;
	return raw.ptr[end] == '\n' ? end + 1 - at : 0;
}

static bool is_quoted(struct gw_str raw, size_t at)
{
	return at + 2 < raw.len && g_ascii_isxdigit(raw.ptr[at + 1]) &&
	       g_ascii_isxdigit(raw.ptr[at + 2]);
}

static void put(struct decoded *decoded, char c, size_t place)
{
	uint32_t at = (uint32_t)place;

	g_string_append_c(decoded->text, c);
	g_array_append_val(decoded->places, at);
}

/* What is no code is taken as it stands. */
static void decode_quoted(struct decoded *decoded, struct gw_str raw)
{
	size_t at = 0, len;

	while (at < raw.len) {
		len = raw.ptr[at] == '=' ? soft_break(raw, at) : 0;
		if (len) {
			decoded->cut = at + len == raw.len && raw.ptr[raw.len - 1] != '\n';
			at += len;
		} else if (raw.ptr[at] == '=' && is_quoted(raw, at)) {
			put(decoded,
			    (char)(g_ascii_xdigit_value(raw.ptr[at + 1]) << 4 |
				   g_ascii_xdigit_value(raw.ptr[at + 2])),
			    at);
			at += 3;
		} else {
			put(decoded, raw.ptr[at], at);
			at++;
		}
	}
}

/* A blank at the end of a line, a dot or "From " at its begin, are what others change on the way.
 */
static bool must_quote(struct gw_str text, size_t at, size_t column)
{
	unsigned char c = (unsigned char)text.ptr[at];

	if (is_blank(text.ptr[at]))
		return at + 1 == text.len || text.ptr[at + 1] == '\r';
	if (column == 0 && (c == '.' || c == 'F'))
		return true;
	return c < 33 || c > 126 || c == '=';
}

static void encode_quoted(GString *out, struct gw_str text)
{
	size_t at, column = 0;

	for (at = 0; at < text.len; at++) {
		bool quoted;

		if (text.ptr[at] == '\r' && at + 1 < text.len && text.ptr[at + 1] == '\n') {
			g_string_append(out, "\r\n");
			at++;
			column = 0;
			continue;
		}
		quoted = must_quote(text, at, column);
		if (column + (quoted ? 3 : 1) >= LINE) {
			g_string_append(out, "=\r\n");
			column = 0;
			quoted = must_quote(text, at, column);
		}
		if (quoted)
			g_string_append_printf(out, "=%02X", (unsigned char)text.ptr[at]);
		else
			g_string_append_c(out, text.ptr[at]);
		column += quoted ? 3 : 1;
	}
}

/* --- base64 --- */

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Readers do not agree about what has anything else in it. */
static bool decode_base64(struct decoded *decoded, struct gw_str raw)
{
	uint32_t bits = 0;
	size_t i, digits = 0, padding = 0;

	for (i = 0; i < raw.len; i++) {
		int value = digit(raw.ptr[i]);

		if (gw_is_space(raw.ptr[i]))
			continue;
		if (raw.ptr[i] == '=') {
			padding++;
			continue;
		}
		if (value < 0 || padding)
			return false;
		bits = bits << 6 | (uint32_t)value;
		digits++;
		if (digits % 4 != 1)
			g_string_append_c(decoded->text,
					  (char)(bits >> (6 - 2 * ((digits - 1) % 4))));
	}
	return digits % 4 != 1 && padding <= 2;
}

static void encode_base64(GString *out, struct gw_str text)
{
	size_t at, len;

	for (at = 0; at < text.len; at += len) {
		char *line;

		len = MIN(text.len - at, LINE / 4 * 3);
		line = g_base64_encode((const guchar *)text.ptr + at, len);
		g_string_append(out, line);
		g_string_append(out, "\r\n");
		g_free(line);
	}
}

/* --- all of them --- */

struct decoded *decode(enum code code, struct gw_str raw)
{
	struct decoded *decoded = g_new0(struct decoded, 1);
	bool good = true;

	decoded->code = code;
	decoded->size = raw.len;
	decoded->text = g_string_sized_new(raw.len + 1);
	decoded->places = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	if (code == CODE_QUOTED)
		decode_quoted(decoded, raw);
	else if (code == CODE_BASE64)
		good = decode_base64(decoded, raw);
	else
		g_string_append_len(decoded->text, raw.ptr, (gssize)raw.len);
	if (good)
		return decoded;
	decoded_free(decoded);
	return NULL;
}

void decoded_free(struct decoded *decoded)
{
	if (!decoded)
		return;
	g_string_free(decoded->text, TRUE);
	g_array_free(decoded->places, TRUE);
	g_free(decoded);
}

size_t decoded_place(const struct decoded *decoded, size_t at)
{
	if (at >= decoded->text->len)
		return decoded->size;
	return decoded->code == CODE_QUOTED ? g_array_index(decoded->places, uint32_t, at) : at;
}

void encode(GString *out, enum code code, struct gw_str text)
{
	if (code == CODE_QUOTED)
		encode_quoted(out, text);
	else if (code == CODE_BASE64)
		encode_base64(out, text);
	else
		g_string_append_len(out, text.ptr, (gssize)text.len);
}
