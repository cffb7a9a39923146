/* drift.h - what went wrong since the last look: told once, before mail comes back. */
#ifndef DOMAINS_DRIFT_H
#define DOMAINS_DRIFT_H

#include "report.h"

/* Tells of errors in `now` that were not there `before` (NULL: in the process before this one, if
 * there was one), and of their end. */
void drift_tell(struct gw_call *call, const struct report *before, const struct report *now);

#endif
