/* pace.h - messages in any 60 seconds, in memory.
 *
 * A message counts while it is on its way and for 60 seconds after, so that the next hop never sees
 * more of them in 60 seconds, however long each took. Used under the lock of its owner. */
#ifndef QUOTA_PACE_H
#define QUOTA_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_MAX 1000000
#define PACE_SECONDS 61 /* 60, and the one that has begun */

struct pace {
	int64_t second;                /* of the newest count */
	uint32_t counts[PACE_SECONDS]; /* a ring */
	uint32_t newest;
	int64_t sent; /* the sum of it */
	int64_t flying;
};

/* How many may go now; a clock that was set back takes nothing away. */
int64_t pace_room(struct pace *pace, int64_t most, int64_t now_ms);
void pace_take(struct pace *pace);
/* it is over; sent: the next hop saw it */
void pace_landed(struct pace *pace, int64_t now_ms, bool sent);

#endif
