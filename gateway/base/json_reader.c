#include "base/json_reader.h"

#include <jansson.h>
#include <stdio.h>

/* A value is the library's, under a name that its users need not know. */
static const json_t *value_of(const struct gw_json_value *value)
{
	return (const json_t *)(const void *)value;
}

static const struct gw_json_value *of_value(const json_t *json)
{
	return (const struct gw_json_value *)(const void *)json;
}

/* --- bounds --- */

/* How deep brackets stand in brackets, up to one more than may be; of what is no JSON, any number.
 */
static unsigned depth_of(struct gw_str text)
{
	unsigned depth = 0, most = 0;
	bool quoted = false;
	for (size_t at = 0; at < text.len && most <= GW_JSON_DEPTH_MAX; at++) {
		char c = text.ptr[at];
		if (quoted && c == '\\')
			at++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			most = ++depth > most ? depth : most;
		else if (!quoted && (c == '}' || c == ']') && depth)
			depth--;
	}
	return most;
}

static const char *bounds_fault(struct gw_str text)
{
	if (text.len > GW_JSON_READ_MAX)
		return "it is too long";
	return depth_of(text) > GW_JSON_DEPTH_MAX ? "it is nested too deep" : NULL;
}

/* --- reading --- */

/* The library's own words quote the text. */
static const char *fault_words(enum json_error_code code)
{
	switch (code) {
	case json_error_out_of_memory:
		return "no memory";
	case json_error_premature_end_of_input:
		return "it ends too soon";
	case json_error_end_of_input_expected:
		return "something stands behind it";
	case json_error_invalid_utf8:
		return "no UTF-8";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a NUL";
	case json_error_duplicate_key:
		return "a member twice";
	case json_error_numeric_overflow:
		return "a number that is too large";
	default:
		return "no JSON";
	}
}

static void tell(char *why, size_t size, const char *words, int position)
{
	if (size && position > 0)
		snprintf(why, size, "%s (at octet %d)", words, position);
	else if (size)
		snprintf(why, size, "%s", words);
}

struct gw_json_value *json_reader_read(struct gw_str text, char *why, size_t size)
{
	json_error_t error;
	const char *fault = bounds_fault(text);
	if (fault) {
		tell(why, size, fault, 0);
		return NULL;
	}
	json_t *json = json_loadb(text.ptr ? text.ptr : "", text.len,
				  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!json)
		tell(why, size, fault_words(json_error_code(&error)), error.position);
	return (struct gw_json_value *)(void *)json;
}

void json_reader_free(struct gw_json_value *value)
{
	json_decref((json_t *)(void *)value);
}

/* --- what is in it --- */

enum gw_json_kind json_reader_kind(const struct gw_json_value *value)
{
	static const enum gw_json_kind kinds[] = {
		[JSON_OBJECT] = GW_JSON_OBJECT, [JSON_ARRAY] = GW_JSON_ARRAY,
		[JSON_STRING] = GW_JSON_STRING, [JSON_INTEGER] = GW_JSON_NUMBER,
		[JSON_REAL] = GW_JSON_NUMBER,   [JSON_TRUE] = GW_JSON_BOOL,
		[JSON_FALSE] = GW_JSON_BOOL,    [JSON_NULL] = GW_JSON_NULL,
	};
	return value ? kinds[json_typeof(value_of(value))] : GW_JSON_NONE;
}

const struct gw_json_value *json_reader_member(const struct gw_json_value *object, const char *key)
{
	return of_value(json_object_get(value_of(object), key));
}

const struct gw_json_value *json_reader_item(const struct gw_json_value *array, size_t nth)
{
	return of_value(json_array_get(value_of(array), nth));
}

size_t json_reader_count(const struct gw_json_value *value)
{
	const json_t *json = value_of(value);
	return json_is_object(json) ? json_object_size(json) : json_array_size(json);
}

struct gw_str json_reader_string(const struct gw_json_value *value)
{
	const json_t *json = value_of(value);
	return gw_str_n(json_string_value(json), json_string_length(json));
}

/* A double that 64 bits hold, without its fraction. */
static int64_t whole_number(double real, int64_t otherwise)
{
	return real > -9.2e18 && real < 9.2e18 ? (int64_t)real : otherwise;
}

int64_t json_reader_number(const struct gw_json_value *value, int64_t otherwise)
{
	const json_t *json = value_of(value);
	if (json_is_real(json))
		return whole_number(json_real_value(json), otherwise);
	return json_is_integer(json) ? (int64_t)json_integer_value(json) : otherwise;
}

bool json_reader_bool(const struct gw_json_value *value, bool otherwise)
{
	const json_t *json = value_of(value);
	return json_is_boolean(json) ? json_is_true(json) : otherwise;
}
