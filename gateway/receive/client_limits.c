#include "receive/client_limits.h"

#include "base/network.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SHARDS 64
#define CHAINS 256 /* of a shard */

struct peer {
	struct peer *next;
	struct ip ip;
	uint32_t place; /* shard and chain */
	int64_t sessions;
	bool told; /* that there are too many */
};

static struct shard {
	pthread_mutex_t lock;
	size_t count;
	struct peer *chains[CHAINS];
} shards[SHARDS] = { [0 ... SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };

static uint64_t seed[2];
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

/* Without it a client with a network of its own could choose addresses that share a chain. */
static void make_seed(void)
{
	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed[0] = (uint64_t)(uintptr_t)&shards;
}

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 32) * UINT64_C(0xd6e8feb86659fd93);
	value = (value ^ value >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return value ^ value >> 32;
}

static uint32_t place_of(const struct ip *ip)
{
	uint64_t halves[2];

	pthread_once(&seeded, make_seed);
	memcpy(halves, ip->octets, sizeof(halves));
	return (uint32_t)(mix(mix(halves[0] ^ seed[0]) ^ halves[1] ^ seed[1]) % (SHARDS * CHAINS));
}

static struct shard *shard_of(uint32_t place)
{
	return &shards[place / CHAINS];
}

static struct peer **find(struct shard *shard, uint32_t place, const struct ip *ip)
{
	struct peer **at = &shard->chains[place % CHAINS];

	while (*at && memcmp(&(*at)->ip, ip, sizeof(*ip)) != 0)
		at = &(*at)->next;
	return at;
}

static struct peer *add(struct shard *shard, uint32_t place, const struct ip *ip)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->ip = *ip;
	peer->place = place;
	peer->next = shard->chains[place % CHAINS];
	shard->chains[place % CHAINS] = peer;
	shard->count++;
	return peer;
}

static enum client_limits_answer enter(struct peer *peer, int64_t most)
{
	bool first = !peer->told;

	if (peer->sessions < most) {
		peer->sessions++;
		return CLIENT_LIMITS_ENTERED;
	}
	peer->told = true;
	return first ? CLIENT_LIMITS_FULL_FIRST : CLIENT_LIMITS_FULL;
}

/* Who has an IPv6 address has the 2^64 of its network. */
static void widen(struct ip *ip)
{
	static const unsigned char v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(ip->octets, v4_prefix, sizeof(v4_prefix)) != 0)
		memset(ip->octets + 8, 0, 8);
}

enum client_limits_answer client_limits_enter(const struct sockaddr *address, int64_t most,
					      struct peer **peer)
{
	enum client_limits_answer answer = CLIENT_LIMITS_NO_MEMORY;
	struct ip ip;

	*peer = NULL;
	if (!ip_of(address, &ip))
		return CLIENT_LIMITS_ENTERED;
	widen(&ip);
	uint32_t place = place_of(&ip);
	struct shard *shard = shard_of(place);
	pthread_mutex_lock(&shard->lock);
	struct peer *found = *find(shard, place, &ip);
	if (!found)
		found = add(shard, place, &ip);
	if (found)
		answer = enter(found, most);
	pthread_mutex_unlock(&shard->lock);
	if (answer == CLIENT_LIMITS_ENTERED)
		*peer = found;
	return answer;
}

void client_limits_leave(struct peer *peer)
{
	if (!peer)
		return;
	struct shard *shard = shard_of(peer->place);
	pthread_mutex_lock(&shard->lock);
	bool last = --peer->sessions == 0;
	if (last) {
		*find(shard, peer->place, &peer->ip) = peer->next;
		shard->count--;
	}
	pthread_mutex_unlock(&shard->lock);
	if (last)
		free(peer);
}

size_t client_limits_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&shards[i].lock);
		count += shards[i].count;
		pthread_mutex_unlock(&shards[i].lock);
	}
	return count;
}
