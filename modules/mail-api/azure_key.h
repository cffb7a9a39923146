/* azure_key.h - a request signed with the access key of a Communication Services resource. */
#ifndef MAIL_API_AZURE_KEY_H
#define MAIL_API_AZURE_KEY_H

#include <gateway/str.h>

#include <stdint.h>

struct azure_signature {
	char date[64], hash[80], authorization[200]; /* whole header lines */
};

#define AZURE_HASH 45

/* SHA-256 of a body in base64. */
void azure_hash(struct gw_str body, char out[AZURE_HASH]);

/* HMAC-SHA256 over verb, path, date, host and `hash`, the body's, with the key that `key` has in
 * base64. `url` is https://HOST/PATH; `now` ms since 1970 UTC. False: the key is no base64. */
bool azure_sign(struct azure_signature *signature, const char *verb, struct gw_str url,
		const char *hash, struct gw_str key, int64_t now);

#endif
