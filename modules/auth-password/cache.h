/* cache.h - logins that were right a moment ago, so that a client that logs in for each message
 * does not cost a hash each time.
 *
 * Kept is an HMAC under a key of this process, never a password. Bounded; the caller locks. */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include <gateway/str.h>

#define CACHE_MAC 32
#define CACHE_SETS 512
#define CACHE_WAYS 4

struct cache {
	unsigned char key[32];
	struct cache_entry {
		unsigned char mac[CACHE_MAC];
		int64_t until; /* 0: unused */
	} entries[CACHE_SETS][CACHE_WAYS];
};

/* False: no randomness to be had. */
bool cache_init(struct cache *cache);
void cache_finish(struct cache *cache);

/* What stands for this user and secret. Needs no lock. */
bool cache_mac(const struct cache *cache, struct gw_str user, struct gw_str secret,
	       unsigned char mac[CACHE_MAC]);

/* Was it put and is good still? */
bool cache_has(const struct cache *cache, const unsigned char mac[CACHE_MAC], int64_t now);
void cache_put(struct cache *cache, const unsigned char mac[CACHE_MAC], int64_t until);

/* Forgets everything. */
void cache_clear(struct cache *cache);

#endif
