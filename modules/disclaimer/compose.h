/* compose.h - a notice for one mail: what of the mail is to be changed so that it is in it. Nothing
 * here knows where the mail comes from, or changes it. */
#ifndef DISCLAIMER_COMPOSE_H
#define DISCLAIMER_COMPOSE_H

#include "leaf.h"

#define COMPOSE_TEXT_MOST (16 * 1024 * 1024) /* octets of one text part */

struct mail {
	struct mime_part message; /* whose fields were taken; compose() owns it */
	bool odd;                 /* its header ends at a line that is no field */
	bool eight_bit;           /* octets over 127 are in it already */
	uint64_t size;            /* of its body */
	mime_read_t *read;
	void *arg;
};

struct composed {
	enum mime_fault fault; /* it cannot be understood within bounds: nothing else is set */
	enum left left;
	struct plan plan; /* LEFT_NOT: how it comes in */
	GString *parts;   /* which parts, for people: "text/plain, text/html" */
};

/* `marks`: what the notice is known by (GString *), so that it is put in once; NULL: always. To be
 * finished. [any thread] */
struct composed *compose(const struct mail *mail, const struct wording *wording,
			 const GPtrArray *marks);
void composed_free(struct composed *composed);

#endif
