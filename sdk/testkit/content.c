/* content.c - a message's bytes as header fields and body. */
#include "kit.h"

static size_t line_end(struct gw_str text, size_t at)
{
	const char *lf = at < text.len ? memchr(text.ptr + at, '\n', text.len - at) : NULL;

	return lf ? (size_t)(lf - text.ptr) + 1 : text.len;
}

static bool is_blank_line(struct gw_str text, size_t at, size_t end)
{
	return end - at <= 2 && text.ptr[end - 1] == '\n' &&
	       (end - at == 1 || text.ptr[at] == '\r');
}

/* Past a field that begins at `at`: its line and the folded lines after it. */
static size_t field_end(struct gw_str text, size_t at)
{
	do
		at = line_end(text, at);
	while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t'));
	return at;
}

static struct gw_header field_of(struct gw_str whole)
{
	size_t colon = gw_str_find(whole, ':'), name = colon, end = whole.len;
	struct gw_header field = { .size = sizeof field };

	while (name && (whole.ptr[name - 1] == ' ' || whole.ptr[name - 1] == '\t'))
		name--;
	while (end > colon + 1 && (whole.ptr[end - 1] == '\n' || whole.ptr[end - 1] == '\r'))
		end--;
	field.name = gw_str_n(whole.ptr, name);
	field.value = gw_str_n(whole.ptr + colon + 1, end - colon - 1);
	field.whole = whole;
	return field;
}

void content_parse(struct gw_message *message)
{
	struct gw_str text = message->bytes;
	size_t at = 0, end;

	message->fields = NULL;
	message->field_count = 0;
	message->blank = false;
	for (; at < text.len; at = end) {
		if (is_blank_line(text, at, line_end(text, at))) {
			message->blank = true;
			at = line_end(text, at);
			break;
		}
		end = field_end(text, at);
		if (gw_str_find(gw_str_n(text.ptr + at, line_end(text, at) - at), ':') >=
		    line_end(text, at) - at)
			break;
		message->fields = kit_grow(message->kit, message->fields, message->field_count,
					   sizeof *message->fields);
		message->fields[message->field_count++] = field_of(
			gw_str_n(text.ptr + at, end - at));
	}
	message->body_offset = at;
}

/* Strings handed out end in a NUL, so the parts of a field are copied. */
int content_field(struct gw_message *message, const struct gw_header *fields, size_t count,
		  size_t nth, struct gw_header *out)
{
	struct testkit *kit = message->kit;

	if (kit_elsewhere(kit, "header") || nth >= count)
		return -1;
	out->size = sizeof *out;
	out->name = kit_str(kit, fields[nth].name);
	out->value = kit_str(kit, fields[nth].value);
	out->whole = kit_str(kit, fields[nth].whole);
	return 0;
}

/* The domain of the first mailbox, good enough for a test: what stands between the first '@' and
 * what ends a domain. */
static struct gw_str domain_in(struct testkit *kit, struct gw_str value)
{
	size_t at = gw_str_find(value, '<'), end;

	at = at == value.len ? 0 : at;
	while (at < value.len && value.ptr[at] != '@')
		at++;
	if (at == value.len)
		return gw_str("");
	for (end = at + 1; end < value.len && !strchr("> \t\r\n,;", value.ptr[end]); end++)
		;
	return kit_str(kit, gw_str_n(value.ptr + at + 1, end - at - 1));
}

struct gw_str content_from_domain(struct gw_message *message)
{
	struct gw_header from;

	if (service_header_named(message, gw_str("From"), 0, &from) != 0)
		return gw_str("");
	return domain_in(message->kit, from.value);
}

struct gw_str content_from_domain_of(struct testkit *kit, const struct gw_header *fields,
				     size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (gw_str_ieq(fields[i].name, gw_str("From")))
			return domain_in(kit, fields[i].value);
	return gw_str("");
}

long content_copy(struct gw_str bytes, uint64_t offset, void *out, size_t len)
{
	if (offset >= bytes.len)
		return 0;
	if (len > bytes.len - offset)
		len = bytes.len - (size_t)offset;
	if (len)
		memcpy(out, bytes.ptr + offset, len);
	return (long)len;
}

int service_header(struct gw_message *message, size_t nth, struct gw_header *out)
{
	return content_field(message, message->fields, message->field_count, nth, out);
}

int service_header_named(struct gw_message *message, struct gw_str name, size_t nth,
			 struct gw_header *out)
{
	size_t i;

	for (i = 0; i < message->field_count; i++)
		if (gw_str_ieq(message->fields[i].name, name) && nth-- == 0)
			return service_header(message, i, out);
	return -1;
}

uint64_t service_body_offset(struct gw_message *message)
{
	return message->body_offset;
}

long service_read(struct gw_message *message, uint64_t offset, void *out, size_t len)
{
	return kit_fails(message->kit, "read") ? -1
					       : content_copy(message->bytes, offset, out, len);
}
