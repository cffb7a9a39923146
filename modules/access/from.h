/* from.h - who a message says it is from, as strictly as a reader needs that must not be fooled: what mail programs could read in
 * two ways is not read at all. */
#ifndef ACCESS_FROM_H
#define ACCESS_FROM_H

#include <gateway/module.h>

#define FROM_MAX 8192

enum from_flaw { FROM_FINE, FROM_UNREADABLE, FROM_GROUP, FROM_SEVERAL };

struct from {
	struct gw_str domain;     /* of the one address */
	struct gw_str display;    /* everything else people may get to see: name and comments, encoded words decoded */
	char inner[FROM_MAX];     /* what stood in <> */
	char outer[2 * FROM_MAX]; /* what stood outside, comments behind it */
};

/* Reads a From field's value. */
enum from_flaw from_read(struct from *from, struct gw_str value);

/* The next domain of an address that `text` shows, from *at on; false: there is no further one. */
bool from_next_shown(struct gw_str text, size_t *at, struct gw_str *domain);

#endif
