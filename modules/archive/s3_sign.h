/* s3_sign.h - AWS Signature Version 4: what proves to S3 who asks, and that nothing of the request
 * was changed on its way. */
#ifndef ARCHIVE_S3_SIGN_H
#define ARCHIVE_S3_SIGN_H

#include <gateway/str.h>

#include <glib.h>

struct s3_field {
	const char *name; /* in small letters */
	const char *value;
};

struct s3_signing {
	const char *method, *path; /* as they are sent: the path encoded */
	const char *query;         /* "a=1&b=", encoded, sorted by name; "": none */
	/* all that are signed, sorted by name, host and x-amz-date among them */
	const struct s3_field *fields;
	size_t count;
	const char *payload; /* SHA-256 of the body, hexadecimal */
	const char *time;    /* "20130524T000000Z", as x-amz-date */
	const char *region, *service;
	const char *access_key, *secret_key;
};

/* The value of Authorization; to be freed. */
char *s3_sign(const struct s3_signing *signing);

/* Of all octets but letters, digits and -._~ (and '/', where `path`) %XX; to be freed. */
char *s3_encode(const char *text, bool path);

#define SHA256_HEX 65
void s3_sha256(char out[SHA256_HEX], const void *octets, size_t len);

#endif
