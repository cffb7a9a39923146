/* throttle.h - how far a relay is slowed down: fewer connections, then a pause between messages,
 * and back again in quiet minutes.
 *
 * Only arithmetic: who asks has the lock and the time. */
#ifndef FAILOVER_THROTTLE_H
#define FAILOVER_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_FIRST_MS 1000
#define THROTTLE_LAST_MS 60000
#define THROTTLE_QUIET_MS 60000

struct throttle {
	int64_t connections; /* 0: as configured */
	int64_t interval;    /* ms between two messages; 0: none */
	int64_t next;        /* when the next message may go */
	int64_t slowed;      /* when it was slowed down last */
	int64_t changed;     /* the same, or when it was let go faster */
};

/* The next hop said that it is too fast, in an attempt that began at `began`. False: that was known
 * already. */
bool throttle_slow(struct throttle *throttle, int64_t configured, int64_t began, int64_t now);

/* After a quiet minute it may go faster. True: it does. */
bool throttle_recover(struct throttle *throttle, int64_t configured, int64_t now);

bool throttle_is_slow(const struct throttle *throttle);

/* Is it time for a message? */
bool throttle_due(const struct throttle *throttle, int64_t now);

#endif
