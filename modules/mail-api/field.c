#include "field.h"

#include <ctype.h>
#include <string.h>

size_t field_length(struct gw_str rest)
{
	size_t len = 0;

	do {
		const char *end = memchr(rest.ptr + len, '\n', rest.len - len);

		len = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
	} while (len < rest.len && (rest.ptr[len] == ' ' || rest.ptr[len] == '\t'));
	return len;
}

struct gw_str field_name(struct gw_str field)
{
	size_t len = gw_str_find(field, ':');

	if (len == field.len)
		return gw_str("");
	while (len && (field.ptr[len - 1] == ' ' || field.ptr[len - 1] == '\t'))
		len--;
	return gw_str_n(field.ptr, len);
}

struct gw_str field_value(struct gw_str field)
{
	struct gw_str value = gw_str_from(field, gw_str_find(field, ':') + 1);

	while (value.len && isspace((unsigned char)value.ptr[value.len - 1]))
		value.len--;
	return value;
}

bool field_is_end(struct gw_str rest)
{
	return rest.len == 0 || rest.ptr[0] == '\r' || rest.ptr[0] == '\n';
}
