/* recent.h - how much of counters that only grow came within the last hour: what is wrong has an
 * end, and a count since the start has none. */
#ifndef ADMIN_RECENT_H
#define ADMIN_RECENT_H

#include <stddef.h>
#include <stdint.h>

struct recent {
	struct recent_counter *counters;
	size_t count;
};

/* `total` is where the counter of that name stands now; one that is lower than before began anew.
 * Of a counter that is not known yet everything is recent. Asked more rarely than once an hour, all
 * that came since counts as now. `now` is monotonic, ms. 0 without memory. */
uint64_t recent_count(struct recent *recent, const char *name, uint64_t total, int64_t now);

void recent_finish(struct recent *recent);

#endif
