/* outgoing.h - what has to be known when a bounce comes to a return path of ours: remembered before
 * the message leaves with it. */
#ifndef BOUNCE_OUTGOING_H
#define BOUNCE_OUTGOING_H

#include "bounce.h"
#include "store.h"

/* What is known of the message as a whole: neither its recipients, which it may have many of, nor
 * its header. */
void outgoing_describe(struct gw_call *call, struct gw_message *message, struct sent *sent);

/* A delivery of one recipient has a return path of its own. */
struct path outgoing_path(struct gw_delivery *delivery);

/* In prepare: remembers the message on the pool until then, and sets the return path. `which` is
 * what it is called for counters and people: "own", "from", "custom"; all but "own" are found by
 * their Message-ID. */
enum gw_verdict outgoing_remember(struct gw_call *call, struct gw_delivery *delivery,
				  const char *address, const char *which, int64_t until);

/* Sets it alone. */
enum gw_verdict outgoing_set(struct gw_call *call, struct gw_delivery *delivery,
			     const char *address, const char *which);

#endif
