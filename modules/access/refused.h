/* refused.h - who was turned away, by network (/24, /64): a bounded table that keeps those who come
 * most (space-saving: a newcomer takes the place of the one with the least, and its count, so that
 * a count may be too high, never too low). Of one process; those who come most outlive it. */
#ifndef ACCESS_REFUSED_H
#define ACCESS_REFUSED_H

#include "../common/network.h"

#define REFUSED_MOST 256
#define REFUSED_KEPT 128 /* over a restart, so that they fit into a record */

struct refused {
	struct network network;
	char peer[48];    /* the address that came last */
	char reason[160]; /* what it was told */
	char domain[64];  /* of its MAIL FROM, or empty */
	uint64_t count;
	int64_t first, last; /* ms */
};

void refused_add(struct gw_str peer, struct gw_str reason, struct gw_str domain, int64_t now);

/* A copy, who came most first; gives how many. */
size_t refused_list(struct refused list[REFUSED_MOST]);

/* Takes up what the process before kept, where this one has nothing yet; in start(). */
void refused_load(struct gw_call *call);
/* Keeps it, where it has changed, a minute after the last time; in tick(). */
void refused_save(struct gw_call *call);

#endif
