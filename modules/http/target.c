#include "target.h"

#include <glib.h>

/* One octet of `text` from *at on; -1: it is none. */
static int decode_octet(struct gw_str text, size_t *at, bool is_query)
{
	char c = text.ptr[(*at)++];
	int high, low;

	if (c == '+' && is_query)
		return ' ';
	if (c != '%')
		return (unsigned char)c;
	if (text.len - *at < 2)
		return -1;
	high = g_ascii_xdigit_value(text.ptr[(*at)++]);
	low = g_ascii_xdigit_value(text.ptr[(*at)++]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_text(int octet)
{
	return octet >= ' ' && octet != 0x7f;
}

/* False: a bad octet. There is room: it only gets shorter. */
static bool decode(struct target *target, struct gw_str text, bool is_query, struct gw_str *out)
{
	char *begins = target->room + target->used;
	size_t at = 0, len = 0;

	while (at < text.len) {
		int octet = decode_octet(text, &at, is_query);

		if (!is_text(octet))
			return false;
		begins[len++] = (char)octet;
	}
	begins[len] = '\0';
	target->used += len + 1;
	*out = gw_str_n(begins, len);
	return true;
}

/* Takes off what stands before `end`, and `end`. */
static struct gw_str take(struct gw_str *rest, char end)
{
	struct gw_str part = gw_str_n(rest->ptr, gw_str_find(*rest, end));

	*rest = gw_str_from(*rest, part.len + 1);
	return part;
}

static bool is_dots(struct gw_str segment)
{
	return gw_str_eq(segment, gw_str(".")) || gw_str_eq(segment, gw_str(".."));
}

static const char *read_path(struct target *target, struct gw_str path)
{
	struct gw_str *segment;

	if (path.len == 0 || path.ptr[0] != '/')
		return "the target of a request is a path";
	path = gw_str_from(path, 1);
	while (path.len) {
		if (target->segment_count == TARGET_SEGMENTS)
			return "the path has too many segments";
		segment = &target->segments[target->segment_count++];
		if (!decode(target, take(&path, '/'), false, segment))
			return "a segment of the path has an octet that is none";
		if (segment->len == 0 || is_dots(*segment))
			return "a segment of the path is empty, or dots";
	}
	return NULL;
}

static const char *read_parameter(struct target *target, struct gw_str text)
{
	struct parameter *parameter = &target->parameters[target->parameter_count];
	struct gw_str name = take(&text, '=');

	if (target->parameter_count == TARGET_PARAMETERS)
		return "the query has too many parameters";
	if (!decode(target, name, true, &parameter->name) ||
	    !decode(target, text, true, &parameter->value))
		return "a parameter has an octet that is none";
	if (parameter->name.len == 0)
		return "a parameter has no name";
	if (target_parameter(target, parameter->name.ptr).ptr)
		return "a parameter is there twice";
	target->parameter_count++;
	return NULL;
}

const char *target_read(struct target *target, struct gw_str text)
{
	struct gw_str path = take(&text, '?');
	const char *wrong = NULL;

	target->segment_count = target->parameter_count = target->used = 0;
	if (path.len + text.len > TARGET_MAX)
		return "the target is too long";
	wrong = read_path(target, path);
	while (!wrong && text.len)
		wrong = read_parameter(target, take(&text, '&'));
	return wrong;
}

struct gw_str target_parameter(const struct target *target, const char *name)
{
	size_t i;

	for (i = 0; i < target->parameter_count; i++)
		if (gw_str_eq(target->parameters[i].name, gw_str(name)))
			return target->parameters[i].value;
	return gw_str_n(NULL, 0);
}
