/* registry.h - sender domains that an admin added, and whether they were seen to be right: records
 * that outlive the process. */
#ifndef DOMAINS_REGISTRY_H
#define DOMAINS_REGISTRY_H

#include <gateway/module.h>

enum standing { STANDING_UNKNOWN, STANDING_UNVERIFIED, STANDING_VERIFIED };
extern const char *const standings[];

/* The domain in A-labels, in all of these. [any] */
enum standing registry_standing(const struct gw_call *call, struct gw_str domain);
void registry_set(const struct gw_call *call, struct gw_str domain, enum standing standing);
void registry_drop(const struct gw_call *call, struct gw_str domain);
void registry_each(const struct gw_call *call, int (*each)(void *arg, struct gw_str domain),
		   void *arg);

#endif
