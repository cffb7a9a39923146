/* admission.h - from an accepted connection to a session: whether there is room for it, and for
 * whom a load balancer connects. */
#ifndef RECEIVE_ADMISSION_H
#define RECEIVE_ADMISSION_H

#include "base/list.h"
#include "module/snapshot.h"

#include <sys/resource.h>
#include <sys/socket.h>

/* Of one worker. */
struct admission {
	struct worker *worker;
	struct list_link sessions;
	struct list_link preface_waits; /* load balancers that have not said for whom they come */
	int64_t swept; /* monotonic ms: when idle clients were last asked to leave */
	/* descriptor that a client may get: the lowest free one is given, so a higher one says that
	 * few are left */
	rlim_t highest;
};

void admission_init(struct admission *admission, struct worker *worker);

/* Takes over an accepted descriptor. The listener is of the snapshot, which whoever stays holds. */
void admission_accept(struct admission *admission, int fd, const struct sockaddr *peer,
		      struct snapshot *snapshot, const struct listen_settings *listener);

/* One line on a socket that nobody serves; whether it gets there does not matter. */
void admission_refuse(int fd, const char *why);

/* Forgets those who have not said for whom they come. */
void admission_close(struct admission *admission);

#endif
