/* charset.h - from and to the charsets that mail names. */
#ifndef DISCLAIMER_CHARSET_H
#define DISCLAIMER_CHARSET_H

#include <gateway/str.h>

#include <glib.h>

bool is_ascii(struct gw_str text);

/* What iconv calls it; NULL (none is named) is US-ASCII. NULL: nobody here knows it. */
const char *charset_name(const char *charset);

/* Whether octets below 128 are ASCII in it wherever they stand between characters: a text can be
 * put together of pieces then. Also where shifted.h tells which of them are. */
bool charset_has_ascii(const char *name);

/* NULL: the text is not of that charset, or does not fit into it. To UTF-8 also of what is written
 * under its name beyond it. */
GString *charset_to_utf8(const char *name, struct gw_str text);
GString *charset_from_utf8(const char *name, struct gw_str text);

#endif
