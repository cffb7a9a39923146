/* from.h - who a message says it is from, as strictly as a reader needs that must not be fooled:
 * what mail programs could read in two ways is not read at all. */
#ifndef ACCESS_FROM_H
#define ACCESS_FROM_H

#include <gateway/module.h>

#define FROM_MAX 8192

enum from_flaw { FROM_FINE, FROM_UNREADABLE, FROM_GROUP, FROM_SEVERAL };

struct from {
	struct gw_str domain; /* of the one address */
	/* everything else people may get to see: name and comments, as words_decode() gives them */
	char *display;
	char inner[FROM_MAX]; /* the address */
};

/* Reads a From field's value; from_finish() is due after it, whatever it found. */
enum from_flaw from_read(struct from *from, struct gw_str value);
void from_finish(struct from *from);

/* The next domain of an address that `text` shows, from *at on; false: there is no further one. */
bool from_next_shown(struct gw_str text, size_t *at, struct gw_str *domain);

#endif
