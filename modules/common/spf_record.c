#include "spf_record.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define TERMS_MOST 512

const char *const spf_mechanisms[SPF_MECHANISMS] = { "all", "include", "a",   "mx",
						     "ptr", "ip4",     "ip6", "exists" };

bool spf_is_record(struct gw_str text)
{
	static const struct gw_str version = GW_STR("v=spf1");

	return text.len >= version.len && gw_str_ieq(gw_str_n(text.ptr, version.len), version) &&
	       (text.len == version.len || text.ptr[version.len] == ' ');
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* --- prefixes --- */

/* Takes "/24" from the end of the text: digits without a leading zero, up to `most`. -1: there is
 * none; -2: it is wrong. */
static int take_prefix(struct gw_str *text, unsigned most)
{
	size_t at = text->len, i;
	unsigned bits = 0;

	while (at && is_digit(text->ptr[at - 1]))
		at--;
	if (at == 0 || text->ptr[at - 1] != '/')
		return -1;
	if (at == text->len || text->len - at > 3 || (text->ptr[at] == '0' && text->len - at > 1))
		return -2;
	for (i = at; i < text->len; i++)
		bits = bits * 10 + (unsigned)(text->ptr[i] - '0');
	text->len = at - 1;
	return bits <= most ? (int)bits : -2;
}

/* [ "/" four ] [ "//" six ] */
static bool take_both(struct gw_str *text, struct spf_term *term)
{
	int bits = take_prefix(text, 128);

	term->four = 32;
	term->six = 128;
	if (bits == -1)
		return true;
	if (bits >= 0 && text->len && text->ptr[text->len - 1] == '/') {
		text->len--;
		term->six = (unsigned)bits;
		bits = take_prefix(text, 32);
		if (bits == -1)
			return true;
	}
	term->four = (unsigned)bits;
	return bits >= 0 && bits <= 32;
}

static bool read_network(struct spf_term *term, struct gw_str value)
{
	bool six = term->mechanism == SPF_IP6;
	int bits = take_prefix(&value, six ? 128 : 32);
	char text[INET6_ADDRSTRLEN];

	if (bits == -2 || value.len >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", GW_STR_ARGS(value));
	memset(term->network.bytes, 0, 16);
	memset(term->network.bytes + 10, 0xff, six ? 0 : 2);
	if (inet_pton(six ? AF_INET6 : AF_INET, text, term->network.bytes + (six ? 0 : 12)) != 1)
		return false;
	term->network.bits = bits < 0 ? 128 : (unsigned)bits + (six ? 0 : 96);
	network_mask(&term->network);
	return true;
}

/* --- terms --- */

static const char *read_domain(struct spf_term *term, struct gw_str value, bool has_value)
{
	if (!has_value)
		return term->mechanism == SPF_INCLUDE || term->mechanism == SPF_EXISTS
			       ? "include and exists need a domain"
			       : NULL;
	term->spec = value;
	return spf_macro_flaw(value, true);
}

/* What stands behind the name, ':' included. */
static const char *read_argument(struct spf_term *term, struct gw_str rest)
{
	bool has_value = rest.len && rest.ptr[0] == ':';

	switch (term->mechanism) {
	case SPF_ALL:
		return rest.len ? "all stands alone" : NULL;
	case SPF_IP4:
	case SPF_IP6:
		return has_value && read_network(term, gw_str_from(rest, 1))
			       ? NULL
			       : "ip4 and ip6 need an address, or a network";
	case SPF_A:
	case SPF_MX:
		if (!take_both(&rest, term))
			return "a prefix is out of range";
		break;
	default:
		break;
	}
	if (rest.len && rest.ptr[0] != ':')
		return "a slash stands where none may";
	return read_domain(term, has_value ? gw_str_from(rest, 1) : rest, has_value);
}

static const char *read_mechanism(struct spf_record *record, struct gw_str text)
{
	struct spf_term *term = &record->terms[record->count];
	size_t end, i;

	*term = (struct spf_term){ .qualifier = '+', .spec = gw_str("") };
	if (strchr("+-~?", text.ptr[0])) {
		term->qualifier = text.ptr[0];
		text = gw_str_from(text, 1);
	}
	for (end = 0; end < text.len && text.ptr[end] != ':' && text.ptr[end] != '/'; end++)
		;
	for (i = 0; i < SPF_MECHANISMS; i++)
		if (gw_str_ieq(gw_str_n(text.ptr, end), gw_str(spf_mechanisms[i])))
			break;
	if (i == SPF_MECHANISMS)
		return "there is a mechanism that nobody knows";
	term->mechanism = (enum spf_mechanism)i;
	record->count++;
	return read_argument(term, gw_str_from(text, end));
}

static bool is_name(struct gw_str text)
{
	size_t i;

	for (i = 1; i < text.len; i++)
		if (!is_alpha(text.ptr[i]) && !is_digit(text.ptr[i]) && !strchr("-_.", text.ptr[i]))
			return false;
	return text.len && is_alpha(text.ptr[0]);
}

/* An empty value is a flaw, so what is there twice has one already. */
static const char *read_modifier(struct spf_record *record, struct gw_str name, struct gw_str value)
{
	struct gw_str *known = gw_str_ieq(name, gw_str("redirect")) ? &record->redirect
			       : gw_str_ieq(name, gw_str("exp"))    ? &record->explanation
								    : NULL;

	if (!is_name(name))
		return "a modifier has no name";
	if (!known)
		return spf_macro_flaw(value, false);
	if (known->len)
		return "a modifier stands there twice";
	*known = value;
	return spf_macro_flaw(value, true);
}

static const char *read_term(struct spf_record *record, struct gw_str text)
{
	size_t at;

	for (at = 0; at < text.len && !strchr(":/=", text.ptr[at]); at++)
		;
	if (at < text.len && text.ptr[at] == '=')
		return read_modifier(record, gw_str_n(text.ptr, at), gw_str_from(text, at + 1));
	return record->count < TERMS_MOST ? read_mechanism(record, text) : "it has too many terms";
}

bool spf_is_printed(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	return true;
}

static const char *read_terms(struct spf_record *record, struct gw_str rest)
{
	const char *flaw = NULL;

	while (!flaw && rest.len) {
		size_t end = gw_str_find(rest, ' ');

		if (end)
			flaw = read_term(record, gw_str_n(rest.ptr, end));
		rest = gw_str_from(rest, end < rest.len ? end + 1 : end);
	}
	return flaw;
}

const char *spf_record_read(struct spf_record *record, struct gw_str text)
{
	size_t version = sizeof "v=spf1" - 1;

	*record = (struct spf_record){ .redirect = gw_str(""), .explanation = gw_str("") };
	if (!spf_is_printed(text))
		return "there are octets in it that are no ASCII";
	record->text = malloc(text.len + 1);
	record->terms = calloc(TERMS_MOST, sizeof *record->terms);
	if (!record->text || !record->terms)
		return "out of memory";
	memcpy(record->text, text.ptr, text.len);
	record->text[text.len] = '\0';
	return read_terms(record, gw_str_n(record->text + version, text.len - version));
}

void spf_record_finish(struct spf_record *record)
{
	free(record->text);
	free(record->terms);
	*record = (struct spf_record){ 0 };
}
