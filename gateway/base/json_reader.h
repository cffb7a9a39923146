/* json_reader.h - a JSON text of others, whole and within bounds: <gateway/json.h> has the
 * contract.
 *
 * Strict (RFC 8259): no member twice, no octets behind the value, UTF-8, no U+0000 in strings, no
 * number that a double or 64 bits cannot hold. What is wrong is told without the text's own words,
 * which may be secrets. */
#ifndef BASE_JSON_READER_H
#define BASE_JSON_READER_H

#include <gateway/json.h>

/* The value, which json_reader_free() frees; NULL: it is none, or too deep, too long, or no memory,
 * and `why` (unless `size` is 0) says which and where. */
struct gw_json_value *json_reader_read(struct gw_str text, char *why, size_t size);
void json_reader_free(struct gw_json_value *value);

/* A value that is NULL is of the kind NONE, and has nothing. */
enum gw_json_kind json_reader_kind(const struct gw_json_value *value);
const struct gw_json_value *json_reader_member(const struct gw_json_value *object, const char *key);
const struct gw_json_value *json_reader_item(const struct gw_json_value *array, size_t nth);
size_t json_reader_count(const struct gw_json_value *value);
struct gw_str json_reader_string(const struct gw_json_value *value);
int64_t json_reader_number(const struct gw_json_value *value, int64_t otherwise);
bool json_reader_bool(const struct gw_json_value *value, bool otherwise);

#endif
