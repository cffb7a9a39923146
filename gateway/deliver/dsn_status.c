/* dsn_status.c - the part for programs: message/delivery-status (RFC 3464), or its global form (RFC
 * 6533). */
#include "base/clock.h"
#include "base/utf8.h"
#include "deliver/dsn_private.h"
#include "smtp/address.h"

#include <stdlib.h>

static void field(struct buf *out, const char *name, const char *type, struct gw_str value,
		  bool utf8)
{
	char begin[64];
	snprintf(begin, sizeof begin, "%s: %s%s", name, type, *type ? "; " : "");
	dsn_wrap(out, begin, " ", value, utf8);
}

/* Blanks in a quoted local part are part of the address; the line is long enough for any. */
static void address_field(struct buf *out, const char *name, const char *type,
			  struct gw_str address, bool utf8)
{
	buf_printf(out, "%s: %s; ", name, type);
	dsn_clean(out, address, utf8);
	buf_add_text(out, "\r\n");
}

static void date_field(struct buf *out, const char *name, int64_t when)
{
	char text[CLOCK_RFC5322];
	buf_printf(out, "%s: %s\r\n", name, clock_rfc5322(when, text));
}

/* --- addresses --- */

static bool is_ascii(struct gw_str text)
{
	size_t i;
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

static unsigned code_point(struct gw_str text, size_t len)
{
	unsigned char first = (unsigned char)text.ptr[0];
	unsigned value = first & (0xffu >> (len + 1));
	size_t i;
	for (i = 1; i < len; i++)
		value = value << 6 | ((unsigned char)text.ptr[i] & 0x3fu);
	return value;
}

/* utf-8-addr-xtext of RFC 6533: the form for readers that know only ASCII. */
static void put_escaped(struct buf *out, struct gw_str text)
{
	while (text.len) {
		unsigned char c = (unsigned char)text.ptr[0];
		size_t len = c >= 0x80 ? utf8_char(text) : 1;
		if (len > 1)
			buf_printf(out, "\\x{%X}", code_point(text, len));
		else if (c == '\\' || c == '+' || c == '=' || c <= ' ')
			buf_printf(out, "\\x{%02X}", c);
		else
			buf_add(out, &c, 1);
		text = gw_str_from(text, len ? len : 1);
	}
}

static void final_recipient(const struct dsn *dsn, struct gw_str address, struct buf *out)
{
	struct buf escaped;

	if (is_ascii(address)) {
		address_field(out, "Final-Recipient", "rfc822", address, false);
		return;
	}
	if (dsn_utf8(dsn)) {
		address_field(out, "Final-Recipient", "utf-8", address, true);
		return;
	}
	buf_init(&escaped, 0);
	put_escaped(&escaped, address);
	address_field(out, "Final-Recipient", "utf-8", buf_str(&escaped), false);
	out->failed = out->failed || escaped.failed;
	buf_finish(&escaped);
}

static bool is_word(struct gw_str text)
{
	size_t i;
	for (i = 0; i < text.len; i++)
		if (!(text.ptr[i] >= 'a' && text.ptr[i] <= 'z') &&
		    !(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z') &&
		    !(text.ptr[i] >= '0' && text.ptr[i] <= '9') && text.ptr[i] != '-')
			return false;
	return text.len > 0 && text.len <= 32;
}

typedef void put_field(struct buf *out, const char *name, const char *type, struct gw_str value,
		       bool utf8);

/* The text of a value given as xtext; as it was given when it is malformed. */
static void decoded_field(struct buf *out, put_field *put, const char *name, const char *type,
			  struct gw_str xtext)
{
	char *text = malloc(xtext.len + 1);
	long len = text ? address_xtext_decode(xtext, text) : -1;
	put(out, name, type, len >= 0 ? gw_str_n(text, (size_t)len) : xtext, false);
	free(text);
}

static void original_recipient(struct gw_str orcpt, struct buf *out)
{
	size_t semicolon = gw_str_find(orcpt, ';');
	struct gw_str type = gw_str_n(orcpt.ptr, semicolon),
		      address = gw_str_from(orcpt, semicolon + 1);
	char word[40];

	if (semicolon == orcpt.len || !is_word(type))
		return;
	snprintf(word, sizeof word, "%.*s", (int)type.len, type.ptr);
	if (gw_str_ieq(type, gw_str("utf-8")))
		address_field(out, "Original-Recipient", word, address, false);
	else
		decoded_field(out, address_field, "Original-Recipient", word, address);
}

/* --- a recipient --- */

static const char *const actions[] = {
	[DSN_FAILED] = "failed",   [DSN_DELAYED] = "delayed",   [DSN_DELIVERED] = "delivered",
	[DSN_RELAYED] = "relayed", [DSN_EXPANDED] = "expanded",
};

static void diagnostic(const struct dsn *dsn, const struct outcome *outcome, struct buf *out)
{
	struct gw_str text;
	struct buf said;

	buf_init(&said, 0);
	dsn_said(&said, outcome);
	text = buf_str(&said);
	if (text.len > DSN_DIAGNOSTIC)
		text.len = DSN_DIAGNOSTIC;
	if (text.len)
		field(out, "Diagnostic-Code", outcome->reply.code ? "smtp" : "x-gateway", text,
		      dsn_utf8(dsn));
	out->failed = out->failed || said.failed;
	buf_finish(&said);
}

static void put_recipient(const struct dsn *dsn, const struct dsn_rcpt *rcpt, struct buf *out)
{
	const struct outcome *outcome = &rcpt->outcome;
	uint8_t code[3];

	buf_add_text(out, "\r\n");
	original_recipient(rcpt->rcpt->orcpt, out);
	final_recipient(dsn, rcpt->rcpt->address, out);
	outcome_enhanced(outcome, code);
	buf_printf(out, "Action: %s\r\nStatus: %u.%u.%u\r\n", actions[dsn->action], code[0],
		   code[1], code[2]);
	if (outcome->host.len && outcome->reply.code)
		field(out, "Remote-MTA", "dns",
		      gw_str_n(outcome->host.ptr, gw_str_find(outcome->host, ' ')), false);
	diagnostic(dsn, outcome, out);
	date_field(out, "Last-Attempt-Date", dsn->now);
	if (dsn->action == DSN_DELAYED && dsn->will_retry_until)
		date_field(out, "Will-Retry-Until", dsn->will_retry_until);
}

void dsn_status(const struct dsn *dsn, struct buf *out)
{
	const struct gw_message *message = dsn->message;
	size_t i;

	if (message->envid.len)
		decoded_field(out, field, "Original-Envelope-Id", "", message->envid);
	field(out, "Reporting-MTA", "dns", dsn->hostname, false);
	date_field(out, "Arrival-Date", message->received_at);
	for (i = 0; i < dsn->count; i++)
		put_recipient(dsn, &dsn->rcpts[i], out);
}
