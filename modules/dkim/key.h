/* key.h - private keys: read and checked once at the start, then shared, read-only, by every thread
 * that signs. */
#ifndef DKIM_KEY_H
#define DKIM_KEY_H

#include "text.h"

#include <openssl/evp.h>

enum key_algorithm { KEY_AUTO, KEY_RSA, KEY_ED25519 }; /* as the option's words */

struct key {
	char *domain, *selector; /* the domain in lower case */
	EVP_PKEY *private;
	enum key_algorithm algorithm; /* RSA or ED25519 */
	int bits;
	bool subdomains;     /* signs for From domains below `domain` too */
	bool is_made;        /* by `dkim rotate`, and in no configuration */
	size_t order;        /* its place in the configuration */
	int64_t from, until; /* signs between these, ms since 1970 UTC; 0: open */
};

/* What is wrong with a key, as a sentence. */
struct key_fault {
	bool fatal;
	char text[400];
};

/* Reads the file; false: fault.text says why. True with fault.text set: a warning. */
bool key_load(struct key *key, const char *path, enum key_algorithm wanted,
	      struct key_fault *fault);
void key_finish(struct key *key);

/* May this stand in d= and s=? */
bool key_name_ok(struct gw_str name);

#define KEY_NAME_MAX 520 /* selector and domain have 253 octets at the most */

/* Where it is published: "SELECTOR._domainkey.DOMAIN". */
void key_name(const struct key *key, char out[KEY_NAME_MAX]);

/* The TXT record's value: "v=DKIM1; k=rsa; p=...". */
void key_record(const struct key *key, struct text *out);

#define SIGNATURE_MAX 2048 /* of an RSA key of 16384 bits */

/* Signs a SHA-256 hash; the size of the signature, or 0. [any thread] */
size_t key_sign(const struct key *key, const unsigned char hash[32],
		unsigned char signature[SIGNATURE_MAX]);

#endif
