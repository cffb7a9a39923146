/* utf8.h - well-formed UTF-8 (RFC 3629), one character at a time. Pure functions. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <gateway/str.h>

/* Octets of the well-formed character at the start of `text`; 0: malformed, cut short, a surrogate,
 * over U+10FFFF, or empty. */
size_t utf8_char(struct gw_str text);

/* The same for characters over 127 that are no C1 control (U+0080 to U+009F, NEL among them); 0 for
 * every other. */
size_t utf8_printable(struct gw_str text);

/* The same for every character that may stand on a terminal whoever wrote it; 0 for what steers one
 * or turns around what is read: controls (C0, DEL, C1), marks of direction, separators that break
 * lines, tags, and what cannot be seen at all. */
size_t utf8_harmless(struct gw_str text);

#endif
