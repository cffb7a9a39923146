#include "failures.h"

#include <arpa/inet.h>

void failures_init(struct failures *failures, int64_t limit, int64_t window, int64_t delay,
		   uint64_t seed)
{
	memset(failures, 0, sizeof *failures);
	failures->limit = limit;
	failures->window = window;
	failures->delay = delay;
	failures->seed = seed;
}

/* IPv4 as the mapped form has it; text that is no address (a local socket) is one address of its
 * own. */
static void address_of(struct gw_str peer, unsigned char address[16])
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char text[64];

	memset(address, 0, 16);
	if (peer.len >= sizeof text)
		return;
	memcpy(text, peer.ptr, peer.len);
	text[peer.len] = '\0';
	text[strcspn(text, "%")] = '\0';
	if (inet_pton(AF_INET, text, address + 12) == 1)
		memcpy(address, mapped, sizeof mapped);
	else if (inet_pton(AF_INET6, text, address) == 1 &&
		 memcmp(address, mapped, sizeof mapped) != 0)
		memset(address + 8, 0, 8);
}

static struct failure *set_of(struct failures *failures, const unsigned char address[16])
{
	uint64_t hash = failures->seed;
	int i;

	for (i = 0; i < 16; i++)
		hash = (hash ^ address[i]) * 0x100000001b3u;
	return failures->entries[(hash >> 32) % FAILURES_SETS];
}

static struct failure *find(struct failures *failures, const unsigned char address[16], int64_t now)
{
	struct failure *set = set_of(failures, address);
	int i;

	for (i = 0; i < FAILURES_WAYS; i++)
		if (set[i].began && now - set[i].began < failures->window &&
		    memcmp(set[i].address, address, 16) == 0)
			return &set[i];
	return NULL;
}

static struct failure *begin(struct failures *failures, const unsigned char address[16],
			     int64_t now)
{
	struct failure *set = set_of(failures, address), *victim = set;
	int i;

	for (i = 0; i < FAILURES_WAYS; i++)
		if (set[i].began < victim->began)
			victim = &set[i];
	memset(victim, 0, sizeof *victim);
	memcpy(victim->address, address, 16);
	victim->began = now;
	return victim;
}

bool failures_may_check(struct failures *failures, struct gw_str peer, int64_t now)
{
	unsigned char address[16];
	struct failure *failure;

	address_of(peer, address);
	failure = failures->limit ? find(failures, address, now) : NULL;
	if (!failure || failure->count < failures->limit)
		return true;
	if (now < failure->next_check)
		return false;
	failure->next_check = now + failures->delay;
	return true;
}

bool failures_add(struct failures *failures, struct gw_str peer, int64_t now)
{
	unsigned char address[16];
	struct failure *failure;

	if (!failures->limit)
		return false;
	address_of(peer, address);
	failure = find(failures, address, now);
	if (!failure)
		failure = begin(failures, address, now);
	failure->count++;
	if (failure->count >= failures->limit)
		failure->next_check = now + failures->delay;
	return failure->count == failures->limit;
}
