/* tally.h - what is counted in a limit's window: what was used, and what is on its way.
 *
 * The window is the limit's, the count is not: limits that share a name, or follow each other at a
 * reload, each see their own window of it. When the process dies what is on its way counts as used:
 * a limit is never passed. Used under the lock of its owner. */
#ifndef QUOTA_TALLY_H
#define QUOTA_TALLY_H

#include "limit.h"
#include "ring.h"

struct tally {
	struct ring *ring;
};

/* `name` is the counter's, and not copied. -1: no memory. */
int tally_init(struct gw_call *call, struct limit *limit, struct tally *tally, const char *name);
void tally_finish(struct tally *tally);

/* In the window that `now` is in. */
struct sum tally_sum(const struct gw_call *call, struct limit *limit, struct tally *tally,
		     int64_t now);
/* False: there is no room for so much; never where there is no limit. */
bool tally_reserve(const struct gw_call *call, struct limit *limit, struct tally *tally,
		   int64_t now, int64_t amount);
/* Of what was reserved at `when` so much is no longer on its way, and `back` of it was not used. */
void tally_settle(const struct gw_call *call, struct tally *tally, int64_t when, int64_t amount,
		  int64_t back);

/* When what is counted began to be, and when the next of it goes. */
int64_t tally_began(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now);
int64_t tally_opens(const struct gw_call *call, struct limit *limit, struct tally *tally,
		    int64_t now);

/* --- upgrade.c: takes over what releases before this one have counted --- */
void tally_upgrade(struct gw_call *call, struct limit *limit, struct tally *tally,
		   const char *name);

#endif
