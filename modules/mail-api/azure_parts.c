/* azure_parts.c - the parts: one text, as plain text or HTML or both, and attachments behind it. A
 * mail of any other form, or with a part that says more of itself than the API can be told, is
 * refused: signed and encrypted mail, pictures within the HTML, invitations. */
#include "azure.h"

#include "../common/charsets.h"
#include "../common/parsed.h"

struct parts {
	GMimePart *plain, *html; /* NULL: there is none */
	GPtrArray *attachments;  /* GMimePart, of the message */
	struct refusal *refusal;
};

/* --- what a part says of itself --- */

static int refuse_type(struct parts *parts, GMimeObject *object)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);

	return azure_refuse(
		parts->refusal,
		"the API cannot be told a part of type %.60s/%.60s there, or what it says of itself",
		g_mime_content_type_get_media_type(type),
		g_mime_content_type_get_media_subtype(type));
}

static bool is_type(GMimeObject *object, const char *type, const char *subtype)
{
	return g_mime_content_type_is_type(g_mime_object_get_content_type(object), type, subtype);
}

/* True: all parameters are among these, parted by blanks. */
static bool has_only(GMimeParamList *list, const char *names)
{
	int count = list ? g_mime_param_list_length(list) : 0;

	for (int i = 0; i < count; i++) {
		const char *name = g_mime_param_get_name(
			g_mime_param_list_get_parameter_at(list, i));
		char *word = g_strdup_printf(" %s ", name);
		char *lower = g_ascii_strdown(word, -1);
		bool known = strstr(names, lower) != NULL;

		g_free(lower);
		g_free(word);
		if (!known)
			return false;
	}
	return true;
}

/* Content-Type, -Disposition and -Transfer-Encoding, each once; MIME-Version says nothing there
 * (RFC 2045 section 4). */
static bool has_plain_header(GMimeObject *object)
{
	static const char *const names[] = { "Content-Type", "Content-Disposition",
					     "Content-Transfer-Encoding", "MIME-Version" };
	GMimeHeaderList *list = g_mime_object_get_header_list(object);
	bool seen[4] = { false };

	for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
		const char *name = g_mime_header_get_name(
			g_mime_header_list_get_header_at(list, i));
		int nth = 0;

		while (nth < 4 && g_ascii_strcasecmp(name, names[nth]) != 0)
			nth++;
		if (nth == 4 || seen[nth])
			return false;
		seen[nth] = true;
	}
	return true;
}

/* Whether the text that says an encoding has one that everybody decodes in the same way. */
static bool is_encoding_known(GMimePart *part)
{
	GMimeContentEncoding encoding = g_mime_part_get_content_encoding(part);

	if (encoding == GMIME_CONTENT_ENCODING_DEFAULT)
		return !g_mime_object_get_header(GMIME_OBJECT(part), "Content-Transfer-Encoding");
	return encoding != GMIME_CONTENT_ENCODING_UUENCODE;
}

/* What base64 has none of, and readers pass over or stop at. */
static bool is_sound(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *stream = content ? g_mime_data_wrapper_get_stream(content) : NULL;
	char buffer[4096];
	size_t digits = 0, pads = 0;
	ssize_t got, i;

	if (g_mime_part_get_content_encoding(part) != GMIME_CONTENT_ENCODING_BASE64 || !stream)
		return true;
	g_mime_stream_reset(stream);
	while ((got = g_mime_stream_read(stream, buffer, sizeof buffer)) > 0)
		for (i = 0; i < got; i++) {
			char c = buffer[i];

			if (c == '=')
				pads++;
			else if (g_ascii_isalnum(c) || c == '+' || c == '/')
				digits++;
			else if (!gw_is_space(c) && c != '\r' && c != '\n')
				return false;
			if (pads && c != '=' && !gw_is_space(c) && c != '\r' && c != '\n')
				return false;
		}
	g_mime_stream_reset(stream);
	return pads <= 2 && (digits + pads) % 4 == 0;
}

static int check_part(struct parts *parts, GMimeObject *object, const char *parameters)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);

	if (!GMIME_IS_PART(object) ||
	    !has_only(g_mime_content_type_get_parameters(type), parameters))
		return refuse_type(parts, object);
	if (!has_plain_header(object))
		return azure_refuse(parts->refusal,
				    "a part has fields that the API cannot be told");
	if (!is_encoding_known(GMIME_PART(object)) || !is_sound(GMIME_PART(object)))
		return azure_refuse(parts->refusal, "a part can be decoded in more than one way");
	return 0;
}

/* --- which parts there are --- */

/* "inline", or nothing of it. */
static bool is_shown(GMimeObject *object)
{
	GMimeContentDisposition *disposition = g_mime_object_get_content_disposition(object);

	return !disposition ||
	       (g_ascii_strcasecmp(g_mime_content_disposition_get_disposition(disposition),
				   "inline") == 0 &&
		has_only(g_mime_content_disposition_get_parameters(disposition), ""));
}

static int take_text(struct parts *parts, GMimeObject *object)
{
	int taken = check_part(parts, object, " charset ");

	if (taken != 0)
		return taken;
	if (is_type(object, "text", "plain") && is_shown(object) && !parts->plain && !parts->html)
		parts->plain = GMIME_PART(object);
	else if (is_type(object, "text", "html") && is_shown(object) && !parts->html)
		parts->html = GMIME_PART(object);
	else
		return refuse_type(parts, object);
	return 0;
}

/* Plain text first, HTML second: so the service orders them too. */
static int take_texts(struct parts *parts, GMimeObject *object)
{
	GMimeMultipart *both = GMIME_IS_MULTIPART(object) ? GMIME_MULTIPART(object) : NULL;
	int taken;

	if (!both)
		return take_text(parts, object);
	if (!is_type(object, "multipart", "alternative") || g_mime_multipart_get_count(both) != 2 ||
	    !has_only(g_mime_content_type_get_parameters(g_mime_object_get_content_type(object)),
		      " boundary ") ||
	    !has_plain_header(object))
		return refuse_type(parts, object);
	taken = take_text(parts, g_mime_multipart_get_part(both, 0));
	if (taken == 0 && !parts->plain)
		return refuse_type(parts, object);
	return taken == 0 ? take_text(parts, g_mime_multipart_get_part(both, 1)) : taken;
}

static bool has_name(GMimePart *part)
{
	const char *name = g_mime_part_get_filename(part);

	if (!name || !*name || !g_utf8_validate(name, -1, NULL) || strstr(name, "=?"))
		return false;
	for (; *name; name++)
		if ((unsigned char)*name < ' ' || *name == 127)
			return false;
	return true;
}

static int take_attachment(struct parts *parts, GMimeObject *object)
{
	GMimeContentDisposition *disposition = g_mime_object_get_content_disposition(object);
	int taken = check_part(parts, object, " name ");

	if (taken != 0)
		return taken;
	if (!disposition || !g_mime_content_disposition_is_attachment(disposition) ||
	    !has_only(g_mime_content_disposition_get_parameters(disposition), " filename size ") ||
	    is_type(object, "message", "*") || is_type(object, "application", "pkcs7-mime") ||
	    is_type(object, "application", "x-pkcs7-mime"))
		return refuse_type(parts, object);
	if (!has_name(GMIME_PART(object)))
		return azure_refuse(parts->refusal,
				    "an attachment has no name that is read in one way only");
	g_ptr_array_add(parts->attachments, object);
	return 0;
}

static int take_all(struct parts *parts, GMimeObject *top)
{
	int taken, count, i;

	if (!is_type(top, "multipart", "mixed") || !GMIME_IS_MULTIPART(top))
		return take_texts(parts, top);
	count = g_mime_multipart_get_count(GMIME_MULTIPART(top));
	if (count < 1 ||
	    !has_only(g_mime_content_type_get_parameters(g_mime_object_get_content_type(top)),
		      " boundary "))
		return refuse_type(parts, top);
	taken = take_texts(parts, g_mime_multipart_get_part(GMIME_MULTIPART(top), 0));
	for (i = 1; taken == 0 && i < count; i++)
		taken = take_attachment(parts, g_mime_multipart_get_part(GMIME_MULTIPART(top), i));
	return taken;
}

/* --- what is in them --- */

static bool is_ascii(const GByteArray *octets)
{
	guint i;

	for (i = 0; i < octets->len; i++)
		if (octets->data[i] > 127)
			return false;
	return true;
}

/* In UTF-8; NULL: it is not what it says, or has a NUL. */
static char *converted(const GByteArray *octets, const char *charset)
{
	const char *data = (const char *)octets->data;
	bool utf8 = g_ascii_strcasecmp(charset, "utf-8") == 0;
	gsize len = octets->len;
	char *text;

	if (octets->len == 0)
		return g_strdup("");
	if (utf8 || g_ascii_strcasecmp(charset, "us-ascii") == 0)
		text = utf8 || is_ascii(octets) ? g_strndup(data, len) : NULL;
	else
		text = charsets_has(gw_str(charset))
			       ? g_convert(data, (gssize)len, "UTF-8", charset, NULL, &len, NULL)
			       : NULL;
	if (text && strlen(text) == len && g_utf8_validate(text, (gssize)len, NULL))
		return text;
	g_free(text);
	return NULL;
}

static int put_text(struct gw_json *json, const char *key, GMimePart *part, struct parts *parts)
{
	const char *charset = part ? g_mime_object_get_content_type_parameter(GMIME_OBJECT(part),
									      "charset")
				   : NULL;
	GByteArray *octets = part ? parsed_octets(part) : NULL;
	char *text = part ? converted(octets, charset ? charset : "us-ascii") : NULL;

	if (octets)
		g_byte_array_unref(octets);
	if (text)
		gw->json_string(json, key, gw_str(text));
	else if (part)
		azure_refuse(parts->refusal, "its text is not what its charset says");
	g_free(text);
	return part && !text;
}

static int put_content(struct gw_json *json, const char *subject, struct parts *parts)
{
	int put;

	gw->json_begin(json, "content", GW_JSON_OBJECT);
	gw->json_string(json, "subject", gw_str(subject));
	put = put_text(json, "plainText", parts->plain, parts);
	if (put == 0)
		put = put_text(json, "html", parts->html, parts);
	gw->json_end(json);
	return put;
}

static void put_attachment(struct gw_json *json, GMimePart *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	GByteArray *octets = parsed_octets(part);
	char *text = octets->len ? g_base64_encode(octets->data, octets->len) : g_strdup("");

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "name", gw_str(g_mime_part_get_filename(part)));
	gw->json_format(json, "contentType", "%s/%s", g_mime_content_type_get_media_type(type),
			g_mime_content_type_get_media_subtype(type));
	gw->json_string(json, "contentInBase64", gw_str(text));
	gw->json_end(json);
	g_free(text);
	g_byte_array_unref(octets);
}

static void put_attachments(struct gw_json *json, struct parts *parts)
{
	guint i;

	if (parts->attachments->len == 0)
		return;
	gw->json_begin(json, "attachments", GW_JSON_ARRAY);
	for (i = 0; i < parts->attachments->len; i++)
		put_attachment(json, GMIME_PART(parts->attachments->pdata[i]));
	gw->json_end(json);
}

int azure_put_parts(struct gw_json *json, struct gw_str octets, const char *subject,
		    struct refusal *refusal)
{
	struct parts parts = { .attachments = g_ptr_array_new(), .refusal = refusal };
	GMimeMessage *message = parsed_mail(octets);
	GMimeObject *top = message ? g_mime_message_get_mime_part(message) : NULL;
	int put = top ? take_all(&parts, top) : azure_refuse(refusal, "its parts cannot be read");

	if (put == 0)
		put = put_content(json, subject, &parts);
	if (put == 0)
		put_attachments(json, &parts);
	g_ptr_array_free(parts.attachments, TRUE);
	if (message)
		g_object_unref(message);
	return put;
}
