/* ring.c - a bucket counts until all of it is older than 24 hours: the 144 of them and the one that
 * has begun. */
#include "ring.h"

#include <stdio.h>
#include <stdlib.h>

#define BUCKET_MS ((int64_t)600000)
#define BUCKETS 145

struct bucket {
	int64_t number, count;
};

struct ring {
	struct bucket buckets[BUCKETS]; /* at number % BUCKETS */
	int64_t newest;                 /* the total is as of this one */
	int64_t total;
};

static struct bucket *bucket_at(struct ring *ring, int64_t number)
{
	return &ring->buckets[number % BUCKETS];
}

static struct gw_str counter_name(const char *name, int64_t number, char *text, size_t size)
{
	int len = snprintf(text, size, "%s@%d", name, (int)(number % BUCKETS));

	return gw_str_n(text, len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1);
}

struct ring *ring_create(const struct gw_call *call, const char *name, int64_t now)
{
	struct ring *ring = calloc(1, sizeof *ring);
	int64_t newest = now / BUCKET_MS, number;
	char text[1024];

	for (number = newest - BUCKETS + 1; ring && number <= newest; number++)
		*bucket_at(ring, number) = (struct bucket){
			number,
			gw->counter_get(call, counter_name(name, number, text, sizeof text), number)
		};
	return ring;
}

void ring_destroy(struct ring *ring)
{
	free(ring);
}

static bool is_live(const struct bucket *bucket, int64_t newest)
{
	return bucket->count > 0 && bucket->number <= newest && bucket->number > newest - BUCKETS;
}

int64_t ring_total(struct ring *ring, int64_t now)
{
	int64_t newest = now / BUCKET_MS;
	size_t i;

	if (newest == ring->newest)
		return ring->total;
	ring->newest = newest;
	ring->total = 0;
	for (i = 0; i < BUCKETS; i++)
		if (is_live(&ring->buckets[i], newest))
			ring->total += ring->buckets[i].count;
	return ring->total;
}

void ring_add(const struct gw_call *call, struct ring *ring, const char *name, int64_t when,
	      int64_t amount)
{
	int64_t number = when / BUCKET_MS;
	struct bucket *bucket = bucket_at(ring, number);
	char text[1024];

	if (bucket->number != number) {
		if (amount < 0) /* what is given back was forgotten meanwhile */
			return;
		*bucket = (struct bucket){ number, 0 };
	}
	bucket->count += amount;
	ring->newest = -1;
	gw->counter_add(call, counter_name(name, number, text, sizeof text), number, amount, -1);
}

static const struct bucket *oldest(const struct ring *ring, int64_t newest)
{
	const struct bucket *found = NULL;
	size_t i;

	for (i = 0; i < BUCKETS; i++)
		if (is_live(&ring->buckets[i], newest) &&
		    (!found || ring->buckets[i].number < found->number))
			found = &ring->buckets[i];
	return found;
}

int64_t ring_began(const struct ring *ring, int64_t now)
{
	const struct bucket *bucket = oldest(ring, now / BUCKET_MS);

	return bucket ? bucket->number * BUCKET_MS : now;
}

int64_t ring_opens(const struct ring *ring, int64_t now)
{
	const struct bucket *bucket = oldest(ring, now / BUCKET_MS);

	return bucket ? (bucket->number + BUCKETS) * BUCKET_MS : now;
}
