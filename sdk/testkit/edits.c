/* edits.c - a delivery's view of the message, and what goes out of it. */
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static bool ends_line(struct gw_str text)
{
	return text.len >= 2 && text.ptr[text.len - 2] == '\r' && text.ptr[text.len - 1] == '\n';
}

/* The view's own fields, made at the first edit. */
static void begin(struct gw_delivery *delivery)
{
	struct gw_message *message = delivery->message;

	delivery->sent.ptr = NULL;
	if (delivery->fields)
		return;
	delivery->fields = kit_copy(delivery->kit, message->fields, message->field_count,
				    sizeof *delivery->fields);
	delivery->field_count = message->field_count;
}

static bool name_is_safe(struct gw_str name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || name.ptr[i] == ':')
			return false;
	return name.len > 0;
}

/* A line end is only allowed as a fold: CRLF and a blank. */
static bool value_is_safe(struct gw_str value)
{
	size_t i;

	for (i = 0; i < value.len; i++) {
		bool fold = i + 2 < value.len && value.ptr[i] == '\r' && value.ptr[i + 1] == '\n' &&
			    (value.ptr[i + 2] == ' ' || value.ptr[i + 2] == '\t');

		if (fold)
			i += 2;
		else if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0')
			return false;
	}
	return true;
}

static int make_field(struct testkit *kit, struct gw_str name, struct gw_str value,
		      struct gw_header *field)
{
	bool spaced = value.len &&
		      (value.ptr[0] == ' ' || value.ptr[0] == '\t' || value.ptr[0] == '\r');
	char *whole = kit_alloc(kit, name.len + value.len + 5), *at = whole;

	if (!name_is_safe(name) || !value_is_safe(value))
		return -1;
	memcpy(at, name.ptr, name.len);
	at += name.len;
	*at++ = ':';
	if (!spaced)
		*at++ = ' ';
	field->size = sizeof *field;
	field->name = gw_str_n(whole, name.len);
	if (value.len)
		memcpy(at, value.ptr, value.len);
	memcpy(at + value.len, "\r\n", 2);
	field->value = gw_str_n(whole + name.len + 1, value.len + !spaced);
	field->whole = gw_str_n(whole, (size_t)(at - whole) + value.len + 2);
	return 0;
}

static bool cannot_edit(struct gw_call *call, const char *service)
{
	return kit_refused(call, service, ON(prepare)) || kit_fails(call->kit, service);
}

int service_header_add(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
		       struct gw_str name, struct gw_str value)
{
	struct gw_header field;

	if (cannot_edit(call, "header_add") || make_field(call->kit, name, value, &field) != 0)
		return -1;
	begin(delivery);
	if (nth > delivery->field_count)
		nth = delivery->field_count;
	delivery->fields = kit_grow(call->kit, delivery->fields, delivery->field_count,
				    sizeof field);
	memmove(&delivery->fields[nth + 1], &delivery->fields[nth],
		(delivery->field_count - nth) * sizeof field);
	delivery->fields[nth] = field;
	delivery->field_count++;
	return 0;
}

int service_header_replace(struct gw_call *call, struct gw_delivery *delivery, size_t nth,
			   struct gw_str value)
{
	if (cannot_edit(call, "header_replace"))
		return -1;
	begin(delivery);
	if (nth >= delivery->field_count)
		return -1;
	return make_field(call->kit, delivery->fields[nth].name, value, &delivery->fields[nth]);
}

int service_header_drop(struct gw_call *call, struct gw_delivery *delivery, size_t nth)
{
	if (cannot_edit(call, "header_drop"))
		return -1;
	begin(delivery);
	if (nth >= delivery->field_count)
		return -1;
	delivery->field_count--;
	memmove(&delivery->fields[nth], &delivery->fields[nth + 1],
		(delivery->field_count - nth) * sizeof *delivery->fields);
	return 0;
}

static bool lines_are_clean(struct gw_str text)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n' && (i == 0 || text.ptr[i - 1] != '\r'))
			return false;
		if (text.ptr[i] == '\r' && (i + 1 == text.len || text.ptr[i + 1] != '\n'))
			return false;
	}
	return true;
}

int service_body_replace(struct gw_call *call, struct gw_delivery *delivery, struct gw_str body)
{
	if (cannot_edit(call, "body_replace") || !lines_are_clean(body))
		return -1;
	begin(delivery);
	delivery->body = kit_str(call->kit, body);
	return 0;
}

static char *put(char *at, struct gw_str text)
{
	if (text.len)
		memcpy(at, text.ptr, text.len);
	return at + text.len;
}

/* Between the two, or at an end? */
static bool cuts_line_end(struct gw_str body, uint64_t at)
{
	return at > 0 && at < body.len && body.ptr[at - 1] == '\r' && body.ptr[at] == '\n';
}

int service_body_splice(struct gw_call *call, struct gw_delivery *delivery, uint64_t offset,
			uint64_t drop, struct gw_str text)
{
	struct gw_str body;
	char *spliced;

	if (cannot_edit(call, "body_splice") || !lines_are_clean(text))
		return -1;
	begin(delivery);
	body = delivery_body_now(delivery);
	if (offset > body.len || drop > body.len - offset || cuts_line_end(body, offset) ||
	    cuts_line_end(body, offset + drop))
		return -1;
	spliced = kit_alloc(call->kit, body.len - drop + text.len + 1);
	put(put(put(spliced, gw_str_n(body.ptr, offset)), text), gw_str_from(body, offset + drop));
	delivery->body = gw_str_n(spliced, body.len - drop + text.len);
	return 0;
}

int service_return_path_set(struct gw_call *call, struct gw_delivery *delivery,
			    struct gw_str address)
{
	if (cannot_edit(call, "return_path_set"))
		return -1;
	delivery->return_path = kit_str(call->kit, address);
	return 0;
}

struct gw_str delivery_body_now(struct gw_delivery *delivery)
{
	return delivery->body.ptr
		       ? delivery->body
		       : gw_str_from(delivery->message->bytes, delivery->message->body_offset);
}

static struct gw_str edited(struct gw_delivery *delivery)
{
	struct gw_str body = delivery_body_now(delivery);
	size_t size = delivery->trace.len + body.len + 2, i;
	char *text, *at;

	for (i = 0; i < delivery->field_count; i++)
		size += delivery->fields[i].whole.len + 2;
	text = kit_alloc(delivery->kit, size + 1);
	at = put(text, delivery->trace);
	for (i = 0; i < delivery->field_count; i++) {
		at = put(at, delivery->fields[i].whole);
		if (!ends_line(delivery->fields[i].whole))
			at = put(at, gw_str("\r\n"));
	}
	if (delivery->message->blank || body.len)
		at = put(at, gw_str("\r\n"));
	at = put(at, body);
	return gw_str_n(text, (size_t)(at - text));
}

static struct gw_str as_received(struct gw_delivery *delivery)
{
	struct gw_str bytes = delivery->message->bytes;
	char *text = kit_alloc(delivery->kit, delivery->trace.len + bytes.len + 1);

	put(put(text, delivery->trace), bytes);
	return gw_str_n(text, delivery->trace.len + bytes.len);
}

struct gw_str delivery_sent(struct gw_delivery *delivery)
{
	if (!delivery->sent.ptr)
		delivery->sent = delivery->fields ? edited(delivery) : as_received(delivery);
	return delivery->sent;
}

int service_delivery_header(struct gw_delivery *delivery, size_t nth, struct gw_header *out)
{
	if (!delivery->fields)
		return service_header(delivery->message, nth, out);
	return content_field(delivery->message, delivery->fields, delivery->field_count, nth, out);
}

long service_delivery_body(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len)
{
	return kit_elsewhere(delivery->kit, "delivery_body") ||
			       kit_fails(delivery->kit, "delivery_body")
		       ? -1
		       : content_copy(delivery_body_now(delivery), offset, out, len);
}

long service_delivery_read(struct gw_delivery *delivery, uint64_t offset, void *out, size_t len)
{
	return kit_fails(delivery->kit, "delivery_read")
		       ? -1
		       : content_copy(delivery_sent(delivery), offset, out, len);
}

/* --- files --- */

static int make_file(struct gw_str bytes)
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t put_in = fd < 0 ? -1 : write(fd, bytes.ptr, bytes.len);

	if (put_in == (ssize_t)bytes.len && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int fail_with(int error)
{
	errno = error;
	return -1;
}

int service_message_file(struct gw_message *message)
{
	return kit_fails(message->kit, "message_file") ? fail_with(EIO) : make_file(message->bytes);
}

int service_delivery_file(struct gw_delivery *delivery)
{
	return kit_fails(delivery->kit, "delivery_file") ? fail_with(EIO)
							 : make_file(delivery_sent(delivery));
}
