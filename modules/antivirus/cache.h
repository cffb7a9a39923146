/* cache.h - what was found in contents that were scanned before, by their SHA-256. Bounded: the one
 * that was not asked for longest makes room. Any thread. */
#ifndef ANTIVIRUS_CACHE_H
#define ANTIVIRUS_CACHE_H

#include "finding.h"

#include <stdint.h>

#define HASH_SIZE 32

struct cache;

/* NULL: no memory. With room 0 it knows nothing. */
struct cache *cache_create(size_t room);
void cache_destroy(struct cache *cache);

/* `now` in ms; older than `most` ms counts as not there, and so does what was put in a time to
 * come: the clock was set back. */
bool cache_find(struct cache *cache, const unsigned char hash[HASH_SIZE], int64_t now, int64_t most,
		struct finding *finding);
/* Forgets all: the signatures are others. */
void cache_drop(struct cache *cache);
/* How often it did, to be asked before a scan begins. */
uint64_t cache_drops(struct cache *cache);
/* Only what was found since it forgot last, as `drops` tells. */
void cache_put(struct cache *cache, const unsigned char hash[HASH_SIZE], int64_t now,
	       uint64_t drops, const struct finding *finding);
size_t cache_count(struct cache *cache);

#endif
