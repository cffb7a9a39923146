#include "record.h"

#include <glib.h>

#define VERSION "v=TLSRPTv1"

/* The first piece up to `end`, without blanks, taken off. */
static struct gw_str piece(struct gw_str *rest, char end)
{
	struct gw_str first = gw_str_n(rest->ptr, gw_str_find(*rest, end));

	*rest = gw_str_from(*rest, first.len + 1);
	return gw_str_trim(first);
}

/* Percent-decoded; false: it does not fit, or is no line of visible ASCII. */
static bool decode(struct gw_str text, char out[RECORD_URI_MOST])
{
	size_t len = 0, i;

	for (i = 0; i < text.len && len + 1 < RECORD_URI_MOST; i++) {
		char c = text.ptr[i];

		if (c == '%' && i + 2 < text.len && g_ascii_isxdigit(text.ptr[i + 1]) &&
		    g_ascii_isxdigit(text.ptr[i + 2])) {
			c = (char)(g_ascii_xdigit_value(text.ptr[i + 1]) << 4 |
				   g_ascii_xdigit_value(text.ptr[i + 2]));
			i += 2;
		}
		if (c <= ' ' || c >= 0x7f)
			return false;
		out[len++] = c;
	}
	out[len] = '\0';
	return i == text.len && len > 0;
}

static bool begins(struct gw_str text, const char *with)
{
	size_t len = strlen(with);

	return text.len > len && gw_str_ieq(gw_str_n(text.ptr, len), gw_str(with));
}

static bool is_plain(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return false;
	return text.len < RECORD_URI_MOST;
}

/* Fields behind '?' (a subject, say) are not looked at. */
static void take_mail(struct record *record, struct gw_str address)
{
	address.len = gw_str_find(address, '?');
	if (gw_str_find(address, '@') < address.len && record->mails < RECORD_URIS &&
	    decode(address, record->mail[record->mails]))
		record->mails++;
}

static void take_web(struct record *record, struct gw_str uri)
{
	if (record->webs == RECORD_URIS || !is_plain(uri))
		return;
	memcpy(record->web[record->webs], uri.ptr, uri.len);
	record->web[record->webs++][uri.len] = '\0';
}

static void take_uris(struct record *record, struct gw_str list)
{
	while (list.len) {
		struct gw_str uri = piece(&list, ',');

		if (begins(uri, "mailto:"))
			take_mail(record, gw_str_from(uri, strlen("mailto:")));
		else if (begins(uri, "https://"))
			take_web(record, uri);
	}
}

/* The first "rua" counts; what else is said may come with a later standard. */
static void take_fields(struct record *record, struct gw_str text)
{
	while (text.len) {
		struct gw_str field = piece(&text, ';'), name = piece(&field, '=');

		if (!gw_str_eq(name, gw_str("rua")))
			continue;
		take_uris(record, field);
		return;
	}
}

static bool is_version(struct gw_str text)
{
	return gw_str_eq(piece(&text, ';'), gw_str(VERSION));
}

bool record_read(struct gw_list texts, struct record *record)
{
	const struct gw_str *text = NULL;
	size_t count = 0, i;

	memset(record, 0, sizeof *record);
	for (i = 0; i < texts.count; i++)
		if (is_version(texts.items[i])) {
			text = &texts.items[i];
			count++;
		}
	if (count != 1)
		return false;
	take_fields(record, gw_str_from(*text, gw_str_find(*text, ';') + 1));
	return record->mails + record->webs > 0;
}
