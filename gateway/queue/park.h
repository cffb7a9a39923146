/* park.h - messages that wait for a relay rather than for a time.
 *
 * A relay that is down, or that has all it can take, costs nothing but the entries that wait for it: they are kept here by relay, in one
 * line for each client, and come out in turn from each line, so one client's hundred thousand do not stand before another's one. A parked
 * entry is in the heap too: its time comes even if the relay never does. */
#ifndef QUEUE_PARK_H
#define QUEUE_PARK_H

#include "base/map.h"
#include "queue/queue.h"

struct parks {
	struct str_map by_relay; /* struct park */
	struct str_map aside;    /* those that are being called back */
};

/* Puts the entry at the end of its client's line; without memory it is simply not parked. */
void park_put(struct parks *parks, struct queue_entry *entry, struct gw_str relay, struct gw_str client);

/* Takes it out of its line; one that is in none is fine. */
void park_take(struct queue_entry *entry);

/* The entry whose turn it is at that relay, taken out; NULL: none waits. */
struct queue_entry *park_next(struct parks *parks, struct gw_str relay);

/* Puts all that waits for the relay aside, behind what was put aside before. False: nothing waits. */
bool park_set_aside(struct parks *parks, struct gw_str relay);

/* Hands up to `most` of each relay's that were put aside to `call`. False: that was all. */
bool park_call_aside(struct parks *parks, size_t most, void (*call)(void *arg, struct queue_entry *entry), void *arg);

/* Each that waits for the relay, or for a site of it, in no order. */
void park_each(const struct parks *parks, struct gw_str relay, void (*each)(void *arg, const struct queue_entry *entry), void *arg);

void parks_finish(struct parks *parks); /* the entries are not touched */

#endif
