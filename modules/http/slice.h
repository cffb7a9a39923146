/* slice.h - a member of a JSON object, cut out as it stands.
 *
 * For what the gateway itself wrote, without blanks: that it is JSON is known, and a list of
 * hundreds of bounces need not become a tree to be sent on. */
#ifndef HTTP_SLICE_H
#define HTTP_SLICE_H

#include <gateway/str.h>

/* The value of that member, in `object`; ptr NULL: there is none, or this is no such object. */
struct gw_str slice_member(struct gw_str object, const char *key);

#endif
