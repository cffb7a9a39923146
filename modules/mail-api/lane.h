/* lane.h - what all workers, and the instances before and after a reload, know of one relay: how
 * many messages are on their way there, and until when its API wants none. */
#ifndef MAIL_API_LANE_H
#define MAIL_API_LANE_H

#include <gateway/module.h>

#include <stdatomic.h>

struct lane {
	struct lane *next;
	unsigned refs;
	char *name;                      /* of the relay */
	atomic_int_fast64_t open, until; /* until: ms since 1970 UTC */
};

/* Main thread; NULL: no memory. */
struct lane *lane_hold(struct gw_str relay);
void lane_release(struct lane *lane);

/* False: there are `most` on their way. */
bool lane_enter(struct lane *lane, int64_t most);
void lane_leave(struct lane *lane);
/* Not before the time that is named by the latest answer. */
void lane_pause(struct lane *lane, int64_t until);

#endif
