/* mark.h - what a notice is known by in a mail, however replies have wrapped, quoted or converted
 * it: the letters and digits of a line of it, without all else. */
#ifndef DISCLAIMER_MARK_H
#define DISCLAIMER_MARK_H

#include <gateway/str.h>

#include <glib.h>

#define MARK_LEAST 20 /* octets: less would be found in other mail */

/* Appends the letters and digits of a text in UTF-8, in small letters. */
void mark_add(GString *out, struct gw_str text);

/* Appends those of the line that has most of them, up to a size that is enough. */
void mark_of_lines(GString *out, struct gw_str text);

/* `text` as mark_add() left it; a mark below MARK_LEAST is in nothing. */
bool mark_is_in(const GString *mark, const GString *text);

#endif
