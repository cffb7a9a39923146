/* hash.h - password hashes: which ones are known, and comparing a password with one. */
#ifndef AUTH_HASH_H
#define AUTH_HASH_H

#include <gateway/str.h>

enum hash_kind { HASH_CRYPT, HASH_ARGON2I, HASH_ARGON2ID, HASH_PLAIN, HASH_SCRAM };

struct hash {
	enum hash_kind kind;
	const char *text; /* without "{SCHEME}" */
};

/* Reads "{SCHEME}hash" or "hash" (which stays in use); NULL, or why it cannot be used: a sentence
 * without the hash. */
const char *hash_parse(const char *text, struct hash *hash);

/* Why a hash would not stand up to somebody who got the file, as a sentence; NULL: it would. */
const char *hash_weakness(const struct hash *hash);

/* Is this the password? Takes as long as the hash was made to take: not for a worker. The secret
 * needs a NUL behind it. [any thread] */
bool hash_matches(const struct hash *hash, struct gw_str secret);

#endif
