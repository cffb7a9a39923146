/* head.h - a header that names the recipients of a delivery, all of them and nobody else. */
#ifndef MAIL_API_HEAD_H
#define MAIL_API_HEAD_H

#include <gateway/module.h>

/* The header `head` (its blank line included) as it is to go out, in memory of its own. `removes`:
 * whom this delivery does not go to is taken out of To and Cc; else such a header is refused. 0; 1:
 * `why` says what cannot be; -1: no memory. */
int head_make(struct gw_call *call, struct gw_delivery *delivery, struct gw_str head, bool removes,
	      char **out, size_t *len, char *why, size_t size);

#endif
