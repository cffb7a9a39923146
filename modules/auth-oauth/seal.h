/* seal.h - AES-256-GCM for what lies on disk. */
#ifndef OAUTH_SEAL_H
#define OAUTH_SEAL_H

#include <gateway/str.h>

#define SEAL_KEY 32
#define SEAL_MORE 36 /* octets that a sealed text is longer: a mark, the nonce, the tag */

/* From 64 hexadecimal digits; false: that is no key. */
bool seal_key(struct gw_str text, unsigned char key[SEAL_KEY]);

/* Into `out`, with room for text.len + SEAL_MORE; bound to `name`, so that one account's file is
 * none for another. False: there is no randomness, or no memory. */
bool seal(const unsigned char key[SEAL_KEY], struct gw_str name, struct gw_str text, void *out);

bool is_sealed(struct gw_str bytes);

/* Into `out`, with room for what seal() was given; its length, or -1: it was not sealed so. */
long unseal(const unsigned char key[SEAL_KEY], struct gw_str name, struct gw_str bytes, void *out);

#endif
