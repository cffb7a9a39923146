/* mime_field.c - what the fields of a header say of their part. */
#include "mime.h"

#include "../common/charsets.h"

void mime_part_init(struct mime_part *part, int parent)
{
	*part = (struct mime_part){ .parent = parent, .encoding = GMIME_CONTENT_ENCODING_DEFAULT };
	part->type = g_strdup("text/plain");
	part->type_field.at = part->encoding_field.at = part->md5_field.at = MIME_NO_FIELD;
}

/* As one line that a C library may read. */
static char *one_line(struct gw_str value)
{
	char *line = g_strndup(value.ptr, value.len);
	size_t i;

	for (i = 0; i < value.len; i++)
		if (line[i] == '\r' || line[i] == '\n' || line[i] == '\0' || line[i] == '\t')
			line[i] = ' ';
	charsets_mask_parameters(line, strlen(line));
	return g_strstrip(line);
}

static char *parameter(const GMimeContentType *type, const char *name)
{
	const char *value = g_mime_content_type_get_parameter((GMimeContentType *)type, name);

	return value && *value ? g_strdup(value) : NULL;
}

/* Without a slash it is a word that means nothing: then it is text, as without the field. */
static void take_type(struct mime_part *part, const char *value)
{
	GMimeContentType *type = g_mime_content_type_parse(NULL, value);
	char *format;

	if (!type)
		return;
	part->content_type = type;
	if (!strchr(value, '/')) {
		g_mime_content_type_set_media_type(type, "text");
		g_mime_content_type_set_media_subtype(type, "plain");
	}
	g_free(part->type);
	part->type = g_mime_content_type_get_mime_type(type);
	for (char *at = part->type; *at; at++)
		*at = g_ascii_tolower(*at);
	part->charset = parameter(type, "charset");
	part->boundary = parameter(type, "boundary");
	part->method = parameter(type, "method");
	part->start = parameter(type, "start");
	format = parameter(type, "format");
	part->flowed = format && g_ascii_strcasecmp(format, "flowed") == 0;
	g_free(format);
}

/* What stands behind the end of uuencoded text is not seen. */
static void take_encoding(struct mime_part *part, const char *value)
{
	char *word = g_strndup(value, strcspn(value, " ;("));

	part->encoding = g_mime_content_encoding_from_string(word);
	part->encoding_unknown = *word && (part->encoding == GMIME_CONTENT_ENCODING_DEFAULT ||
					   part->encoding == GMIME_CONTENT_ENCODING_UUENCODE);
	g_free(word);
}

static void take_disposition(struct mime_part *part, const char *value)
{
	GMimeContentDisposition *disposition = g_mime_content_disposition_parse(NULL, value);

	if (!disposition)
		return;
	part->attached = g_mime_content_disposition_is_attachment(disposition);
	part->file = g_mime_content_disposition_get_parameter(disposition, "filename") != NULL;
	g_object_unref(disposition);
}

static bool is_named(struct gw_str name, const char *wanted)
{
	return gw_str_ieq(gw_str_trim(name), gw_str(wanted));
}

void mime_take_field(struct mime_part *part, struct gw_str name, struct gw_str value, uint64_t at,
		     uint64_t size)
{
	struct mime_field field = { at, size };
	char *line;

	part->versioned |= is_named(name, "mime-version");
	if (name.len < 10 || g_ascii_strncasecmp(name.ptr, "content-", 8) != 0)
		return;
	line = one_line(value);
	if (is_named(name, "content-type") && part->type_field.at == MIME_NO_FIELD) {
		part->type_field = field;
		take_type(part, line);
	} else if (is_named(name, "content-transfer-encoding") &&
		   part->encoding_field.at == MIME_NO_FIELD) {
		part->encoding_field = field;
		take_encoding(part, line);
	} else if (is_named(name, "content-disposition") && !part->attached) {
		take_disposition(part, line);
	} else if (is_named(name, "content-md5")) {
		part->md5_field = field;
	} else if (is_named(name, "content-id") && !part->id) {
		part->id = g_strdup(line);
	}
	g_free(line);
}

bool mime_is_multipart(const struct mime_part *part)
{
	return g_str_has_prefix(part->type, "multipart/");
}

void mime_part_finish(struct mime_part *part)
{
	char *texts[] = { part->type,   part->charset, part->boundary,
			  part->method, part->start,   part->id };
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	if (part->content_type)
		g_object_unref(part->content_type);
}

void mime_finish(struct mime *mime)
{
	size_t i;

	for (i = 0; i < mime->count; i++)
		mime_part_finish(&mime->parts[i]);
	g_free(mime->parts);
	*mime = (struct mime){ 0 };
}

const char *mime_fault_words(enum mime_fault fault)
{
	static const char *const words[] = {
		[MIME_READ] = "nothing is wrong",
		[MIME_UNREADABLE] = "the message cannot be read",
		[MIME_TOO_MANY_PARTS] = "the message has too many parts",
		[MIME_TOO_DEEP] = "multiparts lie too deep within each other",
		[MIME_HEADER_TOO_LARGE] = "the header of a part is too large",
	};

	return words[fault];
}
