/* reflect.h - the report that a client gets about a bounce that came back to us: of the right form,
 * to the return path that it gave, with a null sender, so that its own parser marks the address. */
#ifndef BOUNCE_REFLECT_H
#define BOUNCE_REFLECT_H

#include "store.h"

struct reflection {
	struct gw_str hostname; /* of this gateway */
	int64_t now;
	const struct sent *sent;
	const struct finding *const *findings;
	size_t count;
};

/* The report's octets, CRLF line ends, US-ASCII. */
GString *reflect_write(const struct reflection *reflection);

#endif
