/* rcpts.h - the recipients that a description names, however many there are.
 *
 * A text is read as JSON up to GW_JSON_READ_MAX; a sender who names thousands of recipients would
 * hide his mail from every search. So the one array of a description is read in parts. */
#ifndef ARCHIVE_RCPTS_H
#define ARCHIVE_RCPTS_H

#include <glib.h>

/* Takes the recipients out of the description, which is as if it named none then. Theirs are
 * strings, the last is NULL; to be unref'd. NULL: it names none, or is damaged, and is as it was.
 */
GPtrArray *rcpts_take(GByteArray *meta);
/* Leaves the first of them, so that the description can be read. */
void rcpts_bound(GByteArray *meta);

#endif
