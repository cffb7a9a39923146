#include "reflect.h"

#include <gmime/gmime.h>
#include <inttypes.h>
#include <stdio.h>

#define LINE_MOST 900 /* of what others said: no line is longer than SMTP takes */

/* --- pieces --- */

static void add_clean(GString *out, const char *text)
{
	size_t i;

	for (i = 0; text[i] && i < LINE_MOST; i++) {
		unsigned char c = (unsigned char)text[i];
		g_string_append_c(out, (gchar)(c < ' ' ? ' ' : c < 0x7f ? c : '?'));
	}
}

static void add_field(GString *out, const char *name, const char *value)
{
	g_string_append(out, name);
	add_clean(out, value);
	g_string_append(out, "\r\n");
}

static void add_date(GString *out, const char *name, int64_t ms)
{
	GDateTime *time = g_date_time_new_from_unix_utc(ms / 1000);
	char *text = g_mime_utils_header_format_date(time);

	add_field(out, name, text);
	g_free(text);
	g_date_time_unref(time);
}

/* A report of 550 without an enhanced code has one all the same: RFC 3464 wants it. */
static const char *status_of(const struct finding *finding)
{
	static const char *const of_reason[REASON_COUNT] = {
		[REASON_NO_SUCH_USER] = "5.1.1", [REASON_NO_SUCH_DOMAIN] = "5.1.2",
		[REASON_MOVED] = "5.1.6",        [REASON_BAD_ADDRESS] = "5.1.3",
		[REASON_MAILBOX_FULL] = "5.2.2", [REASON_INACTIVE] = "5.2.1",
		[REASON_TOO_LARGE] = "5.3.4",    [REASON_EXPIRED] = "4.4.7",
		[REASON_NETWORK] = "4.4.1",
	};

	if (*finding->status)
		return finding->status;
	return of_reason[finding->reason] ? of_reason[finding->reason] : "5.0.0";
}

static void add_head(GString *out, const struct reflection *to, const char *boundary)
{
	g_string_append_printf(out, "From: Mail Delivery System <MAILER-DAEMON@%.*s>\r\n",
			       GW_STR_ARGS(to->hostname));
	g_string_append_printf(out, "To: <%s>\r\n", to->sent->sender);
	g_string_append(out, "Subject: Undelivered Mail Returned to Sender\r\n");
	add_date(out, "Date: ", to->now);
	g_string_append_printf(out, "Message-ID: <%s@%.*s>\r\n", boundary,
			       GW_STR_ARGS(to->hostname));
	g_string_append(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	g_string_append_printf(out,
			       "Content-Type: multipart/report; report-type=delivery-status;\r\n"
			       "\tboundary=\"=_%s\"\r\n\r\n",
			       boundary);
}

static void add_text(GString *out, const struct reflection *to)
{
	size_t i;

	g_string_append(
		out, "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
		     "Your message was sent on, and came back from its recipient's side:\r\n\r\n");
	for (i = 0; i < to->count; i++) {
		g_string_append_printf(out, "<%s>: ", to->findings[i]->recipient);
		add_clean(out, to->findings[i]->diagnostic);
		g_string_append(out, "\r\n\r\n");
	}
}

bool sent_rcpt(const struct sent *sent, const char *address, struct gw_str *original)
{
	struct gw_str rest = gw_str(sent->rcpts), line;
	size_t len;

	while (words_line(&rest, &line)) {
		len = gw_str_find(line, '\t');
		if (!gw_str_ieq(gw_str_n(line.ptr, len), gw_str(address)))
			continue;
		if (original)
			*original = gw_str_from(line, len + (len < line.len));
		return true;
	}
	return false;
}

/* As the client gave it, which is xtext already; where it gave none, the recipient that it knows.
 */
static void add_original(GString *out, const struct sent *sent, const struct finding *finding)
{
	struct gw_str original = gw_str("");
	char text[ADDRESS_MAX * 2];

	if (!sent_rcpt(sent, finding->recipient, &original))
		return;
	g_string_append(out, "Original-Recipient: ");
	if (!original.len)
		g_string_append(out, g_str_is_ascii(finding->recipient) ? "rfc822; " : "utf-8; ");
	text_keep(text, sizeof text, original.len ? original : gw_str(finding->recipient));
	add_field(out, "", text);
}

static void add_recipient(GString *out, const struct sent *sent, const struct finding *finding)
{
	bool ascii = g_str_is_ascii(finding->recipient);

	g_string_append(out, "\r\n");
	add_original(out, sent, finding);
	g_string_append_printf(out, "Final-Recipient: %s; ", ascii ? "rfc822" : "utf-8");
	add_field(out, "", finding->recipient);
	g_string_append(out, "Action: failed\r\n");
	add_field(out, "Status: ", status_of(finding));
	if (*finding->remote)
		add_field(out, "Remote-MTA: dns; ", finding->remote);
	if (*finding->diagnostic)
		add_field(out, "Diagnostic-Code: smtp; ", finding->diagnostic);
}

static void add_status(GString *out, const struct reflection *to)
{
	size_t i;

	g_string_append(out, "Content-Type: message/delivery-status\r\n\r\n");
	if (*to->sent->envelope_id)
		add_field(out, "Original-Envelope-Id: ", to->sent->envelope_id);
	g_string_append_printf(out, "Reporting-MTA: dns; %.*s\r\n", GW_STR_ARGS(to->hostname));
	for (i = 0; i < to->count; i++)
		add_recipient(out, to->sent, to->findings[i]);
	g_string_append(out, "\r\n");
}

static void add_header(GString *out, const struct sent *sent)
{
	const char *at;

	g_string_append(out, "Content-Type: text/rfc822-headers\r\n\r\n");
	for (at = sent->header; *at; at++)
		g_string_append_c(out, (gchar)((unsigned char)*at < 0x80 ? *at : '?'));
	g_string_append(out, "\r\n");
}

GString *reflect_write(const struct reflection *reflection)
{
	GString *out = g_string_new(NULL);
	char boundary[64];

	snprintf(boundary, sizeof boundary, "%016" PRIx64 ".%x.%" PRIx64 ".bounce",
		 reflection->sent->path.id, reflection->sent->path.nth, (uint64_t)reflection->now);
	add_head(out, reflection, boundary);
	g_string_append_printf(out, "--=_%s\r\n", boundary);
	add_text(out, reflection);
	g_string_append_printf(out, "--=_%s\r\n", boundary);
	add_status(out, reflection);
	g_string_append_printf(out, "--=_%s\r\n", boundary);
	add_header(out, reflection->sent);
	g_string_append_printf(out, "--=_%s--\r\n", boundary);
	return out;
}

bool reflect_submit(struct gw_call *call, const struct sent *sent, struct gw_str report)
{
	struct gw_str sender = gw_str(sent->sender);
	struct gw_submission submission = { .size = sizeof submission,
					    .rcpts = { &sender, 1 },
					    .bytes = report,
					    .type = gw_str(sent->type) };

	if (gw->submit(call, &submission) != 0)
		return false;
	gw->count(call, "reflected", 1);
	return true;
}

bool reflect_is(struct gw_str message_id, struct gw_str hostname, struct report_name *name)
{
	char text[64];
	uint64_t when;
	int len = 0;

	message_id = gw_str_trim(message_id);
	text_keep(text, sizeof text, message_id);
	if (sscanf(text, "<%16" SCNx64 ".%4" SCNx16 ".%" SCNx64 ".bounce@%n", &name->path.id,
		   &name->path.nth, &when, &len) != 3 ||
	    !len || message_id.len < (size_t)len + hostname.len + 1)
		return false;
	name->time = (int64_t)when;
	return gw_str_ieq(gw_str_n(message_id.ptr + len, hostname.len), hostname);
}
