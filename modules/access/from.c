#include "from.h"

/* Where the reader stands in the value; quoted strings and literals are kept as they are written. */
struct reader {
	struct gw_str value;
	size_t at;
	struct from *from;
	size_t inner, outer, comment; /* how much of each there is */
	bool angle, in_angle;
	char comments[FROM_MAX]; /* last: see from_read() */
};

static void keep(struct reader *reader, char c)
{
	if (reader->in_angle)
		reader->from->inner[reader->inner++] = c;
	else
		reader->from->outer[reader->outer++] = c;
}

/* Past a quoted string or a domain literal that begins here. */
static enum from_flaw read_until(struct reader *reader, char end)
{
	keep(reader, reader->value.ptr[reader->at++]);
	while (reader->at < reader->value.len) {
		char c = reader->value.ptr[reader->at++];

		keep(reader, c);
		if (c == end)
			return FROM_FINE;
		if (c == '\\' && reader->at < reader->value.len)
			keep(reader, reader->value.ptr[reader->at++]);
	}
	return FROM_UNREADABLE;
}

static enum from_flaw read_comment(struct reader *reader)
{
	size_t depth = 0;

	if (reader->in_angle)
		return FROM_UNREADABLE;
	while (reader->at < reader->value.len) {
		char c = reader->value.ptr[reader->at++];

		if (c == '\\' && reader->at < reader->value.len)
			c = reader->value.ptr[reader->at++];
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return FROM_FINE;
		reader->comments[reader->comment++] = c;
	}
	return FROM_UNREADABLE;
}

static enum from_flaw read_angle(struct reader *reader, char c)
{
	bool opens = c == '<';

	if (opens ? reader->angle : !reader->in_angle)
		return FROM_UNREADABLE;
	reader->angle = true;
	reader->in_angle = opens;
	reader->at++;
	return FROM_FINE;
}

static enum from_flaw read_one(struct reader *reader)
{
	char c = reader->value.ptr[reader->at];

	switch (c) {
	case '"':
		return read_until(reader, '"');
	case '[':
		return read_until(reader, ']');
	case '(':
		return read_comment(reader);
	case '<':
	case '>':
		return read_angle(reader, c);
	case ',':
		return reader->in_angle ? FROM_UNREADABLE : FROM_SEVERAL;
	case ':':
	case ';':
		return reader->in_angle ? FROM_UNREADABLE : FROM_GROUP;
	case '\r':
	case '\n':
		reader->at++;
		return FROM_FINE;
	default:
		reader->at++;
		keep(reader, c);
		return (unsigned char)c < ' ' && c != '\t' ? FROM_UNREADABLE : FROM_FINE;
	}
}

/* --- the address --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct gw_str trim(struct gw_str text)
{
	while (text.len && is_blank(text.ptr[0]))
		text = gw_str_from(text, 1);
	while (text.len && is_blank(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

static bool is_domain_character(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') || u == '-' || u == '.' || u == '_' || u > 127;
}

static bool is_domain(struct gw_str text)
{
	size_t i;

	if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		return true;
	for (i = 0; i < text.len; i++)
		if (!is_domain_character(text.ptr[i]))
			return false;
	return text.len > 0;
}

/* A quoted string as a whole, or words without anything that could be read as more than one address. */
static bool is_local(struct gw_str text)
{
	size_t i;

	if (text.len > 1 && text.ptr[0] == '"')
		return gw_str_find(gw_str_from(text, 1), '"') == text.len - 2;
	for (i = 0; i < text.len; i++)
		if (is_blank(text.ptr[i]) || strchr("\"\\@[]", text.ptr[i]))
			return false;
	return text.len > 0;
}

static enum from_flaw read_address(struct from *from, struct gw_str address)
{
	size_t at = address.len;

	while (at && address.ptr[at - 1] != '@')
		at--;
	if (at == 0 || !is_local(gw_str_n(address.ptr, at - 1)) || !is_domain(gw_str_from(address, at)))
		return FROM_UNREADABLE;
	from->domain = gw_str_from(address, at);
	return FROM_FINE;
}

/* --- encoded words: =?charset?Q?text?= and =?charset?B?text?= --- */

static int digit(char c, const char *digits)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static size_t decode_q(char *out, struct gw_str text)
{
	static const char hex[] = "0123456789ABCDEFabcdef";
	size_t i, len = 0;

	for (i = 0; i < text.len; i++) {
		int high = i + 2 < text.len ? digit(text.ptr[i + 1], hex) : -1, low = high >= 0 ? digit(text.ptr[i + 2], hex) : -1;

		if (text.ptr[i] == '=' && low >= 0) {
			out[len++] = (char)((high > 15 ? high - 6 : high) * 16 + (low > 15 ? low - 6 : low));
			i += 2;
		} else {
			out[len++] = text.ptr[i] == '_' ? ' ' : text.ptr[i];
		}
	}
	return len;
}

static size_t decode_b(char *out, struct gw_str text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned long bits = 0;
	size_t i, len = 0, have = 0;

	for (i = 0; i < text.len; i++) {
		int value = digit(text.ptr[i], digits);

		if (value < 0)
			continue;
		bits = (bits << 6 | (unsigned long)value) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (char)(bits >> have & 0xff);
		}
	}
	return len;
}

/* The encoded word at the start of `text`: its size, 0: there is none. */
static size_t encoded_word(struct gw_str text, char *kind, struct gw_str *inside)
{
	size_t charset, end;

	if (text.len < 2 || text.ptr[0] != '=' || text.ptr[1] != '?')
		return 0;
	charset = 2 + gw_str_find(gw_str_from(text, 2), '?');
	if (charset + 2 >= text.len || text.ptr[charset + 2] != '?')
		return 0;
	*kind = text.ptr[charset + 1];
	end = charset + 3 + gw_str_find(gw_str_from(text, charset + 3), '?');
	if (end + 1 >= text.len || text.ptr[end + 1] != '=')
		return 0;
	*inside = gw_str_n(text.ptr + charset + 3, end - charset - 3);
	return end + 2;
}

/* In place: what is decoded is never longer. */
static struct gw_str decode_words(char *text, size_t len)
{
	size_t at = 0, out = 0, size;
	struct gw_str inside;
	char kind;

	while (at < len) {
		size = encoded_word(gw_str_n(text + at, len - at), &kind, &inside);
		if (size == 0)
			text[out++] = text[at++];
		else
			out += kind == 'b' || kind == 'B' ? decode_b(text + out, inside) : decode_q(text + out, inside);
		at += size;
	}
	return gw_str_n(text, out);
}

/* --- all of it --- */

enum from_flaw from_read(struct from *from, struct gw_str value)
{
	struct reader reader;
	enum from_flaw flaw = value.len > FROM_MAX ? FROM_UNREADABLE : FROM_FINE;
	size_t shown;

	/* All but the text, which is large and written before it is read. */
	memset(&reader, 0, offsetof(struct reader, comments));
	reader.value = value;
	reader.from = from;
	while (flaw == FROM_FINE && reader.at < value.len)
		flaw = read_one(&reader);
	if (flaw != FROM_FINE)
		return flaw;
	if (reader.in_angle)
		return FROM_UNREADABLE;
	if (!reader.angle) {
		memcpy(from->inner, from->outer, reader.outer);
		reader.inner = reader.outer;
		reader.outer = 0;
	}
	shown = reader.outer;
	memcpy(from->outer + shown, reader.comments, reader.comment);
	from->display = decode_words(from->outer, shown + reader.comment);
	return read_address(from, trim(gw_str_n(from->inner, reader.inner)));
}

bool from_next_shown(struct gw_str text, size_t *at, struct gw_str *domain)
{
	size_t start, end;

	while (*at < text.len) {
		if (text.ptr[(*at)++] != '@')
			continue;
		for (start = end = *at; end < text.len && is_domain_character(text.ptr[end]); end++)
			;
		while (end > start && text.ptr[end - 1] == '.')
			end--;
		*domain = gw_str_n(text.ptr + start, end - start);
		if (gw_str_find(*domain, '.') < domain->len)
			return true;
	}
	return false;
}
