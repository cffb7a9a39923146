/* failures.h - failed logins by client address, so that guessing is slow.
 *
 * An IPv6 client has a whole /64, which counts as one address. Bounded: where there are too many
 * addresses, the one heard of longest ago makes room. The caller locks. */
#ifndef AUTH_FAILURES_H
#define AUTH_FAILURES_H

#include <gateway/str.h>

#define FAILURES_SETS 512
#define FAILURES_WAYS 8

struct failures {
	int64_t limit;         /* failures in a window before checks become slow; 0: never */
	int64_t window, delay; /* ms */
	uint64_t seed;
	struct failure {
		unsigned char address[16];
		int64_t began;      /* of the window; 0: unused */
		int64_t next_check; /* over the limit: when the next password is looked at */
		int64_t count;
	} entries[FAILURES_SETS][FAILURES_WAYS];
};

void failures_init(struct failures *failures, int64_t limit, int64_t window, int64_t delay,
		   uint64_t seed);

/* May a password from this address be looked at now? Over the limit, once in `delay` it may. */
bool failures_may_check(struct failures *failures, struct gw_str peer, int64_t now);

/* One more that was wrong; true: with it the address is over the limit. */
bool failures_add(struct failures *failures, struct gw_str peer, int64_t now);

#endif
