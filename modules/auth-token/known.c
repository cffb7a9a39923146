#include "known.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

bool known_init(struct known_tokens *tokens)
{
	return RAND_bytes(tokens->key, sizeof tokens->key) == 1;
}

void known_finish(struct known_tokens *tokens)
{
	size_t i;

	for (i = 0; i < KNOWN_SETS * KNOWN_WAYS; i++)
		known_release(tokens->entries[i / KNOWN_WAYS][i % KNOWN_WAYS].known);
	OPENSSL_cleanse(tokens, sizeof *tokens);
}

bool known_mac(const struct known_tokens *tokens, struct gw_str token, unsigned char mac[KNOWN_MAC])
{
	unsigned len = 0;

	return HMAC(EVP_sha256(), tokens->key, sizeof tokens->key, (const unsigned char *)token.ptr,
		    token.len, mac, &len) &&
	       len == KNOWN_MAC;
}

static size_t set_of(const unsigned char mac[KNOWN_MAC])
{
	return mac[0] % KNOWN_SETS;
}

struct known *known_find(const struct known_tokens *tokens, const unsigned char mac[KNOWN_MAC],
			 int64_t now)
{
	const struct known_entry *set = tokens->entries[set_of(mac)];
	size_t i;

	for (i = 0; i < KNOWN_WAYS; i++)
		if (set[i].known && set[i].known->until > now &&
		    CRYPTO_memcmp(set[i].mac, mac, KNOWN_MAC) == 0)
			return known_hold(set[i].known);
	return NULL;
}

static int64_t until(const struct known_entry *entry)
{
	return entry->known ? entry->known->until : 0;
}

static struct known_entry *place_for(struct known_entry *set, const unsigned char mac[KNOWN_MAC])
{
	struct known_entry *place = set;
	size_t i;

	for (i = 0; i < KNOWN_WAYS; i++) {
		if (set[i].known && memcmp(set[i].mac, mac, KNOWN_MAC) == 0)
			return &set[i];
		if (until(&set[i]) < until(place))
			place = &set[i];
	}
	return place;
}

void known_put(struct known_tokens *tokens, const unsigned char mac[KNOWN_MAC], struct known *known)
{
	struct known_entry *place = place_for(tokens->entries[set_of(mac)], mac);

	tokens->count += place->known == NULL;
	known_release(place->known);
	memcpy(place->mac, mac, KNOWN_MAC);
	place->known = known_hold(known);
}

struct known *known_hold(struct known *known)
{
	if (known)
		atomic_fetch_add(&known->refs, 1);
	return known;
}

void known_release(struct known *known)
{
	if (known && atomic_fetch_sub(&known->refs, 1) == 1)
		free(known);
}
