#include "slice.h"

#include <string.h>

/* Behind the string that begins at `at`; the length of the text: it does not end. */
static size_t string_end(struct gw_str text, size_t at)
{
	for (at++; at < text.len && text.ptr[at] != '"'; at++)
		at += text.ptr[at] == '\\';
	return at < text.len ? at + 1 : text.len;
}

static bool begins(char octet)
{
	return octet == '{' || octet == '[';
}

static bool ends(char octet)
{
	return octet == '}' || octet == ']';
}

/* Behind the value that begins at `at`. */
static size_t value_end(struct gw_str text, size_t at)
{
	size_t depth = 0;

	while (at < text.len) {
		char octet = text.ptr[at];

		if (!depth && (ends(octet) || octet == ','))
			break;
		depth += begins(octet);
		depth -= ends(octet);
		at = octet == '"' ? string_end(text, at) : at + 1;
	}
	return at;
}

struct gw_str slice_member(struct gw_str object, const char *key)
{
	size_t at = 1, name, value;

	if (object.len < 2 || object.ptr[0] != '{' || object.ptr[object.len - 1] != '}')
		return gw_str_n(NULL, 0);
	while (at < object.len && object.ptr[at] == '"') {
		name = at;
		value = string_end(object, at) + 1;
		if (value >= object.len || object.ptr[value - 1] != ':')
			break;
		at = value_end(object, value);
		if (gw_str_eq(gw_str_n(object.ptr + name + 1, value - name - 3), gw_str(key)))
			return gw_str_n(object.ptr + value, at - value);
		at += at < object.len && object.ptr[at] == ',';
	}
	return gw_str_n(NULL, 0);
}
