/* request.h - how an introspection end point is asked about a token (RFC 7662). */
#ifndef AUTH_TOKEN_REQUEST_H
#define AUTH_TOKEN_REQUEST_H

#include "conf.h"

/* RFC 6750's b64token: nothing else is a token, and nobody is asked about it. */
bool is_token(struct gw_str token);

/* Asks, with `secret` as client_secret or bearer, whichever is set; the hook `http` is told, with
 * `arg`. False: refused, or no memory. */
bool request_send(struct gw_call *call, struct gw_str secret, struct gw_str token, void *arg);

#endif
