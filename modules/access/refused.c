#include "refused.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct refused table[REFUSED_MOST];
static size_t used;

static struct network network_around(struct network network)
{
	unsigned bit;

	network.bits = network_is_four(&network) ? 96 + 24 : 64;
	for (bit = network.bits; bit < 128; bit++)
		network.bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
	return network;
}

/* Its place; a new one has the count of whom it replaces. */
static struct refused *place_of(const struct network *network, int64_t now)
{
	struct refused *least = &table[0];
	size_t i;

	for (i = 0; i < used; i++) {
		if (memcmp(&table[i].network, network, sizeof *network) == 0)
			return &table[i];
		if (table[i].count < least->count)
			least = &table[i];
	}
	if (used < REFUSED_MOST) {
		least = &table[used++];
		least->count = 0;
	}
	least->network = *network;
	least->domain[0] = '\0';
	least->first = now;
	return least;
}

static void copy(char *out, size_t size, struct gw_str text)
{
	snprintf(out, size, "%.*s", (int)(text.len < size ? text.len : size - 1), text.ptr);
}

void refused_add(struct gw_str peer, struct gw_str reason, struct gw_str domain, int64_t now)
{
	struct network network;
	struct refused *place;

	memset(&network, 0, sizeof network); /* compared octet by octet */
	if (!network_of_peer(&network, peer))
		return;
	network = network_around(network);
	pthread_mutex_lock(&lock);
	place = place_of(&network, now);
	place->count++;
	place->last = now;
	copy(place->peer, sizeof place->peer, peer);
	copy(place->reason, sizeof place->reason, reason);
	if (domain.len)
		copy(place->domain, sizeof place->domain, domain);
	pthread_mutex_unlock(&lock);
}

static int by_count(const void *a, const void *b)
{
	const struct refused *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return left->last < right->last ? 1 : left->last > right->last ? -1 : 0;
}

size_t refused_list(struct refused list[REFUSED_MOST])
{
	size_t count;

	pthread_mutex_lock(&lock);
	count = used;
	memcpy(list, table, used * sizeof *list);
	pthread_mutex_unlock(&lock);
	qsort(list, count, sizeof *list, by_count);
	return count;
}
