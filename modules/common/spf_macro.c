/* spf_macro.c - macros of SPF, RFC 7208 section 7. */
#include "spf_record.h"

#include <stdio.h>
#include <stdlib.h>

#define ROOM 1024 /* octets before it is cut */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_alpha(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

/* --- syntax --- */

struct macro {
	char letter;
	unsigned labels; /* the last so many; 0: all */
	bool reversed;
	struct gw_str delimiters; /* empty: "." */
	size_t size;              /* "%{...}" */
};

/* False: it is none. `text` begins with "%{". */
static bool macro_read(struct gw_str text, struct macro *macro)
{
	size_t at = 3, first;

	*macro = (struct macro){ .delimiters = gw_str("") };
	if (text.len < 4 || !strchr("slodiphcrtv", lower(text.ptr[2])))
		return false;
	macro->letter = text.ptr[2];
	for (first = at; at < text.len && is_digit(text.ptr[at]); at++)
		macro->labels = macro->labels > 999
					? macro->labels
					: macro->labels * 10 + (unsigned)(text.ptr[at] - '0');
	if (at > first && macro->labels == 0)
		return false;
	if (at < text.len && lower(text.ptr[at]) == 'r') {
		macro->reversed = true;
		at++;
	}
	for (first = at; at < text.len && text.ptr[at] && strchr(".-+,/_=", text.ptr[at]); at++)
		;
	macro->delimiters = gw_str_n(text.ptr + first, at - first);
	macro->size = at + 1;
	return at < text.len && text.ptr[at] == '}';
}

static bool is_escape(struct gw_str text)
{
	return text.len > 1 && strchr("%_-", text.ptr[1]);
}

/* A name's last label that can be one: not all digits, no hyphen at its ends. */
static bool is_top(struct gw_str label)
{
	bool other = false;
	size_t i;

	for (i = 0; i < label.len; i++) {
		if (!is_alpha(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-')
			return false;
		other = other || !is_digit(label.ptr[i]);
	}
	return other && label.ptr[0] != '-' && label.ptr[label.len - 1] != '-';
}

/* What stands behind the last macro: nothing, or it ends in a dot and a label. */
static bool is_end(struct gw_str literal, bool after_macro)
{
	size_t at;

	if (literal.len == 0)
		return after_macro;
	if (literal.len > 1 && literal.ptr[literal.len - 1] == '.')
		literal.len--;
	for (at = literal.len; at && literal.ptr[at - 1] != '.'; at--)
		;
	return at && is_top(gw_str_from(literal, at));
}

const char *spf_macro_flaw(struct gw_str text, bool is_domain)
{
	struct gw_str literal = text;
	struct macro macro;
	bool after = false;

	while (text.len) {
		if (text.ptr[0] != '%') {
			text = gw_str_from(text, 1);
			continue;
		}
		if (text.len > 1 && text.ptr[1] == '{') {
			if (!macro_read(text, &macro) ||
			    (is_domain && strchr("crt", lower(macro.letter))))
				return "there is a macro that is none";
			text = gw_str_from(text, macro.size);
			literal = text;
			after = true;
		} else if (is_escape(text)) {
			text = gw_str_from(text, 2);
			literal = text;
			after = true;
		} else {
			return "there is a macro that is none";
		}
	}
	return !is_domain || is_end(literal, after) ? NULL : "there is a domain that can be none";
}

bool spf_macro_has(struct gw_str text, char letter)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%')
			continue;
		if (!letter)
			return true;
		if (i + 2 < text.len && text.ptr[i + 1] == '{' && lower(text.ptr[i + 2]) == letter)
			return true;
		i++;
	}
	return false;
}

/* --- expansion --- */

struct text {
	char bytes[ROOM];
	size_t len;
	bool over;
};

static void add(struct text *text, char c)
{
	if (text->len < sizeof text->bytes - 1)
		text->bytes[text->len++] = c;
	else
		text->over = true;
}

static void add_escaped(struct text *text, char c)
{
	static const char digits[] = "0123456789ABCDEF";

	if (is_alpha(c) || is_digit(c) || (c && strchr("-._~", c))) {
		add(text, c);
		return;
	}
	add(text, '%');
	add(text, digits[(unsigned char)c >> 4]);
	add(text, digits[c & 15]);
}

static struct gw_str value_of(const struct spf_values *values, char letter)
{
	switch (letter) {
	case 's':
		return values->sender;
	case 'l':
		return values->local;
	case 'o':
		return values->sender_domain;
	case 'd':
		return values->domain;
	case 'i':
		return values->address;
	case 'p':
		return values->validated;
	case 'h':
		return values->helo;
	case 'v':
		return gw_str(values->six ? "ip6" : "in-addr");
	case 'c':
		return values->readable;
	case 'r':
		return values->receiver;
	case 't':
		return values->time;
	default:
		return gw_str("");
	}
}

static bool is_delimiter(const struct macro *macro, char c)
{
	return macro->delimiters.len ? gw_str_find(macro->delimiters, c) < macro->delimiters.len
				     : c == '.';
}

static size_t split(const struct macro *macro, struct gw_str value, struct gw_str *parts,
		    size_t most)
{
	size_t count = 0, start = 0, i;

	for (i = 0; i <= value.len && count < most; i++)
		if (i == value.len || is_delimiter(macro, value.ptr[i])) {
			parts[count++] = gw_str_n(value.ptr + start, i - start);
			start = i + 1;
		}
	return count;
}

static void expand(struct text *text, const struct macro *macro, const struct spf_values *values)
{
	struct gw_str parts[256];
	size_t count = split(macro, value_of(values, lower(macro->letter)), parts, 256), i, j;
	size_t first = macro->labels && macro->labels < count ? count - macro->labels : 0;

	for (i = first; i < count; i++) {
		/* the last ones of what is there after the reversing */
		struct gw_str part = parts[macro->reversed ? count - 1 - i : i];

		if (i > first)
			add(text, '.');
		for (j = 0; j < part.len; j++)
			if (macro->letter >= 'A' && macro->letter <= 'Z')
				add_escaped(text, part.ptr[j]);
			else
				add(text, part.ptr[j]);
	}
}

/* One piece of the text; gives its size. */
static size_t expand_piece(struct text *out, struct gw_str text, const struct spf_values *values)
{
	struct macro macro;

	if (text.ptr[0] != '%') {
		add(out, text.ptr[0]);
		return 1;
	}
	if (text.len > 1 && text.ptr[1] == '{' && macro_read(text, &macro)) {
		expand(out, &macro, values);
		return macro.size;
	}
	if (text.len > 1 && text.ptr[1] == '-') {
		add(out, '%');
		add(out, '2');
		add(out, '0');
	} else {
		add(out, text.len > 1 && text.ptr[1] == '_' ? ' ' : '%');
	}
	return 2;
}

/* Labels are taken from the front until it fits. */
static bool cut(struct gw_str name, char out[GW_DOMAIN_MAX + 1])
{
	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	while (name.len > GW_DOMAIN_MAX) {
		size_t dot = gw_str_find(name, '.');

		if (dot == name.len)
			return false;
		name = gw_str_from(name, dot + 1);
	}
	memcpy(out, name.ptr, name.len);
	out[name.len] = '\0';
	return name.len != 0;
}

static bool expand_text(struct text *out, struct gw_str text, const struct spf_values *values)
{
	while (text.len)
		text = gw_str_from(text, expand_piece(out, text, values));
	return !out->over;
}

bool spf_macro_expand(struct gw_str text, const struct spf_values *values,
		      char out[GW_DOMAIN_MAX + 1])
{
	struct text expanded = { .len = 0 };

	return expand_text(&expanded, text, values) &&
	       cut(gw_str_n(expanded.bytes, expanded.len), out);
}

bool spf_macro_explain(struct gw_str text, const struct spf_values *values,
		       char out[SPF_EXPLANATION_MAX + 1])
{
	struct text expanded = { .len = 0 };

	if (!expand_text(&expanded, text, values) || expanded.len > SPF_EXPLANATION_MAX ||
	    !spf_is_printed(gw_str_n(expanded.bytes, expanded.len)))
		return false;
	memcpy(out, expanded.bytes, expanded.len);
	out[expanded.len] = '\0';
	return true;
}
