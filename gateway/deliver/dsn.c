/* dsn.c - the report as a message: its header and the three parts of multipart/report (RFC 6522).
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "deliver/dsn_private.h"
#include "smtp/command.h"

bool dsn_wanted(const struct gw_rcpt *rcpt, enum dsn_action action)
{
	static const unsigned asked[] = {
		[DSN_FAILED] = SMTP_NOTIFY_FAILURE,    [DSN_DELAYED] = SMTP_NOTIFY_DELAY,
		[DSN_DELIVERED] = SMTP_NOTIFY_SUCCESS, [DSN_RELAYED] = SMTP_NOTIFY_SUCCESS,
		[DSN_EXPANDED] = SMTP_NOTIFY_SUCCESS,
	};
	unsigned notify = rcpt->notify ? rcpt->notify : SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
	return !(notify & SMTP_NOTIFY_NEVER) && (notify & asked[action]);
}

/* --- the parts --- */

struct parts {
	const struct header_block *headers; /* of the message; NULL: cannot be read */
	struct buf human, status, original;
	bool full; /* original is the whole message */
};

static bool returns_all(const struct dsn *dsn)
{
	const struct gw_message *message = dsn->message;
	return message->ret == SMTP_RET_FULL && !message->requiretls && dsn->action == DSN_FAILED &&
	       message->content.size <= dsn->max_return && !message->long_line &&
	       (!message->eight_bit || dsn_utf8(dsn));
}

static bool read_all(const struct spool_content *content, struct buf *out)
{
	uint64_t done = 0;
	while (done < content->size) {
		size_t want = content->size - done < 65536 ? (size_t)(content->size - done) : 65536;
		char *room = buf_reserve(out, want);
		long got = room ? spool_read(content, done, room, want) : -1;
		if (got <= 0)
			return false;
		buf_added(out, (size_t)got);
		done += (uint64_t)got;
	}
	return true;
}

static void copy_headers(const struct dsn *dsn, struct parts *parts)
{
	const struct header_block *headers = parts->headers;
	size_t i;
	for (i = 0; headers && i < headers->count && buf_len(&parts->original) < DSN_HEADER; i++) {
		struct gw_str whole = headers->fields[i].whole;
		if (whole.len > DSN_HEADER)
			whole.len = DSN_HEADER;
		dsn_raw_field(&parts->original, whole, dsn_utf8(dsn));
	}
}

static void make_parts(const struct dsn *dsn, struct parts *parts)
{
	parts->headers = message_headers(dsn->message);
	dsn_human(dsn, parts->headers, &parts->human);
	dsn_status(dsn, &parts->status);
	parts->full = parts->headers && returns_all(dsn) &&
		      read_all(&dsn->message->content, &parts->original);
	if (parts->full)
		return;
	buf_clear(&parts->original);
	copy_headers(dsn, parts);
}

static bool holds(const struct buf *buf, const char *text)
{
	return buf_len(buf) && memmem(buf_ptr(buf), buf_len(buf), text, strlen(text));
}

/* One that stands in none of the parts. */
static void choose_boundary(const struct dsn *dsn, const struct parts *parts, char *boundary,
			    size_t size)
{
	char id[ID_TEXT];
	unsigned n = 0;
	id_format(dsn->id, id);
	do
		snprintf(boundary, size, "=_report_%s_%u", id, n++);
	while (holds(&parts->human, boundary) || holds(&parts->status, boundary) ||
	       holds(&parts->original, boundary));
}

/* --- the header --- */

static const char *const subjects[] = {
	[DSN_FAILED] = "Delivery failure",      [DSN_DELAYED] = "Delivery delayed",
	[DSN_DELIVERED] = "Delivered",          [DSN_RELAYED] = "Handed on",
	[DSN_EXPANDED] = "Delivered to a list",
};

static bool is_message_id(struct gw_str text)
{
	size_t i;
	if (text.len < 3 || text.len > 250 || text.ptr[0] != '<' || text.ptr[text.len - 1] != '>')
		return false;
	for (i = 1; i + 1 < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || text.ptr[i] == '<' ||
		    text.ptr[i] == '>')
			return false;
	return true;
}

static void put_thread(const struct parts *parts, struct buf *out)
{
	const struct header_field *field = parts->headers ? header_find(parts->headers,
									gw_str("Message-ID"), 0)
							  : NULL;
	struct arena arena;
	struct gw_str id;

	if (!field)
		return;
	arena_init(&arena, 0);
	id = header_unfold(&arena, field->value);
	if (id.ptr && is_message_id(id)) {
		buf_printf(out, "In-Reply-To: %.*s\r\n", (int)id.len, id.ptr);
		buf_printf(out, "References: %.*s\r\n", (int)id.len, id.ptr);
	}
	arena_finish(&arena);
}

static void put_subject(const struct dsn *dsn, struct buf *out)
{
	buf_printf(out, "Subject: %s: ", subjects[dsn->action]);
	if (dsn->count == 1)
		dsn_clean(out, dsn->rcpts[0].rcpt->address, dsn_utf8(dsn));
	else
		buf_printf(out, "%zu recipients", dsn->count);
	buf_add_text(out, "\r\n");
}

static void put_at_host(const struct dsn *dsn, struct buf *out)
{
	buf_add_text(out, "@");
	dsn_clean(out, dsn->hostname, false);
	buf_add_text(out, ">\r\n");
}

static void put_header(const struct dsn *dsn, const struct parts *parts, const char *boundary,
		       struct buf *out)
{
	char date[CLOCK_RFC5322], id[ID_TEXT];

	buf_add_text(out, "From: Mail Delivery System <MAILER-DAEMON");
	put_at_host(dsn, out);
	buf_add_text(out, "To: <");
	dsn_clean(out, dsn->message->sender, dsn_utf8(dsn));
	buf_add_text(out, ">\r\n");
	put_subject(dsn, out);
	buf_printf(out, "Date: %s\r\nMessage-ID: <%s.report", clock_rfc5322(dsn->now, date),
		   id_format(dsn->id, id));
	put_at_host(dsn, out);
	put_thread(parts, out);
	buf_printf(
		out,
		"Auto-Submitted: auto-replied\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=%sdelivery-status;\r\n\tboundary=\"%s\"\r\n",
		dsn_is_8bit(&parts->status) ? "global-" : "", boundary);
	if (dsn_is_8bit(&parts->human) || dsn_is_8bit(&parts->status) ||
	    dsn_is_8bit(&parts->original))
		buf_add_text(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_add_text(out, "\r\n");
}

/* --- all of it --- */

static void put_part(const char *boundary, const char *type, const struct buf *part,
		     struct buf *out)
{
	buf_printf(out, "--%s\r\nContent-Type: %s\r\n", boundary, type);
	if (dsn_is_8bit(part))
		buf_add_text(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_add_text(out, "\r\n");
	buf_add_str(out, buf_str(part));
	buf_add_text(out, "\r\n");
}

static const char *original_type(const struct parts *parts)
{
	bool global = dsn_is_8bit(&parts->original);
	if (parts->full)
		return global ? "message/global" : "message/rfc822";
	return global ? "message/global-headers" : "text/rfc822-headers";
}

static void assemble(const struct dsn *dsn, const struct parts *parts, struct buf *out)
{
	char boundary[64];

	choose_boundary(dsn, parts, boundary, sizeof boundary);
	put_header(dsn, parts, boundary, out);
	put_part(boundary,
		 dsn_is_8bit(&parts->human) ? "text/plain; charset=utf-8"
					    : "text/plain; charset=us-ascii",
		 &parts->human, out);
	put_part(boundary,
		 dsn_is_8bit(&parts->status) ? "message/global-delivery-status"
					     : "message/delivery-status",
		 &parts->status, out);
	if (parts->headers)
		put_part(boundary, original_type(parts), &parts->original, out);
	buf_printf(out, "--%s--\r\n", boundary);
}

int dsn_write(const struct dsn *dsn, struct buf *out)
{
	struct parts parts = { 0 };
	bool failed;

	make_parts(dsn, &parts);
	failed = parts.human.failed || parts.status.failed || parts.original.failed;
	if (!failed)
		assemble(dsn, &parts, out);
	buf_finish(&parts.human);
	buf_finish(&parts.status);
	buf_finish(&parts.original);
	return failed || out->failed ? -1 : 0;
}
