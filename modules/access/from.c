#include "from.h"
#include "words.h"

#include <stdlib.h>

/* Where the reader stands in the value. The address is kept as it is written, what people are shown
 * beside it without its quotes. */
struct reader {
	struct gw_str value;
	size_t at;
	bool angle, in_angle;
	size_t inner, outer, name, comment; /* how much of each there is */
	/* what stood outside of <>, as it is written: the address where there is no <> */
	char outside[FROM_MAX];
	char names[FROM_MAX]; /* the same as it is shown */
	char comments[FROM_MAX];
	struct from *from;
};

static void keep(struct reader *reader, char c)
{
	if (reader->in_angle)
		reader->from->inner[reader->inner++] = c;
	else
		reader->outside[reader->outer++] = c;
}

static void keep_shown(struct reader *reader, char c)
{
	if (!reader->in_angle)
		reader->names[reader->name++] = c;
}

static bool is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 127;
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
		if (c == '\\' && reader->at < reader->value.len) {
			c = reader->value.ptr[reader->at++];
			keep(reader, c);
		}
		if (c == '\r' || c == '\n')
			continue;
		if (is_control(c))
			return FROM_UNREADABLE;
		keep_shown(reader, c);
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
		if (c == '\r' || c == '\n')
			continue;
		if (is_control(c))
			return FROM_UNREADABLE;
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
		keep_shown(reader, c);
		return is_control(c) ? FROM_UNREADABLE : FROM_FINE;
	}
}

/* --- the address --- */

static bool is_domain_character(char c)
{
	unsigned char u = (unsigned char)c;

	return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
	       u == '-' || u == '.' || u == '_' || u > 127;
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

/* No sign in it that a reader who does not know quotes takes for the end of the address, or for an
 * encoded word. */
static bool is_plain(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (strchr("@<>,;:\\", text.ptr[i]) ||
		    (text.ptr[i] == '=' && i + 1 < text.len && text.ptr[i + 1] == '?'))
			return false;
	return true;
}

/* A quoted string as a whole, or words without anything that could be read as more than one
 * address. */
static bool is_local(struct gw_str text)
{
	size_t i;

	if (!is_plain(text))
		return false;
	if (text.len > 1 && text.ptr[0] == '"')
		return gw_str_find(gw_str_from(text, 1), '"') == text.len - 2;
	for (i = 0; i < text.len; i++)
		if (gw_is_space(text.ptr[i]) || strchr("\"\\@[]", text.ptr[i]))
			return false;
	return text.len > 0;
}

static enum from_flaw read_address(struct from *from, struct gw_str address)
{
	size_t at = address.len;

	while (at && address.ptr[at - 1] != '@')
		at--;
	if (at == 0 || !is_local(gw_str_n(address.ptr, at - 1)) ||
	    !is_domain(gw_str_from(address, at)))
		return FROM_UNREADABLE;
	from->domain = gw_str_from(address, at);
	return FROM_FINE;
}

/* --- all of it --- */

/* Name and comments, which a reader shows or not, one behind the other. */
static enum from_flaw read_shown(struct from *from, struct reader *reader)
{
	if (!reader->angle)
		reader->name = 0; /* it is the address */
	reader->names[reader->name++] = ' ';
	if (reader->name + reader->comment > FROM_MAX)
		return FROM_UNREADABLE;
	memcpy(reader->names + reader->name, reader->comments, reader->comment);
	return words_decode(&from->display, gw_str_n(reader->names, reader->name + reader->comment))
		       ? FROM_FINE
		       : FROM_UNREADABLE;
}

static enum from_flaw read_all(struct from *from, struct reader *reader)
{
	enum from_flaw flaw = FROM_FINE;

	while (flaw == FROM_FINE && reader->at < reader->value.len)
		flaw = read_one(reader);
	if (flaw != FROM_FINE)
		return flaw;
	if (reader->in_angle)
		return FROM_UNREADABLE;
	if (!reader->angle) {
		memcpy(from->inner, reader->outside, reader->outer);
		reader->inner = reader->outer;
	}
	flaw = read_address(from, gw_str_trim(gw_str_n(from->inner, reader->inner)));
	return flaw == FROM_FINE ? read_shown(from, reader) : flaw;
}

enum from_flaw from_read(struct from *from, struct gw_str value)
{
	struct reader *reader;
	enum from_flaw flaw;

	from->display = NULL;
	if (value.len >= FROM_MAX)
		return FROM_UNREADABLE;
	reader = malloc(sizeof *reader);
	if (!reader)
		return FROM_UNREADABLE;
	memset(reader, 0, offsetof(struct reader, outside));
	reader->value = value;
	reader->from = from;
	flaw = read_all(from, reader);
	free(reader);
	return flaw;
}

void from_finish(struct from *from)
{
	words_free(from->display);
	from->display = NULL;
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
