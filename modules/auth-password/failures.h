/* failures.h - failed logins by who they come from (an address) or are for (a user), so that
 * guessing is slow, and then over.
 *
 * Bounded: where there are too many, the one heard of longest ago makes room. The caller locks. */
#ifndef AUTH_FAILURES_H
#define AUTH_FAILURES_H

#include <gateway/str.h>

#define FAILURES_SETS 512
#define FAILURES_WAYS 8
#define FAILURES_KEY 16

struct failures_limits {
	int64_t slow;  /* failures in a window before checks become slow; 0: never */
	int64_t block; /* ... before there are none for a time; 0: never */
	int64_t window, delay, blocked; /* ms */
};

struct failures {
	struct failures_limits limits;
	uint64_t seed;
	struct failure {
		unsigned char key[FAILURES_KEY];
		int64_t began;      /* of the window; 0: unused */
		int64_t next_check; /* over a limit: when the next password is looked at */
		int64_t until;      /* when it is forgotten */
		int64_t count;
	} entries[FAILURES_SETS][FAILURES_WAYS];
};

void failures_init(struct failures *failures, const struct failures_limits *limits, uint64_t seed);

/* An IPv6 client has a whole /64, which counts as one address; text that is no address (a local
 * socket) is one address of its own. */
void failures_address(struct gw_str peer, unsigned char key[FAILURES_KEY]);

/* Has it failed in this window? */
bool failures_has(struct failures *failures, const unsigned char key[FAILURES_KEY], int64_t now);

/* May a password be looked at now? Over the first limit, once in `delay` it may. Takes that turn.
 */
bool failures_may_check(struct failures *failures, const unsigned char key[FAILURES_KEY],
			int64_t now);

enum failures_step { FAILURES_COUNTED, FAILURES_SLOW, FAILURES_BLOCKED };

/* One more that was wrong; tells which limit was reached by it. */
enum failures_step failures_add(struct failures *failures, const unsigned char key[FAILURES_KEY],
				int64_t now);

#endif
