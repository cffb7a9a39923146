#include "cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

struct entry {
	TAILQ_ENTRY(entry) by_use; /* the one used last is first */
	LIST_ENTRY(entry) in_bucket;
	unsigned char hash[HASH_SIZE];
	int64_t put;
	struct finding finding;
};

LIST_HEAD(bucket, entry);

struct cache {
	pthread_mutex_t lock;
	size_t room, count;
	uint64_t drops;
	TAILQ_HEAD(uses, entry) used;
	struct bucket *buckets; /* `room` of them */
};

struct cache *cache_create(size_t room)
{
	struct cache *cache = calloc(1, sizeof *cache);

	if (!cache)
		return NULL;
	cache->buckets = calloc(room + 1, sizeof *cache->buckets);
	if (!cache->buckets) {
		free(cache);
		return NULL;
	}
	cache->room = room;
	TAILQ_INIT(&cache->used);
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

static void drop_entry(struct cache *cache, struct entry *entry)
{
	TAILQ_REMOVE(&cache->used, entry, by_use);
	LIST_REMOVE(entry, in_bucket);
	cache->count--;
	free(entry);
}

void cache_drop(struct cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	cache->drops++;
	while (!TAILQ_EMPTY(&cache->used))
		drop_entry(cache, TAILQ_FIRST(&cache->used));
	pthread_mutex_unlock(&cache->lock);
}

uint64_t cache_drops(struct cache *cache)
{
	uint64_t drops;

	pthread_mutex_lock(&cache->lock);
	drops = cache->drops;
	pthread_mutex_unlock(&cache->lock);
	return drops;
}

void cache_destroy(struct cache *cache)
{
	if (!cache)
		return;
	cache_drop(cache);
	pthread_mutex_destroy(&cache->lock);
	free(cache->buckets);
	free(cache);
}

static struct bucket *bucket_of(struct cache *cache, const unsigned char *hash)
{
	size_t number;

	memcpy(&number, hash, sizeof number);
	return &cache->buckets[number % (cache->room + 1)];
}

static struct entry *entry_of(struct cache *cache, const unsigned char *hash)
{
	struct entry *entry;

	LIST_FOREACH(entry, bucket_of(cache, hash), in_bucket)
	if (memcmp(entry->hash, hash, HASH_SIZE) == 0)
		return entry;
	return NULL;
}

static void use(struct cache *cache, struct entry *entry)
{
	TAILQ_REMOVE(&cache->used, entry, by_use);
	TAILQ_INSERT_HEAD(&cache->used, entry, by_use);
}

bool cache_find(struct cache *cache, const unsigned char hash[HASH_SIZE], int64_t now, int64_t most,
		struct finding *finding)
{
	struct entry *entry;

	pthread_mutex_lock(&cache->lock);
	entry = entry_of(cache, hash);
	if (entry && (now < entry->put || now - entry->put > most)) {
		drop_entry(cache, entry);
		entry = NULL;
	}
	if (entry) {
		use(cache, entry);
		*finding = entry->finding;
	}
	pthread_mutex_unlock(&cache->lock);
	return entry != NULL;
}

static struct entry *add(struct cache *cache, const unsigned char *hash)
{
	struct entry *entry = calloc(1, sizeof *entry);

	if (!entry)
		return NULL;
	if (cache->count == cache->room)
		drop_entry(cache, TAILQ_LAST(&cache->used, uses));
	memcpy(entry->hash, hash, HASH_SIZE);
	TAILQ_INSERT_HEAD(&cache->used, entry, by_use);
	LIST_INSERT_HEAD(bucket_of(cache, hash), entry, in_bucket);
	cache->count++;
	return entry;
}

static struct entry *entry_for(struct cache *cache, const unsigned char *hash)
{
	struct entry *entry = entry_of(cache, hash);

	return entry ? entry : add(cache, hash);
}

void cache_put(struct cache *cache, const unsigned char hash[HASH_SIZE], int64_t now,
	       uint64_t drops, const struct finding *finding)
{
	struct entry *entry;

	if (cache->room == 0)
		return;
	pthread_mutex_lock(&cache->lock);
	entry = cache->drops == drops ? entry_for(cache, hash) : NULL;
	if (entry) {
		entry->put = now;
		entry->finding = *finding;
	}
	pthread_mutex_unlock(&cache->lock);
}

size_t cache_count(struct cache *cache)
{
	size_t count;

	pthread_mutex_lock(&cache->lock);
	count = cache->count;
	pthread_mutex_unlock(&cache->lock);
	return count;
}
