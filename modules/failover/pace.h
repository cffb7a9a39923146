/* pace.h - slows a relay down when its next hop asks for it, and lets go of it again. throttle.h
 * has the steps. */
#ifndef FAILOVER_PACE_H
#define FAILOVER_PACE_H

#include "book.h"

/* Under the book's lock: an attempt that began then was told that we are too fast. */
void pace_slow(struct gw_call *call, const struct gw_relay *relay, struct book *book,
	       int64_t began);

/* Once a second: a step back after a quiet minute; the next message, when it is its turn. */
void pace_recover(struct gw_call *call, const struct gw_relay *relay, struct book *book);

/* Tells the gateway how many connections there may be: one while the relay is on trial. */
void pace_apply(struct gw_call *call, const struct gw_relay *relay, struct book *book);

/* As fast as configured, at once. */
void pace_reset(struct gw_call *call, const struct gw_relay *relay, struct book *book);

/* Where mail waits for its turn. */
#define KEY_MAX 300
struct gw_str key_name(const struct gw_relay *relay, char out[KEY_MAX]);

/* "slowed to 1 connection, one message each 4 s" */
#define PACE_MAX 80
const char *pace_text(const struct throttle *throttle, char out[PACE_MAX]);

#endif
