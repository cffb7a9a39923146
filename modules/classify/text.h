/* text.h - patterns, and the texts they are held against. */
#ifndef CLASSIFY_TEXT_H
#define CLASSIFY_TEXT_H

#include <gateway/str.h>

/* "*" stands for any text, "?" for one octet; the case of ASCII letters does not matter. */
bool text_matches(struct gw_str pattern, struct gw_str text);

/* One of the patterns matches. */
bool text_matches_any(struct gw_list patterns, struct gw_str text);

/* The first address of a From field's value, without name, comments and brackets; empty: there is
 * none. */
struct gw_str text_address(struct gw_str value);

#endif
