/* shifted.h - ISO-2022-JP, in which octets that look like ASCII are halves of other characters from
 * one escape to the next. */
#ifndef DISCLAIMER_SHIFTED_H
#define DISCLAIMER_SHIFTED_H

#include <gateway/str.h>

#include <glib.h>

#define SHIFTED_TO_ASCII "\x1b(B"

/* "ISO-2022-JP", "csISO2022JP2". */
bool shifted_is(const char *charset);

/* A copy, as long, in which what only looks like ASCII is "x"; NULL: nothing shifts in the text.
 * `open`: its end is not in ASCII. */
GString *shifted_mask(struct gw_str text, bool *open);

/* The same text in EUC, as Microsoft has it; NULL: it has what that has not. */
GString *shifted_to_euc(struct gw_str text);

#endif
