#include "mail.h"

#include "../common/parsed.h"
#include "words.h"

#define TEXT_MAX (64 * 1024) /* of each of the texts that are kept */

void mail_init(void)
{
	g_mime_init();
}

struct gw_str mail_text(const GString *text)
{
	return gw_str_n(text->str, text->len);
}

/* A line may be read as one line: no NUL is in what is kept. */
static void add(GString *to, const char *text, gsize len)
{
	gsize from = to->len;

	g_string_append_len(to, text, (gssize)MIN(len, TEXT_MAX - MIN(from, TEXT_MAX)));
	for (; from < to->len; from++)
		if (!to->str[from])
			to->str[from] = ' ';
}

/* --- where the mail that is returned begins in a text --- */

static bool is_ruled(struct gw_str line)
{
	return line.len > 3 && strchr("-=*|_", line.ptr[0]) && strchr("-=*|_", line.ptr[1]);
}

static bool begins_original(struct gw_str line)
{
	static const char *const ruled[] = { "original message",
					     "original mail",
					     "copy of the message",
					     "copy of the original",
					     "unsent message",
					     "unsent text",
					     "returned message",
					     "returned mail follows",
					     "message header",
					     "headers follow",
					     "message text follows",
					     "undelivered message",
					     "header of the original",
					     "this line is",
					     "body of the message",
					     "forwarded message",
					     NULL };
	static const char *const plain[] = { "original message follows",
					     "message headers follow",
					     "included is a copy",
					     "below is a copy of",
					     "original message headers",
					     "received: from ",
					     "received: by ",
					     "received:from ",
					     "received: (",
					     "return-path: <",
					     "content-type: message/rfc822",
					     "content-type: text/rfc822",
					     "original message:",
					     "the original message headers",
					     "dkim-signature:",
					     "a copy of the original message",
					     "the header of the original",
					     "----- original message -----",
					     NULL };

	line = gw_str_trim(line);
	return words_begin_with_one(line, plain) || (is_ruled(line) && words_have_one(line, ruled));
}

static void add_text(struct mail *mail, const char *text, gsize len)
{
	struct gw_str rest = gw_str_n(text, len), line;

	while (words_line(&rest, &line)) {
		if (begins_original(line)) {
			const char *from = strchr("RrDd", *gw_str_trim(line).ptr) ? line.ptr
										  : rest.ptr;
			if (!mail->original->len)
				add(mail->original, from, (gsize)(text + len - from));
			return;
		}
		add(mail->notice, line.ptr, line.len);
		g_string_append_c(mail->notice, '\n');
	}
}

/* --- HTML, where there is nothing else --- */

static const char *skip_tag(const char *at, const char *end)
{
	const char *close = memchr(at, '>', (size_t)(end - at));

	return close ? close + 1 : end;
}

static bool is_tag(const char *at, const char *end)
{
	return at + 1 < end && (g_ascii_isalpha(at[1]) || at[1] == '/' || at[1] == '!') &&
	       memchr(at, '>', (size_t)MIN(end - at, 2000));
}

static char entity(const char **at)
{
	static const struct {
		const char *name;
		char c;
	} known[] = { { "&lt;", '<' },   { "&gt;", '>' },   { "&amp;", '&' }, { "&nbsp;", ' ' },
		      { "&quot;", '"' }, { "&#39;", '\'' }, { "&#64;", '@' } };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(known); i++)
		if (g_str_has_prefix(*at, known[i].name)) {
			*at += strlen(known[i].name);
			return known[i].c;
		}
	(*at)++;
	return '&';
}

static void add_html(struct mail *mail, const char *text, gsize len)
{
	static const char *const breaks[] = { "<br", "<p",   "</p", "<div", "<tr",
					      "<li", "</td", "<h",  NULL };
	GString *plain = g_string_sized_new(len);
	const char *at = text, *end = text + len;

	while (at < end) {
		if (*at == '<' && is_tag(at, end)) {
			bool line = words_begin_with_one(gw_str_n(at, (size_t)(end - at)), breaks);
			at = skip_tag(at, end);
			g_string_append_c(plain, line ? '\n' : ' ');
		} else {
			g_string_append_c(plain, *at == '&' ? entity(&at) : *at++);
		}
	}
	add_text(mail, plain->str, plain->len);
	g_string_free(plain, TRUE);
}

/* --- parts --- */

static void add_part(GString *to, GMimePart *part)
{
	GByteArray *bytes = parsed_octets(part);

	add(to, (const char *)bytes->data, bytes->len);
	g_string_append_c(to, '\n');
	g_byte_array_unref(bytes);
}

static void take_text(struct mail *mail, GMimePart *part, bool html)
{
	char *text = GMIME_IS_TEXT_PART(part) ? g_mime_text_part_get_text(GMIME_TEXT_PART(part))
					      : NULL;
	GByteArray *bytes = text ? NULL : parsed_octets(part);
	const char *at = text ? text : (const char *)bytes->data;
	gsize len = text ? strlen(text) : bytes->len;

	if (html)
		add_html(mail, at, len);
	else
		add_text(mail, at, len);
	g_free(text);
	if (bytes)
		g_byte_array_unref(bytes);
}

static bool is_attached(GMimeObject *object)
{
	const char *disposition = g_mime_object_get_disposition(object);

	return disposition && g_ascii_strcasecmp(disposition, "attachment") == 0;
}

static void take_header(struct mail *mail, GMimePart *part)
{
	mail->has_original = true;
	add_part(mail->original, part);
}

static void take_leaf(struct mail *mail, GMimePart *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	char *sub = g_ascii_strdown(type ? g_mime_content_type_get_media_subtype(type) : "plain",
				    -1);
	bool text = !type || g_mime_content_type_is_type(type, "text", "*");

	if (g_str_has_suffix(sub, "delivery-status"))
		add_part(mail->status, part);
	else if (strcmp(sub, "feedback-report") == 0)
		add_part(mail->feedback, part);
	else if (g_str_has_suffix(sub, "disposition-notification"))
		add_part(mail->receipt, part);
	else if (g_str_has_prefix(sub, "rfc822") || strcmp(sub, "global-headers") == 0)
		take_header(mail, part);
	else if (text && (!mail->notice->len ||
			  (!is_attached(GMIME_OBJECT(part)) && strcmp(sub, "html") != 0)))
		take_text(mail, part, strcmp(sub, "html") == 0);
	g_free(sub);
}

static void walk(struct mail *mail, GMimeObject *object, unsigned depth);

static bool is_report(GMimeObject *object)
{
	GMimeContentType *type = object ? g_mime_object_get_content_type(object) : NULL;

	return type && g_mime_content_type_is_type(type, "multipart", "report");
}

/* A mail within the mail: what is returned, or, where a filter on the way wrapped a report in one
 * of its own, the report. */
static void take_message(struct mail *mail, GMimeMessage *inner, unsigned depth)
{
	GMimeObject *part = inner ? g_mime_message_get_mime_part(inner) : NULL;
	char *header;

	if (!inner)
		return;
	if (is_report(part) && mail_is_from_daemon(mail) && !mail->status->len) {
		walk(mail, part, depth + 1);
		return;
	}
	mail->has_original = true;
	header = g_mime_object_get_headers(GMIME_OBJECT(inner), NULL);
	if (header && !mail->original->len)
		add(mail->original, header, strlen(header));
	g_free(header);
}

static void walk(struct mail *mail, GMimeObject *object, unsigned depth)
{
	int i, count;

	if (!object || depth > MAIL_DEPTH || mail->parts++ > MAIL_PARTS)
		return;
	if (GMIME_IS_MULTIPART(object)) {
		mail->is_report |= is_report(object);
		count = g_mime_multipart_get_count(GMIME_MULTIPART(object));
		for (i = 0; i < count && i < MAIL_PARTS; i++)
			walk(mail, g_mime_multipart_get_part(GMIME_MULTIPART(object), i),
			     depth + 1);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		take_message(mail, g_mime_message_part_get_message(GMIME_MESSAGE_PART(object)),
			     depth);
	} else if (GMIME_IS_PART(object)) {
		take_leaf(mail, GMIME_PART(object));
	}
}

/* --- fields --- */

static char *field(GMimeMessage *message, const char *name)
{
	const char *value = g_mime_object_get_header(GMIME_OBJECT(message), name);

	return g_strdup(value ? value : "");
}

static void take_fields(struct mail *mail, GMimeMessage *message)
{
	mail->from = field(message, "From");
	mail->to = field(message, "To");
	mail->subject = field(message, "Subject");
	mail->return_path = field(message, "Return-Path");
	mail->failed = field(message, "X-Failed-Recipients");
	mail->auto_submitted = field(message, "Auto-Submitted");
	mail->precedence = field(message, "Precedence");
	mail->auto_reply = field(message, "X-Autoreply");
	mail->apple_action = field(message, "X-Apple-Action");
	mail->in_reply_to = field(message, "In-Reply-To");
	mail->list = field(message, "List-Unsubscribe");
}

char *mail_field(struct gw_str header, const char *name)
{
	size_t len = strlen(name);
	GString *value = NULL;
	struct gw_str line;

	while (words_line(&header, &line) && line.len) {
		bool folded = line.ptr[0] == ' ' || line.ptr[0] == '\t';

		if (value && !folded)
			break;
		if (value)
			g_string_append_len(value, line.ptr, (gssize)line.len);
		else if (words_begin(line, name) && line.len > len && line.ptr[len] == ':')
			value = g_string_new_len(line.ptr + len + 1, (gssize)(line.len - len - 1));
	}
	return value ? g_strstrip(g_string_free(value, FALSE)) : g_strdup("");
}

bool mail_is_from_daemon(const struct mail *mail)
{
	static const char *const names[] = {
		"mailer-daemon",
		"mailer_daemon",
		"mailerdaemon",
		"postmaster",
		"post_master",
		"mail delivery",
		"mail.delivery",
		"mail-delivery",
		"maildelivery",
		"delivery system",
		"mail system",
		"mail administrator",
		"mail-daemon",
		"mdaemon",
		"interscan", /* Exchange's own mailbox, the same in each installation */
		"microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
		NULL
	};

	return words_have_one(gw_str(mail->from), names);
}

/* --- the whole --- */

static struct gw_str body_of(struct gw_str bytes)
{
	struct gw_str line;

	while (words_line(&bytes, &line) && line.len)
		;
	return bytes;
}

/* A file of a mailbox begins with a line of its own. */
static struct gw_str skip_envelope(struct gw_str bytes)
{
	struct gw_str line;

	while (bytes.len && (*bytes.ptr == '\n' || *bytes.ptr == '\r'))
		bytes = gw_str_from(bytes, 1);
	if (words_begin(bytes, "From "))
		words_line(&bytes, &line);
	return bytes;
}

void mail_read(struct mail *mail, struct gw_str bytes)
{
	GMimeMessage *message;

	*mail = (struct mail){ .notice = g_string_new(NULL),
			       .status = g_string_new(NULL),
			       .feedback = g_string_new(NULL),
			       .receipt = g_string_new(NULL),
			       .original = g_string_new(NULL) };
	bytes = skip_envelope(gw_str_n(bytes.ptr, MIN(bytes.len, MAIL_MAX)));
	message = parsed_mail(bytes);
	if (message) {
		take_fields(mail, message);
		walk(mail, g_mime_message_get_mime_part(message), 0);
		g_object_unref(message);
	}
	if (!mail->notice->len && !mail->status->len && !mail->feedback->len) {
		struct gw_str body = body_of(bytes);
		add_text(mail, body.ptr, body.len);
	}
}

void mail_finish(struct mail *mail)
{
	char **fields[] = { &mail->from,        &mail->to,         &mail->subject,
			    &mail->return_path, &mail->failed,     &mail->auto_submitted,
			    &mail->precedence,  &mail->auto_reply, &mail->apple_action,
			    &mail->in_reply_to, &mail->list };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(fields); i++)
		g_free(*fields[i]);
	g_string_free(mail->notice, TRUE);
	g_string_free(mail->status, TRUE);
	g_string_free(mail->feedback, TRUE);
	g_string_free(mail->receipt, TRUE);
	g_string_free(mail->original, TRUE);
}
