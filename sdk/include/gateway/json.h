/* gateway/json.h - JSON for modules: a writer that escapes, tables for gatewayctl, and a reader for
 * what others sent. The functions are members of the table `gw`, json_* and table_*; all but
 * answer_json() are [any], and need no call.
 *
 * Writing: from the first octet to the last, into a text of the writer's own.
 *
 *     struct gw_json *json = gw->json_create();
 *     gw->json_begin(json, NULL, GW_JSON_OBJECT);
 *     gw->json_number(json, "until", until);
 *     gw->json_string(json, "why", words);
 *     event.json = gw->json_text(json);
 *     gw->emit(call, &event);
 *     gw->json_destroy(json);
 *
 * A key is for a member of an object: NULL in an array and for the value that is the whole. Text
 * may be any octets: what JSON wants escaped is, and what is no UTF-8 becomes U+FFFD. What cannot
 * be written (no memory, a key too many or too few, nested too deep, too long) makes the whole text
 * fail, so one look at its end is enough; and a writer that is NULL takes everything and has no
 * text.
 *
 * A table is a writer whose object has its columns already and whose rows come now:
 *
 *     static const struct gw_column columns[] = { { "left", "LEFT" }, { NULL, NULL } };
 *     struct gw_json *table = gw->table_create(columns);
 *     gw->table_row(table);
 *     gw->json_number(table, "left", left);
 *     gw->table_row(table); ... the next row
 *     gw->answer_json(call, table);
 *
 * `gatewayctl` shows the columns, aligned, and `--json` prints the same rows: one set of words for
 * people and programs. A member of a row that is no column shows in --json only.
 *
 * Reading: a whole text at once, which may be hostile.
 *
 *     struct gw_json_value *answer = gw->json_read(body, why, sizeof why);
 *     token = gw->json_value_string(gw->json_member(answer, "access_token"));
 *     lasts = gw->json_value_number(gw->json_member(answer, "expires_in"), 3600);
 *     gw->json_free(answer);
 */
#ifndef GATEWAY_JSON_H
#define GATEWAY_JSON_H

#include <gateway/str.h>

#ifdef __cplusplus
extern "C" {
#endif

struct gw_json;       /* a text that is being written; used by one thread at a time */
struct gw_json_value; /* what was read, or a part of it; may be looked at by many threads */

enum gw_json_kind {
	GW_JSON_NONE, /* there is no such value */
	GW_JSON_NULL,
	GW_JSON_BOOL,
	GW_JSON_NUMBER,
	GW_JSON_STRING,
	GW_JSON_ARRAY,
	GW_JSON_OBJECT,
};

#define GW_JSON_DEPTH_MAX 32             /* values within values, read or written */
#define GW_JSON_READ_MAX (256 * 1024)    /* octets of a text that is read */
#define GW_JSON_WRITE_MAX (64 * 1048576) /* octets of a text that is written */

/* A column: the member of the rows, and what stands above it for people. A list of them ends with a
 * key of NULL; up to 32 are shown. */
struct gw_column {
	const char *key, *title;
};

#ifdef __cplusplus
}
#endif
#endif
