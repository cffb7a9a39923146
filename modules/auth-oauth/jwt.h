/* jwt.h - assertions (RFC 7523), of a service account or of an application that has a certificate,
 * signed by RS256 or PS256. */
#ifndef OAUTH_JWT_H
#define OAUTH_JWT_H

#include <gateway/str.h>

struct jwt {
	struct gw_str issuer, subject, audience, scope, key_id; /* key_id, scope may be empty */
	/* of a certificate (x5t#S256), and a word that no other one has (jti); may be empty */
	struct gw_str thumbprint, id;
	int64_t issued, expires; /* seconds since 1970 UTC */
	bool pss;                /* PS256 */
};

/* The base64url of the SHA-256 of the certificate in the PEM file. False: *why. */
#define THUMBPRINT 44
bool jwt_thumbprint(const char *certificate_file, char out[THUMBPRINT], const char **why);

/* Signed with the RSA key in the PEM file; to be wiped and freed. NULL: *why says what is wrong
 * (a static text, or the operating system's). */
char *jwt_sign(const struct jwt *jwt, const char *key_file, const char **why);

/* NULL: the file has an RSA key of 2048 bits or more in it; else what is wrong. */
const char *jwt_key_wrong(const char *key_file);
/* NULL: the certificate in the file is that key's; else what is wrong. */
const char *jwt_certificate_wrong(const char *certificate_file, const char *key_file);

#endif
