#include "admin/input.h"

struct gw_str input_of(struct request *request)
{
	const json_t *json = json_object_get(request->json, "input");
	const unsigned char *text = (const unsigned char *)json_string_value(json);
	size_t len = json_is_string(json) ? json_string_length(json) : 0, count = 0;
	char *octets = text ? arena_alloc(&request->arena, len + 1) : NULL;
	for (size_t i = 0; octets && i < len; i++) {
		unsigned c = text[i];
		if (c >= 0xc4) /* past U+00FF */
			return gw_str_n(NULL, 0);
		/* the text is valid UTF-8: a first octet has its second */
		octets[count++] = (char)(c >= 0x80 ? c << 6 | (text[++i] & 0x3f) : c);
	}
	return gw_str_n(octets, count);
}
