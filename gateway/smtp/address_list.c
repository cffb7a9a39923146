/* The mailboxes of a header field (RFC 5322 section 3.4), as a reader of mail would see them. */
#include "smtp/address.h"

/* What stands between two commas. */
struct entry {
	/* from its first to behind its last octet that is no blank and no comment; equal: nothing
	 */
	size_t start, end;
	struct gw_str angle; /* what stands in <>; ptr NULL: there are no brackets */
	bool broken;         /* something that is not closed, or stands behind the brackets */
};

/* Where what opens at `at` and ends at `close` ends; text.len + 1: it does not. */
static size_t quoted_end(struct gw_str text, size_t at, char close)
{
	for (at++; at < text.len; at++) {
		if (text.ptr[at] == close)
			return at + 1;
		if (text.ptr[at] == '\\')
			at++;
	}
	return text.len + 1;
}

/* Comments nest. */
static size_t comment_end(struct gw_str text, size_t at)
{
	size_t depth = 0;

	for (; at < text.len; at++) {
		if (text.ptr[at] == '\\')
			at++;
		else if (text.ptr[at] == '(')
			depth++;
		else if (text.ptr[at] == ')' && --depth == 0)
			return at + 1;
	}
	return text.len + 1;
}

/* A quoted local part may hold a '>'. */
static size_t angle_end(struct gw_str text, size_t at)
{
	for (at++; at < text.len; at++) {
		if (text.ptr[at] == '>')
			return at + 1;
		if (text.ptr[at] == '"')
			at = quoted_end(text, at, '"') - 1;
	}
	return text.len + 1;
}

/* Where the token at `at` ends: something enclosed, or one octet. text.len + 1: it is not closed.
 */
static size_t token_end(struct gw_str text, size_t at)
{
	switch (text.ptr[at]) {
	case '"':
		return quoted_end(text, at, '"');
	case '[':
		return quoted_end(text, at, ']');
	case '(':
		return comment_end(text, at);
	case '<':
		return angle_end(text, at);
	default:
		return at + 1;
	}
}

static void grow_entry(struct entry *entry, struct gw_str value, size_t at, size_t end)
{
	if (end > value.len || entry->angle.ptr)
		entry->broken = true;
	else if (value.ptr[at] == '<')
		entry->angle = gw_str_n(value.ptr + at + 1, end - at - 2);
	if (entry->start == entry->end)
		entry->start = at;
	entry->end = end;
}

static bool entry_mailbox(const struct entry *entry, struct gw_str value, struct address *address)
{
	if (entry->broken)
		return false;
	if (entry->angle.ptr)
		return address_mailbox(gw_str_trim(entry->angle), ADDRESS_UTF8_OK, address);
	return address_mailbox(gw_str_n(value.ptr + entry->start, entry->end - entry->start),
			       ADDRESS_UTF8_OK, address);
}

/* Reads from *at to behind the next comma or semicolon; a group's name and colon are forgotten. */
static struct entry next_entry(struct gw_str value, size_t *at)
{
	struct entry entry = { 0 };

	while (*at < value.len) {
		char c = value.ptr[*at];
		size_t start = *at, end = token_end(value, start);
		*at = end;
		if (c == ',' || c == ';')
			break;
		if (c == ':' && !entry.angle.ptr && !entry.broken)
			entry = (struct entry){ 0 };
		else if (end > value.len || (c != '(' && !gw_is_space(c)))
			grow_entry(&entry, value, start, end);
	}
	return entry;
}

bool address_in_header(struct gw_str value, struct address *address, size_t *count)
{
	struct address found;
	size_t at = 0, entries = 0;
	bool any = false;

	while (at < value.len) {
		struct entry entry = next_entry(value, &at);
		if (entry.start == entry.end)
			continue;
		entries++;
		if (any || !entry_mailbox(&entry, value, &found))
			continue;
		*address = found;
		any = true;
	}
	if (count)
		*count = entries;
	return any;
}
