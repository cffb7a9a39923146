/* outgoing.h - what has to be known when a bounce comes to a return path of ours: remembered before
 * the message leaves with it. */
#ifndef BOUNCE_OUTGOING_H
#define BOUNCE_OUTGOING_H

#include "bounce.h"
#include "store.h"

/* What is known of the message; not until when, and through which relay. */
void outgoing_describe(struct gw_call *call, struct gw_message *message, struct sent *sent);

/* In prepare: remembers the message on the pool, then sets the return path. */
enum gw_verdict outgoing_own(struct gw_call *call, struct gw_delivery *delivery,
			     const char *address, int64_t until);

#endif
