#include "failures.h"

#include "../common/due.h"

#include <gateway/hash.h>

#include <arpa/inet.h>

void failures_init(struct failures *failures, const struct failures_limits *limits, uint64_t seed)
{
	memset(failures, 0, sizeof *failures);
	failures->limits = *limits;
	failures->seed = seed;
}

/* IPv4 as the mapped form has it. */
void failures_address(struct gw_str peer, unsigned char key[FAILURES_KEY])
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char text[64];

	memset(key, 0, FAILURES_KEY);
	if (peer.len >= sizeof text)
		return;
	memcpy(text, peer.ptr, peer.len);
	text[peer.len] = '\0';
	text[strcspn(text, "%")] = '\0';
	if (inet_pton(AF_INET, text, key + 12) == 1)
		memcpy(key, mapped, sizeof mapped);
	else if (inet_pton(AF_INET6, text, key) == 1 && memcmp(key, mapped, sizeof mapped) != 0)
		memset(key + 8, 0, 8);
}

static struct failure *set_of(struct failures *failures, const unsigned char *key)
{
	uint64_t hash = failures->seed;
	int i;

	for (i = 0; i < FAILURES_KEY; i++)
		hash = gw_hash_add(hash, key[i]);
	return failures->entries[(hash >> 32) % FAILURES_SETS];
}

/* It counts. */
static bool is_young(const struct failures_limits *limits, const struct failure *failure,
		     int64_t now)
{
	int64_t most = limits->blocked > limits->window ? limits->blocked : limits->window;

	return failure->began && !is_due(failure->until, now, most);
}

static struct failure *find(struct failures *failures, const unsigned char *key, int64_t now)
{
	struct failure *set = set_of(failures, key);
	int i;

	for (i = 0; i < FAILURES_WAYS; i++)
		if (is_young(&failures->limits, &set[i], now) &&
		    memcmp(set[i].key, key, FAILURES_KEY) == 0)
			return &set[i];
	return NULL;
}

static struct failure *begin(struct failures *failures, const unsigned char *key, int64_t now)
{
	struct failure *set = set_of(failures, key), *victim = set;
	int i;

	for (i = 0; i < FAILURES_WAYS; i++)
		if (set[i].began < victim->began)
			victim = &set[i];
	memset(victim, 0, sizeof *victim);
	memcpy(victim->key, key, FAILURES_KEY);
	victim->began = now;
	victim->until = now + failures->limits.window;
	return victim;
}

bool failures_has(struct failures *failures, const unsigned char key[FAILURES_KEY], int64_t now)
{
	return find(failures, key, now) != NULL;
}

bool failures_may_check(struct failures *failures, const unsigned char key[FAILURES_KEY],
			int64_t now)
{
	struct failure *failure = failures->limits.slow ? find(failures, key, now) : NULL;

	if (!failure || failure->count < failures->limits.slow)
		return true;
	if (now < failure->next_check)
		return false;
	failure->next_check = now + failures->limits.delay;
	return true;
}

enum failures_step failures_add(struct failures *failures, const unsigned char key[FAILURES_KEY],
				int64_t now)
{
	const struct failures_limits *limits = &failures->limits;
	struct failure *failure;

	if (!limits->slow)
		return FAILURES_COUNTED;
	failure = find(failures, key, now);
	if (!failure)
		failure = begin(failures, key, now);
	failure->count++;
	if (limits->block && failure->count == limits->block) {
		failure->until = failure->next_check = now + limits->blocked;
		return FAILURES_BLOCKED;
	}
	if (failure->count >= limits->slow && failure->next_check < now + limits->delay)
		failure->next_check = now + limits->delay;
	return failure->count == limits->slow ? FAILURES_SLOW : FAILURES_COUNTED;
}
