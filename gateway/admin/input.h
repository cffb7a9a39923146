/* input.h - what a caller's gatewayctl read for a verb that asked for it. */
#ifndef ADMIN_INPUT_H
#define ADMIN_INPUT_H

#include "admin/request.h"

/* The octets of a request's "input", of which each is a character up to U+00FF; in the request's
 * arena. ptr NULL: it has none, or it is none, or no memory. */
struct gw_str input_of(struct request *request);

#endif
