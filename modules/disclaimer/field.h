/* field.h - the value of a header's field as people read it. */
#ifndef DISCLAIMER_FIELD_H
#define DISCLAIMER_FIELD_H

#include <gateway/str.h>

/* A value as it stands, up to a bound, and up to its first NUL, safe for GMime. To be freed with
 * g_free(). */
char *field_masked(struct gw_str value);

/* The same, decoded. */
char *field_text(struct gw_str value);

#endif
