/* s3_credentials.h - who asks: a key and its secret, as the configuration has them, or temporary
 * ones with a session token, out of a file as AWS's tools write it:
 *
 *     [default]
 *     aws_access_key_id = ASIA...
 *     aws_secret_access_key = ...
 *     aws_session_token = ...
 *
 * The file is read again when it was changed, so whoever renews it has nothing else to do. */
#ifndef ARCHIVE_S3_CREDENTIALS_H
#define ARCHIVE_S3_CREDENTIALS_H

#include <gateway/str.h>

#include <glib.h>
#include <sys/stat.h>

struct s3_credentials {
	const char *path;      /* NULL: they are not of a file */
	char *access, *secret; /* NULL: there are none */
	char *token;           /* NULL: none is needed */
	struct stat status;    /* of the file, when it was read */
	char why[256];         /* there are none */
};

/* Of a file where `path` is not empty; it lives as long as they. */
void s3_credentials_init(struct s3_credentials *credentials, struct gw_str path,
			 struct gw_str access, struct gw_str secret);
void s3_credentials_finish(struct s3_credentials *credentials);

/* As they are now; `anew`: also where the file looks as it did. False: there are none, `why`. */
bool s3_credentials_read(struct s3_credentials *credentials, bool anew);
/* What the bucket says of credentials whose time is over. */
bool s3_credentials_are_over(const char *code);

#endif
