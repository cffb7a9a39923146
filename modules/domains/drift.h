/* drift.h - what went wrong since the last look: told once, before mail comes back. */
#ifndef DOMAINS_DRIFT_H
#define DOMAINS_DRIFT_H

#include "report.h"

/* Tells of errors in `now` that were not there the last time, in this process or the one before it,
 * and of their end. What the DNS does not tell now is as it was. */
void drift_tell(struct gw_call *call, const struct report *now);

#endif
