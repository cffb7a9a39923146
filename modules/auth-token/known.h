/* known.h - what an issuer said of tokens a moment ago, so that a client that logs in for each
 * message does not have it asked each time.
 *
 * A token is kept as an HMAC under a key of this process, never as itself. Bounded; the caller
 * locks, but for known_mac, known_hold and known_release. */
#ifndef AUTH_TOKEN_KNOWN_H
#define AUTH_TOKEN_KNOWN_H

#include "claims.h"

#include <stdatomic.h>

#define KNOWN_MAC 32
#define KNOWN_SETS 256
#define KNOWN_WAYS 4

/* Never changes once it is there; held by whoever looks at it. */
struct known {
	atomic_uint refs;
	int64_t until; /* ms */
	struct finding finding;
};

struct known_tokens {
	unsigned char key[32];
	size_t count;
	struct known_entry {
		unsigned char mac[KNOWN_MAC];
		struct known *known; /* NULL: unused */
	} entries[KNOWN_SETS][KNOWN_WAYS];
};

/* False: no randomness to be had. */
bool known_init(struct known_tokens *tokens);
void known_finish(struct known_tokens *tokens);

/* What stands for this token. */
bool known_mac(const struct known_tokens *tokens, struct gw_str token,
	       unsigned char mac[KNOWN_MAC]);

/* Held; NULL: nothing is known, or no longer. */
struct known *known_find(const struct known_tokens *tokens, const unsigned char mac[KNOWN_MAC],
			 int64_t now);
/* The one that would end first makes room. */
void known_put(struct known_tokens *tokens, const unsigned char mac[KNOWN_MAC],
	       struct known *known);

struct known *known_hold(struct known *known); /* NULL is fine, below too */
void known_release(struct known *known);

#endif
