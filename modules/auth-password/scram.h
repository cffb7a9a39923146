/* scram.h - what a line of the file has for SCRAM-SHA-256, in Dovecot's form:
 * "4096,SALT,STORED,SERVER", the count and base64 (RFC 5802, 7677). It serves PLAIN too: whoever
 * has the password can make it. */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include <gateway/str.h>

#define SCRAM_KEY 32
#define SCRAM_SALT_MAX 128
#define SCRAM_LEAST 4096 /* clients refuse fewer */
#define SCRAM_MOST 2000000

struct scram {
	unsigned iterations;
	unsigned char salt[SCRAM_SALT_MAX];
	size_t salt_len;
	unsigned char stored[SCRAM_KEY], server[SCRAM_KEY];
};

/* False: that is no such text. The caller wipes `scram`. */
bool scram_parse(const char *text, struct scram *scram);

/* Is this the password? Not for a worker. [any thread] */
bool scram_matches(const struct scram *scram, struct gw_str secret);

/* What a user is told who is not there: the salt is the same each time, and as long as the model's;
 * no password fits. False: no memory. */
bool scram_decoy(const struct scram *model, struct gw_str user, struct scram *decoy);

#endif
