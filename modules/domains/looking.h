/* looking.h - looks at the DNS: on a worker, which never waits, again and again as the answers' TTL
 * says; and once on the main thread before a strict configuration begins. */
#ifndef DOMAINS_LOOKING_H
#define DOMAINS_LOOKING_H

#include "instance.h"

/* The hooks of these names. */
void looking_worker_start(struct gw_call *call);
void looking_worker_stop(struct gw_call *call);
void looking_tick(struct gw_call *call);
void looking_dns(struct gw_call *call, const struct gw_dns_answer *answer, void *arg);

/* In start: all of it, within so many ms; what has no answer by then is not known. `report` is the
 * caller's to clear. */
void looking_wait(struct gw_call *call, const struct plan *plan, int64_t ms, struct report *report);

#endif
