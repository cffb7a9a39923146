/* expiry.h - mail whose time is over is looked for once an hour, when the clock may decide that.
 * Its members are the indexer's thread's, but for those that others set. */
#ifndef ARCHIVE_EXPIRY_H
#define ARCHIVE_EXPIRY_H

#include "removal.h"
#include "trust.h"

struct expiry {
	int64_t last; /* ms: when it was looked for last */
	struct trust trust;
	bool has_trust; /* it was read */

	atomic_bool asked, sure;     /* the admin wants it now; and says that the clock is right */
	atomic_llong confirmed;      /* ms: when somebody else had the same time last */
	atomic_bool waits_for_clock; /* nobody says that it is right */
	atomic_ullong removed;       /* mails */
};

/* `what` has the store, the indexer, the remote and what stops it. */
void expiry_look(struct expiry *expiry, const struct removal *what);

#endif
