/* item.h - a bounce as JSON, the one shape that lists, events and whoever asks get. */
#ifndef BOUNCE_ITEM_H
#define BOUNCE_ITEM_H

#include "rows.h"

/* An object with all that is known of it. */
void item_write(struct gw_json *json, const char *key, const struct row *row);
/* Its members alone, in an object that was begun. */
void item_members(struct gw_json *json, const struct row *row);

/* "columns" of an answer. */
void item_columns(struct gw_json *json, const struct gw_column *columns);

/* A text that may be empty. */
void item_text(struct gw_json *json, const char *key, const char *text);

#endif
