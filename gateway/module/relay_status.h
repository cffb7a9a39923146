/* relay_status.h - may this relay be used now, and if not: why, and until when.
 *
 *   off          the configuration says enabled = false; ends with the reload that says otherwise
 *   closed       a module or an admin says so, one closure for each owner (the module's name,
 *                "gatewayctl"); ends by its owner, at its time, by an admin's `resume` (of those
 *                with GW_CAUSE_FAILURE), and with the reload that has its module no more
 *   unreachable  the SMTP client can make no link; ends with the first one
 *   short        this machine lacks what a link needs: no other relay would do better
 *   crowded      as much waits there as keeps it busy
 *
 * The first of them that holds is the answer. The first two are kept here, and
 * relay_status_is_open() tells of them; client/usable.h has the whole answer, since it is the
 * client that knows the rest. A pace is no reason not to use a relay: its mail waits there for a
 * connection.
 *
 * By relay name, so it outlives reloads; not restarts: who closed a relay closes it again. Times
 * are wall clock, ms. Strings are copied. [any thread] */
#ifndef MODULE_RELAY_STATUS_H
#define MODULE_RELAY_STATUS_H

#include "module/settings.h"

#include <gateway/module.h>

/* Who closes for an admin. */
#define RELAY_STATUS_ADMIN "gatewayctl"
#define RELAY_STATUS_BY 64
#define RELAY_STATUS_WHY 512

struct snapshot;

enum relay_reason {
	RELAY_USABLE,
	RELAY_OFF,
	RELAY_CLOSED,
	RELAY_UNREACHABLE,
	RELAY_SHORT,
	RELAY_CROWDED
};

/* Why a relay is not to be used now; not touched where it is. */
struct relay_refusal {
	enum relay_reason reason;
	enum gw_cause cause; /* for which mail leaves it */
	/* closed: until then, 0: until somebody opens it. unreachable: tried then; else 0 */
	int64_t until;
	char by[RELAY_STATUS_BY]; /* closed: who did; else empty */
	char why[RELAY_STATUS_WHY];
};

/* Neither off nor closed: costs a load where it is so. `urgent`: tried whatever failed; a closure
 * with GW_CAUSE_FAILURE is none. */
bool relay_status_is_open(struct gw_relay *relay, int64_t now, bool urgent,
			  struct relay_refusal *refusal);

/* The closure that lasts longest. False: there is none. */
bool relay_status_closed(struct gw_relay *relay, int64_t now, struct relay_refusal *closure);

/* --- closures --- */

/* Closes the relay for this owner; what the owner said before is replaced. -1: no memory. */
int relay_status_close(struct gw_str relay, struct gw_str by, enum gw_cause cause, int64_t until,
		       struct gw_str why);

/* Takes the owner's closure back; with `by` empty those of all owners that have this cause. False:
 * there was none. */
bool relay_status_open(struct gw_str relay, struct gw_str by, enum gw_cause cause);

/* --- the pace --- */

/* At most so many connections for this owner, 0: it does not mind. Without memory nothing is
 * lowered. */
void relay_status_pace(struct gw_relay *relay, struct gw_str by, int64_t connections);
/* The connections the relay may have now: as configured, unless somebody set a lower pace. */
int64_t relay_status_connections(struct gw_relay *relay);

/* --- what changes it from outside --- */

/* Takes back the closures and paces of modules that a new configuration has no more: nobody else
 * would. Of those that are none (gatewayctl) nothing. */
void relay_status_keep(const struct snapshot *snapshot);

/* Drops closures whose time is over; once a second. */
void relay_status_tick(int64_t now);

/* Told of each relay that was closed and now is not, under no lock, on the thread that opened it.
 * Set once, before workers start. */
void relay_status_set_opened(void (*opened)(struct gw_str relay));

#endif
