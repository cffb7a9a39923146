#include "slice.h"

/* An odd number of backslashes before it: it does not end the string. */
static bool is_escaped(struct gw_str text, size_t at)
{
	size_t count = 0;

	while (count < at && text.ptr[at - 1 - count] == '\\')
		count++;
	return count % 2 != 0;
}

/* Behind the string that begins at `at`; the length of the text: it does not end. */
static size_t string_end(struct gw_str text, size_t at)
{
	do
		at += 1 + gw_str_find(gw_str_from(text, at + 1), '"');
	while (at < text.len && is_escaped(text, at));
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
