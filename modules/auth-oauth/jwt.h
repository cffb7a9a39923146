/* jwt.h - assertions of a service account (RFC 7523), signed by RS256. */
#ifndef OAUTH_JWT_H
#define OAUTH_JWT_H

#include <gateway/str.h>

struct jwt {
	struct gw_str issuer, subject, audience, scope, key_id; /* key_id, scope may be empty */
	int64_t issued, expires;                                /* seconds since 1970 UTC */
};

/* Signed with the RSA key in the PEM file; to be wiped and freed. NULL: *why says what is wrong
 * (a static text, or the operating system's). */
char *jwt_sign(const struct jwt *jwt, const char *key_file, const char **why);

/* NULL: the file has an RSA key of 2048 bits or more in it; else what is wrong. */
const char *jwt_key_wrong(const char *key_file);

#endif
