/* refused.h - who was turned away, by network (/24, /64): a bounded table that keeps those who come
 * most (space-saving: a newcomer takes the place of the one with the least, and its count, so that
 * a count may be too high, never too low). Of one process. */
#ifndef ACCESS_REFUSED_H
#define ACCESS_REFUSED_H

#include "../common/network.h"

#define REFUSED_MOST 256

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

#endif
