/* keys.h - the public keys of an issuer: a set that never changes, held by whoever looks at it. */
#ifndef AUTH_TOKEN_KEYS_H
#define AUTH_TOKEN_KEYS_H

#include <gateway/str.h>

#include <cjose/cjose.h>
#include <stdatomic.h>

#define KEYS_TEXT_MOST (256u << 10)

struct keys {
	atomic_uint refs;
	size_t count;
	struct key {
		char *id; /* NULL: it has none */
		cjose_jwk_t *jwk;
		cjose_jwk_kty_t type;
	} items[];
};

/* What signs with RS256 or ES256 in a JWKS (RFC 7517), held once; the rest is left out. NULL: *why,
 * a static text. */
struct keys *keys_read(struct gw_str text, const char **why);
struct keys *keys_hold(struct keys *keys);
void keys_release(struct keys *keys); /* NULL is fine */

/* The one of that name and type; without a name, the only one of the type. NULL: there is none. */
const struct key *keys_find(const struct keys *keys, const char *id, cjose_jwk_kty_t type);

#endif
