#include "cache.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

#define TEXT_MAX 2048 /* of user and secret together; longer ones are not kept */

bool cache_init(struct cache *cache)
{
	memset(cache, 0, sizeof *cache);
	return RAND_bytes(cache->key, sizeof cache->key) == 1;
}

void cache_finish(struct cache *cache)
{
	OPENSSL_cleanse(cache, sizeof *cache);
}

void cache_clear(struct cache *cache)
{
	memset(cache->entries, 0, sizeof cache->entries);
}

/* The user's length stands before both, so that no two pairs make one text. */
bool cache_mac(const struct cache *cache, struct gw_str user, struct gw_str secret,
	       unsigned char mac[CACHE_MAC])
{
	unsigned char text[sizeof user.len + TEXT_MAX];
	size_t size = sizeof user.len + user.len + secret.len;
	unsigned len = 0;
	bool made;

	if (user.len > TEXT_MAX || secret.len > TEXT_MAX - user.len)
		return false;
	memcpy(text, &user.len, sizeof user.len);
	memcpy(text + sizeof user.len, user.ptr, user.len);
	memcpy(text + sizeof user.len + user.len, secret.ptr, secret.len);
	made = HMAC(EVP_sha256(), cache->key, sizeof cache->key, text, size, mac, &len) &&
	       len == CACHE_MAC;
	OPENSSL_cleanse(text, size);
	return made;
}

static size_t set_of(const unsigned char mac[CACHE_MAC])
{
	return (size_t)(mac[0] | mac[1] << 8) % CACHE_SETS;
}

bool cache_has(const struct cache *cache, const unsigned char mac[CACHE_MAC], int64_t now)
{
	const struct cache_entry *set = cache->entries[set_of(mac)];
	int i;

	for (i = 0; i < CACHE_WAYS; i++)
		if (set[i].until > now && CRYPTO_memcmp(set[i].mac, mac, CACHE_MAC) == 0)
			return true;
	return false;
}

/* The entry that would end first makes room. */
void cache_put(struct cache *cache, const unsigned char mac[CACHE_MAC], int64_t until)
{
	struct cache_entry *set = cache->entries[set_of(mac)], *victim = set;
	int i;

	for (i = 0; i < CACHE_WAYS; i++) {
		if (memcmp(set[i].mac, mac, CACHE_MAC) == 0) {
			victim = &set[i];
			break;
		}
		if (set[i].until < victim->until)
			victim = &set[i];
	}
	memcpy(victim->mac, mac, CACHE_MAC);
	victim->until = until;
}
