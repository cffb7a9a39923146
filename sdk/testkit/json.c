/* json.c - whether a text is one JSON object, as RFC 8259 has it; gatewayctl shows nothing else. */
#include "kit.h"

#include <stdlib.h>

#define DEPTH_MAX 64

struct reading {
	const unsigned char *at, *end;
	unsigned depth;
};

static bool read_value(struct reading *json);

static void skip_blanks(struct reading *json)
{
	while (json->at < json->end && strchr(" \t\r\n", *json->at) && *json->at)
		json->at++;
}

static bool take(struct reading *json, char c)
{
	skip_blanks(json);
	if (json->at == json->end || *json->at != (unsigned char)c)
		return false;
	json->at++;
	return true;
}

static bool read_word(struct reading *json, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0)
		return false;
	json->at += len;
	return true;
}

static bool is_hex(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool read_escape(struct reading *json)
{
	int i;

	if (json->at == json->end || !*json->at || !strchr("\"\\/bfnrtu", *json->at))
		return false;
	if (*json->at++ != 'u')
		return true;
	for (i = 0; i < 4; i++)
		if (json->at == json->end || !is_hex(*json->at++))
			return false;
	return true;
}

/* The length of a character of UTF-8; 0: it is none. */
static size_t character(const unsigned char *at, const unsigned char *end)
{
	size_t len = *at < 0x80   ? 1
		     : *at < 0xc2 ? 0
		     : *at < 0xe0 ? 2
		     : *at < 0xf0 ? 3
		     : *at < 0xf5 ? 4
				  : 0;
	size_t i;

	if (len == 0 || (size_t)(end - at) < len)
		return 0;
	for (i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
	    (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f))
		return 0;
	return len;
}

static bool read_string(struct reading *json)
{
	size_t len;

	if (!take(json, '"'))
		return false;
	while (json->at < json->end && *json->at != '"') {
		if (*json->at < ' ' || (len = character(json->at, json->end)) == 0)
			return false;
		if (*json->at != '\\') {
			json->at += len;
			continue;
		}
		json->at++;
		if (!read_escape(json))
			return false;
	}
	return take(json, '"');
}

static bool read_digits(struct reading *json)
{
	const unsigned char *from = json->at;

	while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
		json->at++;
	return json->at > from;
}

static bool read_number(struct reading *json)
{
	if (*json->at == '-')
		json->at++;
	if (json->at < json->end && *json->at == '0')
		json->at++;
	else if (!read_digits(json))
		return false;
	if (json->at < json->end && *json->at == '.') {
		json->at++;
		if (!read_digits(json))
			return false;
	}
	if (json->at < json->end && (*json->at == 'e' || *json->at == 'E')) {
		json->at++;
		if (json->at < json->end && (*json->at == '-' || *json->at == '+'))
			json->at++;
		return read_digits(json);
	}
	return true;
}

/* What stands between the brackets: `member` reads one, commas are between them. */
static bool read_list(struct reading *json, char last, bool (*member)(struct reading *json))
{
	bool good = ++json->depth <= DEPTH_MAX;

	if (!take(json, last)) {
		do
			good = good && member(json);
		while (good && take(json, ','));
		good = good && take(json, last);
	}
	json->depth--;
	return good;
}

static bool read_member(struct reading *json)
{
	return read_string(json) && take(json, ':') && read_value(json);
}

static bool read_object(struct reading *json)
{
	return take(json, '{') && read_list(json, '}', read_member);
}

static bool read_value(struct reading *json)
{
	skip_blanks(json);
	if (json->at == json->end)
		return false;
	switch (*json->at) {
	case '{':
		return read_object(json);
	case '[':
		return take(json, '[') && read_list(json, ']', read_value);
	case '"':
		return read_string(json);
	case 't':
		return read_word(json, "true");
	case 'f':
		return read_word(json, "false");
	case 'n':
		return read_word(json, "null");
	default:
		return read_number(json);
	}
}

bool json_is_one_object(struct gw_str text)
{
	struct reading json = { (const unsigned char *)text.ptr,
				(const unsigned char *)text.ptr + text.len, 0 };
	bool good = read_object(&json);

	skip_blanks(&json);
	return good && json.at == json.end;
}
