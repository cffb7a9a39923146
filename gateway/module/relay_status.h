/* relay_status.h - which relays take no mail for now, who says so and why, and how many connections
 * one may have at the moment.
 *
 * By relay name, so it outlives reloads; not restarts: who closed a relay closes it again. One
 * closure for each relay and owner (a module's name, "gatewayctl"). Times are wall clock, ms.
 * Strings are copied. [any thread] */
#ifndef MODULE_RELAY_STATUS_H
#define MODULE_RELAY_STATUS_H

#include "module/settings.h"

#include <gateway/module.h>

/* Who closes for an admin. */
#define RELAY_STATUS_ADMIN "gatewayctl"
#define RELAY_STATUS_BY 64
#define RELAY_STATUS_WHY 512

struct snapshot;

struct relay_status_closure {
	enum gw_cause cause;
	int64_t until; /* 0: until somebody opens it */
	char by[RELAY_STATUS_BY];
	char why[RELAY_STATUS_WHY];
};

/* Closes the relay for this owner; what the owner said before is replaced. -1: no memory. */
int relay_status_close(struct gw_str relay, struct gw_str by, enum gw_cause cause, int64_t until,
		       struct gw_str why);

/* Takes the owner's closure back; with `by` empty those of all owners that have this cause. False:
 * there was none. */
bool relay_status_open(struct gw_str relay, struct gw_str by, enum gw_cause cause);

/* Takes back the closures of modules that a new configuration has no more: nobody else would. Of
 * those that are none (gatewayctl) nothing. */
void relay_status_keep(const struct snapshot *snapshot);

/* The closure that lasts longest. False: the relay is open. Costs a load where nothing is closed.
 */
bool relay_status_closed(struct gw_relay *relay, int64_t now, struct relay_status_closure *closure);

/* The connections the relay may have now: as configured, unless a module set a lower pace. */
int64_t relay_status_connections(struct gw_relay *relay);
void relay_status_pace(struct gw_relay *relay, int64_t connections); /* 0: as configured */

/* Drops closures whose time is over; once a second. */
void relay_status_tick(int64_t now);

/* Told of each relay that was closed and now is not, under no lock, on the thread that opened it.
 * Set once, before workers start. */
void relay_status_set_opened(void (*opened)(struct gw_str relay));

#endif
