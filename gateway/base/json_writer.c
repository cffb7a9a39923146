#include "base/json_writer.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

#define REPLACEMENT "\xef\xbf\xbd"

struct level {
	bool is_object, has_values;
};

struct gw_json {
	struct buf out;
	struct level levels[GW_JSON_DEPTH_MAX];
	unsigned depth;
	bool is_table, is_whole, misused, says_code;
	const char *fault; /* the first thing that failed */
};

struct gw_json *json_writer_create(void)
{
	struct gw_json *json = calloc(1, sizeof(*json));
	if (json)
		buf_init(&json->out, GW_JSON_WRITE_MAX + 1); /* a NUL stands behind it */
	return json;
}

void json_writer_destroy(struct gw_json *json)
{
	if (!json)
		return;
	buf_finish(&json->out);
	free(json);
}

/* --- octets --- */

static void fail(struct gw_json *json, const char *fault)
{
	if (!json->fault)
		json->fault = fault;
}

/* The writer was told something that is no JSON. */
static void misuse(struct gw_json *json, const char *fault)
{
	json->misused = json->misused || !json->fault;
	fail(json, fault);
}

static void put(struct gw_json *json, const char *octets, size_t len)
{
	if (json->fault)
		return;
	if (len > GW_JSON_WRITE_MAX - buf_len(&json->out))
		fail(json, "it is too long");
	else if (buf_add(&json->out, octets, len) != 0)
		fail(json, "no memory");
}

static void put_text(struct gw_json *json, const char *text)
{
	put(json, text, strlen(text));
}

/* One octet that may not stand in a string as it is. */
static void put_escaped(struct gw_json *json, unsigned char octet)
{
	char text[8];
	if (octet == '"' || octet == '\\')
		snprintf(text, sizeof(text), "\\%c", octet);
	else if (octet == '\n')
		snprintf(text, sizeof(text), "\\n");
	else
		snprintf(text, sizeof(text), "\\u%04x", octet);
	put_text(json, text);
}

static bool is_plain(unsigned char octet)
{
	return octet >= ' ' && octet < 0x7f && octet != '"' && octet != '\\';
}

/* The octets at the start that stand in a string as they are. */
static size_t plain_length(struct gw_str text)
{
	size_t at = 0, len;
	while (at < text.len) {
		unsigned char octet = (unsigned char)text.ptr[at];
		if (is_plain(octet))
			len = 1;
		else
			len = octet < 0x7f ? 0 : utf8_char(gw_str_from(text, at));
		if (!len)
			return at;
		at += len;
	}
	return at;
}

static void put_string(struct gw_json *json, struct gw_str text)
{
	put_text(json, "\"");
	while (text.len) {
		size_t plain = plain_length(text);
		put(json, text.ptr, plain);
		text = gw_str_from(text, plain);
		if (!text.len)
			break;
		if ((unsigned char)text.ptr[0] < 0x80)
			put_escaped(json, (unsigned char)text.ptr[0]);
		else
			put_text(json, REPLACEMENT);
		text = gw_str_from(text, 1);
	}
	put_text(json, "\"");
}

/* --- values --- */

/* What stands before a value: a comma, its key. False: no value may stand here. */
static bool begin_value(struct gw_json *json, const char *key)
{
	struct level *level;
	if (!json || json->fault)
		return false;
	level = json->depth ? &json->levels[json->depth - 1] : NULL;
	if (!level && json->is_whole)
		misuse(json, "a value after the last");
	else if ((level && level->is_object) != (key != NULL))
		misuse(json, key ? "a key outside of an object" : "a member without a key");
	if (json->fault)
		return false;
	json->is_whole = !level;
	if (level && level->has_values)
		put_text(json, ",");
	if (level)
		level->has_values = true;
	if (key) {
		put_string(json, gw_str(key));
		put_text(json, ":");
		json->says_code |= json->depth == 1 && strcmp(key, "code") == 0;
	}
	return true;
}

void json_writer_begin(struct gw_json *json, const char *key, enum gw_json_kind kind)
{
	if (!begin_value(json, key))
		return;
	if (kind != GW_JSON_OBJECT && kind != GW_JSON_ARRAY)
		misuse(json, "only objects and arrays begin");
	else if (json->depth == GW_JSON_DEPTH_MAX)
		fail(json, "it is nested too deep");
	else
		json->levels[json->depth++] = (struct level){ kind == GW_JSON_OBJECT, false };
	put_text(json, kind == GW_JSON_OBJECT ? "{" : "[");
}

void json_writer_end(struct gw_json *json)
{
	if (!json || json->fault)
		return;
	if (!json->depth) {
		misuse(json, "more ended than had begun");
		return;
	}
	put_text(json, json->levels[--json->depth].is_object ? "}" : "]");
	json->is_whole = json->depth == 0;
}

void json_writer_string(struct gw_json *json, const char *key, struct gw_str text)
{
	if (begin_value(json, key))
		put_string(json, text);
}

static void write_vformat(struct gw_json *json, const char *key, const char *format, va_list args)
{
	char *text = NULL;
	int len;
	if (!begin_value(json, key))
		return;
	len = vasprintf(&text, format, args);
	if (len < 0) {
		fail(json, "no memory");
		return;
	}
	put_string(json, gw_str_n(text, (size_t)len));
	free(text);
}

void json_writer_format(struct gw_json *json, const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	write_vformat(json, key, format, args);
	va_end(args);
}

void json_writer_number(struct gw_json *json, const char *key, int64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%lld", (long long)number);
	if (begin_value(json, key))
		put_text(json, text);
}

void json_writer_bool(struct gw_json *json, const char *key, bool yes)
{
	if (begin_value(json, key))
		put_text(json, yes ? "true" : "false");
}

void json_writer_time(struct gw_json *json, const char *key, int64_t ms)
{
	char text[CLOCK_RFC3339];
	if (!begin_value(json, key))
		return;
	if (ms > 0)
		put_string(json, gw_str(clock_rfc3339(ms, text)));
	else
		put_text(json, "null");
}

/* --- tables --- */

struct gw_json *json_writer_table(const struct gw_column *columns)
{
	struct gw_json *json = json_writer_create();
	json_writer_begin(json, NULL, GW_JSON_OBJECT);
	json_writer_begin(json, "columns", GW_JSON_ARRAY);
	for (; columns->key; columns++) {
		json_writer_begin(json, NULL, GW_JSON_ARRAY);
		json_writer_string(json, NULL, gw_str(columns->key));
		json_writer_string(json, NULL, gw_str(columns->title));
		json_writer_end(json);
	}
	json_writer_end(json);
	json_writer_begin(json, "rows", GW_JSON_ARRAY);
	if (json)
		json->is_table = true;
	return json;
}

/* Rows stand in the array that stands in the object. */
#define DEPTH_OF_ROWS 2

void json_writer_row(struct gw_json *table)
{
	if (!table || table->fault)
		return;
	if (table->is_table && table->depth == DEPTH_OF_ROWS + 1)
		json_writer_end(table);
	if (table->is_table && table->depth == DEPTH_OF_ROWS)
		json_writer_begin(table, NULL, GW_JSON_OBJECT);
	else
		misuse(table, "a row where none can be");
}

/* --- the end --- */

/* A NUL behind what stands there, which is no part of it. */
static bool end_text(struct buf *out)
{
	char *behind = buf_reserve(out, 1);
	if (behind)
		*behind = '\0';
	return behind != NULL;
}

struct gw_str json_writer_text(struct gw_json *json)
{
	if (!json)
		return gw_str_n(NULL, 0);
	while (json->depth && !json->fault)
		json_writer_end(json);
	if (!json->is_whole)
		misuse(json, "nothing was written");
	if (!json->fault && !end_text(&json->out))
		fail(json, "no memory");
	return json->fault ? gw_str_n(NULL, 0) : buf_str(&json->out);
}

bool json_writer_says_code(const struct gw_json *json)
{
	return json && json->says_code;
}

const char *json_writer_fault(const struct gw_json *json)
{
	return json ? json->fault : "no memory";
}

bool json_writer_misused(const struct gw_json *json)
{
	return json && json->misused;
}
