/* ring.h - the last 24 hours in buckets of ten minutes, each in a counter of its own. */
#ifndef QUOTA_RING_H
#define QUOTA_RING_H

#include <gateway/module.h>

struct ring;

/* With what the counters "NAME@0", "NAME@1", ... hold; NULL: no memory. */
struct ring *ring_create(const struct gw_call *call, const char *name, int64_t now);
void ring_destroy(struct ring *ring);

int64_t ring_total(struct ring *ring, int64_t now);
void ring_add(const struct gw_call *call, struct ring *ring, const char *name, int64_t when,
	      int64_t amount);

/* When the oldest bucket that has something in it began, and when it goes; both `now` when there is
 * none. */
int64_t ring_began(const struct ring *ring, int64_t now);
int64_t ring_opens(const struct ring *ring, int64_t now);

#endif
