/* sign.h - how a receiver knows that a webhook is ours, and of now. */
#ifndef HTTP_SIGN_H
#define HTTP_SIGN_H

#include <gateway/str.h>

#define SIGNATURE_SIZE 72 /* "v1=" and 64 digits, NUL behind it */

/* HMAC-SHA256, with the secret, of the timestamp (seconds since 1970, decimal), a dot, and the body
 * as it is sent, octet for octet. False: no memory. */
bool sign(struct gw_str secret, int64_t timestamp, struct gw_str body, char out[SIGNATURE_SIZE]);

#endif
