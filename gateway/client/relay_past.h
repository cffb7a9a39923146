/* relay_past.h - when each relay took mail last, and what failed last: for people, over restarts.
 *
 * It is kept in the state store with what is written there anyway, each minute and at a stop; a
 * kill loses the last minute of it. */
#ifndef CLIENT_RELAY_PAST_H
#define CLIENT_RELAY_PAST_H

#include "client/slots.h"

/* What was kept of a relay of that name; before anybody else has `shared`. */
void relay_past_load(struct relay_shared *shared);

/* Of all relays, where it changed since it was kept or loaded; one thread at a time. */
void relay_past_save(void);

#endif
