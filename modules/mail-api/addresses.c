#include "addresses.h"

#include <stdlib.h>

#define ENTRIES_MOST 10000

/* One mailbox while it is read. */
struct reader {
	struct gw_str value;
	size_t at;
	size_t from, to;    /* what stands in the field; to 0: nothing yet */
	size_t left, right; /* within <>; right 0: there were none */
	bool open;          /* within <> now */
	bool commented;     /* a comment stands in it */
	bool in_group;
};

static void begin(struct reader *reader)
{
	reader->from = reader->to = reader->left = reader->right = 0;
	reader->open = reader->commented = false;
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 127;
}

/* --- the address --- */

/* Without the quotes and backslashes that a local part may have. */
static size_t bare_local(struct gw_str address, char *out, size_t size, struct gw_str *domain)
{
	size_t len = 0, i = 0;
	bool quoted = address.len && address.ptr[0] == '"';

	for (i = quoted; i < address.len && len + 1 < size; i++) {
		char c = address.ptr[i];

		if (quoted ? c == '"' : c == '@')
			break;
		if (quoted && c == '\\' && i + 1 < address.len)
			c = address.ptr[++i];
		out[len++] = c;
	}
	if (quoted)
		i++;
	*domain = gw_str_from(address, i + 1);
	return i < address.len && address.ptr[i] == '@' ? len : 0;
}

/* local@domain, with no octet that a reader could take for something else. */
static bool is_address(struct gw_str address)
{
	char local[512];
	struct gw_str domain;
	size_t len = bare_local(address, local, sizeof local, &domain), i;
	bool quoted = address.len && address.ptr[0] == '"';

	if (len == 0 || domain.len == 0 || address.len > 480)
		return false;
	for (i = 0; i < len; i++)
		if (is_control(local[i]) || (!quoted && strchr(" ()<>[]:;@\\,\"", local[i])))
			return false;
	for (i = 0; i < domain.len; i++)
		if (is_control(domain.ptr[i]) || strchr(" ()<>;@\\,\"", domain.ptr[i]))
			return false;
	return true;
}

bool same_mailbox(struct gw_call *call, struct gw_str a, struct gw_str b)
{
	char local_a[512], local_b[512], ascii_a[GW_DOMAIN_MAX + 1], ascii_b[GW_DOMAIN_MAX + 1];
	struct gw_str domain_a, domain_b;
	size_t len_a = bare_local(a, local_a, sizeof local_a, &domain_a),
	       len_b = bare_local(b, local_b, sizeof local_b, &domain_b);

	if (len_a == 0 || !gw_str_ieq(gw_str_n(local_a, len_a), gw_str_n(local_b, len_b)))
		return false;
	if (gw_str_ieq(domain_a, domain_b))
		return true;
	return gw->domain_ascii(call, domain_a, ascii_a) > 0 &&
	       gw->domain_ascii(call, domain_b, ascii_b) > 0 && strcmp(ascii_a, ascii_b) == 0;
}

/* --- the list --- */

static bool push(struct entries *entries, struct entry entry)
{
	if (entries->count == entries->room) {
		size_t room = entries->room ? 2 * entries->room : 16;
		struct entry *items = realloc(entries->items, room * sizeof *items);

		if (!items)
			return false;
		entries->items = items;
		entries->room = room;
	}
	if (entries->count >= ENTRIES_MOST)
		return false;
	entries->items[entries->count++] = entry;
	return true;
}

/* "jane@example.net (Jane)": what stands before the one comment. */
static bool before_comment(struct gw_str *address)
{
	size_t len = gw_str_find(*address, '(');
	bool last = address->ptr[address->len - 1] == ')' && address->ptr[0] != '"';

	while (len && gw_is_space(address->ptr[len - 1]))
		len--;
	address->len = len;
	return last;
}

/* The mailbox that ends here; nothing between two commas is nothing. */
static bool take(struct reader *reader, struct entries *entries)
{
	struct gw_str text = gw_str_n(reader->value.ptr + reader->from, reader->to - reader->from);
	struct entry entry = { text, text };

	if (reader->open)
		return false;
	if (reader->to == 0)
		return true;
	if (reader->right)
		entry.address = gw_str_n(reader->value.ptr + reader->left,
					 reader->right - reader->left);
	else if (reader->commented && !before_comment(&entry.address))
		return false;
	begin(reader);
	return is_address(entry.address) && push(entries, entry);
}

/* Past what `open` begins; false: it does not end. */
static bool skip_quoted(struct reader *reader, char end)
{
	for (reader->at++; reader->at < reader->value.len; reader->at++) {
		char c = reader->value.ptr[reader->at];

		if (c == '\\')
			reader->at++;
		else if (c == end)
			return true;
		else if (is_control(c) && !gw_is_space(c))
			return false;
	}
	return false;
}

static bool skip_comment(struct reader *reader)
{
	size_t depth = 0;

	reader->commented = true;
	for (; reader->at < reader->value.len; reader->at++) {
		char c = reader->value.ptr[reader->at];

		if (c == '\\')
			reader->at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return true;
	}
	return false;
}

static bool open_angle(struct reader *reader)
{
	if (reader->open || reader->right)
		return false;
	reader->open = true;
	reader->left = reader->at + 1;
	return true;
}

static bool close_angle(struct reader *reader)
{
	if (!reader->open)
		return false;
	reader->open = false;
	reader->right = reader->at;
	return true;
}

/* "name:" begins a group, whose name is no address; ';' ends it. */
static bool turn_group(struct reader *reader, struct entries *entries, bool begins)
{
	if (reader->open || reader->in_group == begins)
		return false;
	if (!begins && !take(reader, entries))
		return false;
	if (begins && (reader->right || reader->to == 0))
		return false;
	reader->in_group = begins;
	begin(reader);
	return true;
}

static bool step(struct reader *reader, struct entries *entries)
{
	char c = reader->value.ptr[reader->at];

	if (gw_is_space(c))
		return !reader->open;
	switch (c) {
	case ',':
		return !reader->open && take(reader, entries);
	case ':':
	case ';':
		return turn_group(reader, entries, c == ':');
	default:
		break;
	}
	if (reader->to == 0)
		reader->from = reader->at;
	else if (reader->right || reader->commented)
		return c == '(' && skip_comment(reader) && (reader->to = reader->at + 1);
	if (is_control(c) || c == '>' ? c != '>' || !close_angle(reader)
	    : c == '<'                ? !open_angle(reader)
	    : c == '"'                ? !skip_quoted(reader, '"')
	    : c == '('                ? reader->open || !skip_comment(reader)
	    : c == '['                ? !skip_quoted(reader, ']')
				      : false)
		return false;
	reader->to = reader->at + 1;
	return true;
}

bool entries_add(struct entries *entries, struct gw_str value)
{
	struct reader reader = { .value = value };

	for (; reader.at < value.len; reader.at++)
		if (!step(&reader, entries))
			return false;
	return !reader.in_group && take(&reader, entries);
}

void entries_finish(struct entries *entries)
{
	free(entries->items);
	*entries = (struct entries){ 0 };
}
