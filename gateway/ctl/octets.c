#include "ctl/octets.h"

#include "ctl/clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const json_t *octets_of(const json_t *answer)
{
	const json_t *octets = json_object_get(json_object_get(answer, "data"), "octets");
	return json_is_string(octets) ? octets : NULL;
}

long long octets_more(const json_t *answer)
{
	const json_t *more = json_object_get(json_object_get(answer, "data"), "more");
	return octets_of(answer) && json_is_integer(more) ? json_integer_value(more) : -1;
}

void octets_join(json_t *answer, const json_t *part)
{
	const json_t *first = octets_of(answer), *second = octets_of(part);
	json_t *data = json_object_get(answer, "data");
	size_t len = first ? json_string_length(first) : 0,
	       more = second ? json_string_length(second) : 0;
	char *both = malloc(len + more + 1);
	if (both && len)
		memcpy(both, json_string_value(first), len);
	if (both && more)
		memcpy(both + len, json_string_value(second), more);
	if (both)
		json_object_set_new(data, "octets", json_stringn(both, len + more));
	free(both);
	json_object_del(data, "more");
}

char *octets_decode(const json_t *octets, size_t *count)
{
	const unsigned char *text = (const unsigned char *)json_string_value(octets);
	size_t len = json_string_length(octets);
	char *out = malloc(len + 1);
	*count = 0;
	for (size_t i = 0; out && i < len; i++) {
		bool two = text[i] >= 0x80 && i + 1 < len;
		out[(*count)++] = (char)(two ? text[i] << 6 | (text[i + 1] & 0x3f) : text[i]);
		i += two;
	}
	return out;
}

static void print_line(char *line, size_t len)
{
	len -= len && line[len - 1] == '\r';
	for (size_t i = 0; i < len; i++)
		line[i] = (char)(line[i] == '\t' ? ' ' : line[i] ? line[i] : '?');
	line[len] = '\0';
	clean(line);
	puts(line);
}

void octets_print(const json_t *octets)
{
	size_t count, from = 0;
	char *text = octets_decode(octets, &count);
	if (text && !isatty(STDOUT_FILENO))
		fwrite(text, 1, count, stdout);
	while (text && isatty(STDOUT_FILENO) && from < count) {
		const char *end = memchr(text + from, '\n', count - from);
		size_t len = end ? (size_t)(end - text) - from : count - from;
		print_line(text + from, len);
		from += len + 1;
	}
	free(text);
}
