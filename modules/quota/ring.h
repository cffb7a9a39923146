/* ring.h - what went out and what is on its way, by quarters of an hour for 26 hours: the day of
 * any zone, and the last 24 hours, are sums of them.
 *
 * Midnights are at full quarters everywhere, so a zone that changes, or a limit that is new, is
 * asked of the same counts. Each quarter is kept in a counter of the state store; what is on its
 * way is told apart in memory only. */
#ifndef QUOTA_RING_H
#define QUOTA_RING_H

#include <gateway/module.h>

#define QUARTER_MS ((int64_t)900000)

struct ring;

/* Quarters by their number since 1970: from the first up to, but without, the second; not more than
 * 25 hours. */
struct span {
	int64_t from, to;
};

struct sum {
	int64_t count; /* with what is on its way */
	int64_t reserved;
};

/* `name` is not copied. NULL: no memory. */
struct ring *ring_create(const char *name);
void ring_destroy(struct ring *ring);

/* Costs nothing while the same span is asked for. */
struct sum ring_sum(const struct gw_call *call, struct ring *ring, struct span span, int64_t now);

/* Adds to the quarter of `when`, to its count and to what of that is on its way; false: the store
 * does not take it, and nothing was added. */
bool ring_add(const struct gw_call *call, struct ring *ring, int64_t when, int64_t count,
	      int64_t reserved);

/* Of all times. */
bool ring_is_idle(const struct ring *ring);

/* When the oldest quarter of the span that has something in it began; `otherwise`: there is none.
 */
int64_t ring_oldest(const struct ring *ring, struct span span, int64_t otherwise);

#endif
