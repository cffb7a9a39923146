/* field.h - the fields of a header, one after the other, as they stand. */
#ifndef MAIL_API_FIELD_H
#define MAIL_API_FIELD_H

#include <gateway/str.h>

/* Of the first field, with its folds and its line end. */
size_t field_length(struct gw_str rest);

/* Empty: it is no field. */
struct gw_str field_name(struct gw_str field);

/* Behind the colon, without blanks at its end; its folds are still in it. */
struct gw_str field_value(struct gw_str field);

/* The header ends here. */
bool field_is_end(struct gw_str rest);

#endif
