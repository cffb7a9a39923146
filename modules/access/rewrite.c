/* rewrite.c - the edits of a message that is sent in another name than it came in. */
#include "from.h"
#include "honest.h"

#include <glib.h>
#include <stdio.h>

#define NAME_MOST 120 /* octets of a display name that are kept */
#define WORD_MOST 45  /* octets in an encoded word: 60 signs of base64 */

/* The nth field of the delivery with that name, from `at` on; -1: there is none. */
static long field_at(struct gw_delivery *delivery, const char *name, size_t at,
		     struct gw_header *field)
{
	for (; gw->delivery_header(delivery, at, field) == 0; at++)
		if (gw_str_ieq(field->name, gw_str(name)))
			return (long)at;
	return -1;
}

static int drop_all(struct gw_call *call, struct gw_delivery *delivery, const char *name)
{
	struct gw_header field = { .size = sizeof field };
	long at = 0;

	while ((at = field_at(delivery, name, (size_t)at, &field)) >= 0)
		if (gw->header_drop(call, delivery, (size_t)at) != 0)
			return -1;
	return 0;
}

/* --- the name beside the new address --- */

/* The name as it is shown, without blanks around it, cut at a character; empty: it had none, or it
 * shows an address, which would say again what the rewriting takes away. */
static struct gw_str name_of(const struct from *from)
{
	struct gw_str name = gw_str(from->display), domain;
	size_t at = 0;

	while (name.len && name.ptr[0] == ' ')
		name = gw_str_from(name, 1);
	if (name.len > NAME_MOST)
		name.len = (size_t)(g_utf8_find_prev_char(name.ptr, name.ptr + NAME_MOST + 1) -
				    name.ptr);
	while (name.len && name.ptr[name.len - 1] == ' ')
		name.len--;
	return gw_str_find(name, '@') < name.len || from_next_shown(name, &at, &domain) ? gw_str("")
											: name;
}

static bool is_ascii(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	return true;
}

static void add_quoted(GString *out, struct gw_str name)
{
	size_t i;

	g_string_append_c(out, '"');
	for (i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, name.ptr[i]);
	}
	g_string_append_c(out, '"');
}

/* Encoded words of whole characters (RFC 2047), one a line. */
static void add_encoded(GString *out, struct gw_str name)
{
	const char *at = name.ptr, *end = name.ptr + name.len;

	while (at < end) {
		const char *stop = at;
		char *word;

		while (stop < end && g_utf8_next_char(stop) - at <= WORD_MOST)
			stop = g_utf8_next_char(stop);
		word = g_base64_encode((const guchar *)at, (gsize)(stop - at));
		g_string_append_printf(out, "%s=?utf-8?B?%s?=", at == name.ptr ? "" : "\r\n ",
				       word);
		g_free(word);
		at = stop;
	}
}

static GString *new_value(struct gw_str old, struct gw_str address)
{
	GString *value = g_string_new(NULL);
	struct from from;
	struct gw_str name = gw_str("");

	if (from_read(&from, old) == FROM_FINE)
		name = name_of(&from);
	if (name.len && is_ascii(name))
		add_quoted(value, name);
	else if (name.len)
		add_encoded(value, name);
	g_string_append_printf(value, name.len ? " <%.*s>" : "<%.*s>", GW_STR_ARGS(address));
	from_finish(&from);
	return value;
}

/* --- the edits --- */

static int replace_from(struct gw_call *call, struct gw_delivery *delivery, struct gw_str address)
{
	struct gw_header field = { .size = sizeof field }, reply_to = field;
	long at = field_at(delivery, "From", 0, &field);
	GString *value;
	int failed = 0;

	if (at < 0)
		return gw->header_add(call, delivery, 0, gw_str("From"), address);
	value = new_value(field.value, address);
	if (field_at(delivery, "Reply-To", 0, &reply_to) < 0)
		failed = gw->header_add(call, delivery, (size_t)at + 1, gw_str("Reply-To"),
					field.value);
	failed |= gw->header_replace(call, delivery, (size_t)at, gw_str_n(value->str, value->len));
	g_string_free(value, TRUE);
	return failed;
}

int honest_rewrite(struct gw_call *call, struct gw_delivery *delivery, struct gw_str address)
{
	return replace_from(call, delivery, address) != 0 ||
			       drop_all(call, delivery, "Sender") != 0 ||
			       drop_all(call, delivery, "DKIM-Signature") != 0
		       ? -1
		       : 0;
}

int honest_flag(struct gw_call *call, struct gw_delivery *delivery, struct gw_str text)
{
	return drop_all(call, delivery, FLAG_FIELD) != 0
		       ? -1
		       : gw->header_add(call, delivery, 0, gw_str(FLAG_FIELD), text);
}
