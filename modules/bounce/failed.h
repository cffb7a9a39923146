/* failed.h - a recipient that failed for good, or is late, in a session of ours: what that means.
 */
#ifndef BOUNCE_FAILED_H
#define BOUNCE_FAILED_H

#include "bounce.h"

/* The hook: tells explain, the log and whoever listens to events. It has no say. */
enum gw_verdict failed_bounce(struct gw_call *call, struct gw_message *message,
			      const struct gw_result *result);

#endif
