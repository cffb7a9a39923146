/* json_writer.h - a JSON text, written from the first octet to the last: <gateway/json.h> has the
 * contract. Escaping is here, and nowhere else in the gateway. */
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include <gateway/json.h>

#include <stdarg.h>

struct gw_json *json_writer_create(void);
void json_writer_destroy(struct gw_json *json);

void json_writer_begin(struct gw_json *json, const char *key, enum gw_json_kind kind);
void json_writer_end(struct gw_json *json);
void json_writer_string(struct gw_json *json, const char *key, struct gw_str text);
void json_writer_format(struct gw_json *json, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void json_writer_number(struct gw_json *json, const char *key, int64_t number);
void json_writer_bool(struct gw_json *json, const char *key, bool yes);
void json_writer_time(struct gw_json *json, const char *key, int64_t ms);

struct gw_json *json_writer_table(const struct gw_column *columns);
void json_writer_row(struct gw_json *table);

/* The text, with all ended that is still open; its ptr is NULL where something failed. The writer's
 * own, until it is destroyed. */
struct gw_str json_writer_text(struct gw_json *json);
/* The text is an object with a member "code". */
bool json_writer_says_code(const struct gw_json *json);
/* What failed, for people; NULL: nothing did. */
const char *json_writer_fault(const struct gw_json *json);
/* What failed is the fault of who wrote: a key too many, more ended than begun. */
bool json_writer_misused(const struct gw_json *json);

#endif
