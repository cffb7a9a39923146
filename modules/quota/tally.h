/* tally.h - what is counted in a limit's window, kept in the state store: what was used, and what
 * is on its way.
 *
 * What is on its way is told apart in memory only. When the process dies it counts as used: a limit
 * is never passed. Used under the lock of its owner. */
#ifndef QUOTA_TALLY_H
#define QUOTA_TALLY_H

#include "limit.h"

struct ring;

struct tally {
	const char *name;         /* of the counter */
	int64_t period;           /* the newest in which something was added */
	int64_t reserved, before; /* on its way: of that period, of those before */
	struct ring *ring;        /* a rolling window; NULL: the calendar day */
};

/* -1: no memory. */
int tally_init(struct gw_call *call, const struct limit *limit, struct tally *tally,
	       const char *name);
void tally_finish(struct tally *tally);

int64_t tally_total(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now);
int64_t tally_reserved(const struct gw_call *call, struct limit *limit, struct tally *tally,
		       int64_t now);
/* False: there is no room for so much; never where there is no limit. */
bool tally_reserve(const struct gw_call *call, struct limit *limit, struct tally *tally,
		   int64_t now, int64_t amount);
/* Of what was reserved at `when` so much is no longer on its way, and `back` of it was not used. */
void tally_settle(const struct gw_call *call, struct limit *limit, struct tally *tally,
		  int64_t when, int64_t amount, int64_t back);

/* When what is counted began to be, and when the next of it goes. */
int64_t tally_began(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now);
int64_t tally_opens(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now);

#endif
