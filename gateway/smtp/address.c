#include "smtp/address.h"

#include "base/utf8.h"

#include <arpa/inet.h>

#define LABEL_MAX 63

enum char_class { IN_ATOM = 1, IN_LABEL = 2 };

static const unsigned char classes[256] = {
	['0' ... '9'] = IN_ATOM | IN_LABEL,
	['A' ... 'Z'] = IN_ATOM | IN_LABEL,
	['a' ... 'z'] = IN_ATOM | IN_LABEL,
	['_'] = IN_ATOM | IN_LABEL,
	['-'] = IN_ATOM,
	['!'] = IN_ATOM,
	['#'] = IN_ATOM,
	['$'] = IN_ATOM,
	['%'] = IN_ATOM,
	['&'] = IN_ATOM,
	['\''] = IN_ATOM,
	['*'] = IN_ATOM,
	['+'] = IN_ATOM,
	['/'] = IN_ATOM,
	['='] = IN_ATOM,
	['?'] = IN_ATOM,
	['^'] = IN_ATOM,
	['`'] = IN_ATOM,
	['{'] = IN_ATOM,
	['|'] = IN_ATOM,
	['}'] = IN_ATOM,
	['~'] = IN_ATOM,
};

/* Octets of the character at `at` when it is of that class, or over 127 where that is allowed; 0:
 * it is not. */
static size_t char_of(struct gw_str text, size_t at, enum char_class class, bool utf8)
{
	if (at >= text.len)
		return 0;
	if (classes[(unsigned char)text.ptr[at]] & class)
		return 1;
	return utf8 ? utf8_printable(gw_str_from(text, at)) : 0;
}

static bool char_is(struct gw_str text, size_t at, char c)
{
	return at < text.len && text.ptr[at] == c;
}

/* The scan_ functions give how many octets their element takes at the start of the text; 0: it is
 * not there. */
static size_t scan_atom(struct gw_str text, bool utf8)
{
	size_t at = 0, octets;

	while ((octets = char_of(text, at, IN_ATOM, utf8)) > 0)
		at += octets;
	return at;
}

/* Dots at the ends and next to each other too: mailboxes of Japanese carriers have them, and
 * whether one exists is its host's to say. */
static size_t scan_dot_string(struct gw_str text, bool utf8)
{
	size_t at = 0, atom, atoms = 0;

	for (;;) {
		atom = scan_atom(gw_str_from(text, at), utf8);
		atoms += atom;
		at += atom;
		if (!char_is(text, at, '.'))
			return atoms ? at : 0;
		at++;
	}
}

static size_t scan_quoted(struct gw_str text, bool utf8)
{
	size_t at = 1;

	while (at < text.len) {
		char c = text.ptr[at];
		size_t wide;
		if (c == '"')
			return at + 1;
		if (c == '\\' && at + 1 < text.len && text.ptr[at + 1] >= ' ' &&
		    text.ptr[at + 1] < 127)
			wide = 2;
		else if (c >= ' ' && c < 127 && c != '\\')
			wide = 1;
		else
			wide = utf8 ? utf8_printable(gw_str_from(text, at)) : 0;
		if (wide == 0)
			return 0;
		at += wide;
	}
	return 0;
}

static size_t scan_local(struct gw_str text, bool utf8)
{
	size_t len = char_is(text, 0, '"') ? scan_quoted(text, utf8) : scan_dot_string(text, utf8);

	return len <= ADDRESS_LOCAL_MAX ? len : 0;
}

/* A label is measured in characters: what it is in the DNS is not longer than that only where all
 * are ASCII, and then exact. */
static size_t scan_label(struct gw_str text, bool utf8)
{
	size_t at = 0, characters = 0;
	bool hyphen = true;

	for (;;) {
		size_t octets = char_of(text, at, IN_LABEL, utf8);
		if (octets == 0 && !(char_is(text, at, '-') && at > 0))
			break;
		hyphen = octets == 0;
		at += hyphen ? 1 : octets;
		characters++;
	}
	return hyphen || characters > LABEL_MAX ? 0 : at;
}

static size_t scan_name(struct gw_str text, bool utf8)
{
	size_t at = 0, label;

	for (;;) {
		label = scan_label(gw_str_from(text, at), utf8);
		if (label == 0)
			return 0;
		at += label;
		if (!char_is(text, at, '.'))
			return at <= ADDRESS_DOMAIN_MAX ? at : 0;
		at++;
	}
}

static bool is_ip(int family, struct gw_str text)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr binary;

	if (text.len >= sizeof(copy) || gw_str_has_nul(text))
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return inet_pton(family, copy, &binary) == 1;
}

static size_t scan_literal(struct gw_str text)
{
	static const struct gw_str tag = GW_STR("IPv6:");
	size_t close = gw_str_find(text, ']');
	struct gw_str inside;

	if (close == text.len)
		return 0;
	inside = gw_str_n(text.ptr + 1, close - 1);
	if (inside.len > tag.len && gw_str_ieq(gw_str_n(inside.ptr, tag.len), tag))
		return is_ip(AF_INET6, gw_str_from(inside, tag.len)) ? close + 1 : 0;
	return is_ip(AF_INET, inside) ? close + 1 : 0;
}

static size_t scan_domain(struct gw_str text, bool utf8)
{
	return char_is(text, 0, '[') ? scan_literal(text) : scan_name(text, utf8);
}

/* `*mailbox` is filled where the result is not 0. */
static size_t scan_mailbox(struct gw_str text, bool utf8, struct address *mailbox)
{
	size_t local = scan_local(text, utf8), domain;

	if (local == 0 || !char_is(text, local, '@'))
		return 0;
	domain = scan_domain(gw_str_from(text, local + 1), utf8);
	if (domain == 0 || local + 1 + domain > ADDRESS_MAX)
		return 0;
	mailbox->whole = gw_str_n(text.ptr, local + 1 + domain);
	mailbox->local = gw_str_n(text.ptr, local);
	mailbox->domain = gw_str_n(text.ptr + local + 1, domain);
	return mailbox->whole.len;
}

/* "@a,@b:" with its colon. */
static size_t scan_route(struct gw_str text, bool utf8)
{
	size_t at = 0, name;

	while (char_is(text, at, '@')) {
		name = scan_name(gw_str_from(text, at + 1), utf8);
		if (name == 0)
			return 0;
		at += 1 + name;
		if (char_is(text, at, ':'))
			return at + 1;
		if (!char_is(text, at, ','))
			return 0;
		at++;
	}
	return 0;
}

/* What stands between the brackets and needs no domain. */
static bool special_path(struct gw_str inside, unsigned flags, struct address *address)
{
	static const struct gw_str postmaster = GW_STR("postmaster");
	struct gw_str none = gw_str_n(inside.ptr + inside.len, 0);
	bool null = inside.len == 0 && (flags & ADDRESS_NULL_OK);

	if (!null && !((flags & ADDRESS_POSTMASTER) && gw_str_ieq(inside, postmaster)))
		return false;
	*address = (struct address){ inside, inside, none };
	return true;
}

bool address_path(struct gw_str text, unsigned flags, struct address *address, size_t *used)
{
	bool utf8 = flags & ADDRESS_UTF8_OK;
	size_t at = 1, close, mailbox;

	if (!char_is(text, 0, '<'))
		return false;
	close = gw_str_find(text, '>');
	if (close < text.len && special_path(gw_str_n(text.ptr + 1, close - 1), flags, address)) {
		*used = close + 1;
		return true;
	}
	if (char_is(text, at, '@')) {
		at += scan_route(gw_str_from(text, at), utf8);
		if (at == 1)
			return false;
	}
	mailbox = scan_mailbox(gw_str_from(text, at), utf8, address);
	if (mailbox == 0 || !char_is(text, at + mailbox, '>'))
		return false;
	*used = at + mailbox + 1;
	return true;
}

bool address_mailbox(struct gw_str text, unsigned flags, struct address *address)
{
	struct address found;

	if (text.len == 0 || scan_mailbox(text, flags & ADDRESS_UTF8_OK, &found) != text.len)
		return false;
	*address = found;
	return true;
}

bool address_domain(struct gw_str text, bool utf8)
{
	return text.len > 0 && scan_domain(text, utf8) == text.len;
}
