/* wait.h - messages that wait for something else than a time, and what wakes them.
 *
 * A wait key names it: "NAME" or "NAME/hosts", a relay (or a site of it) to be reachable or to have
 * room; "open:NAME", a relay to be opened; "key:MODULE/...", whatever the module says. A message
 * may wait for several at once; whichever comes first wakes it. Under each key there is a queue for
 * each client, served in turn, so one client's hundred thousand do not stand before another's one;
 * in a client's queue the message that came in first stands first, however often it waited. What
 * waits is in the heap too: its time comes even if nothing wakes it. */
#ifndef QUEUE_WAIT_H
#define QUEUE_WAIT_H

#include "base/map.h"
#include "queue/queue.h"

#define WAIT_OPEN "open:"
#define WAIT_KEYS 8 /* of one message at most; by the others it is not woken */

struct waits {
	struct str_map keys;    /* struct wait_key */
	struct list_link woken; /* keys whose entries are woken, a few at a time */
};

void waits_init(struct waits *waits);
void waits_finish(struct waits *waits); /* the entries are not touched */

/* The entry waits for this too. Without memory nothing wakes it but its time. */
void waits_put(struct waits *waits, struct queue_entry *entry, struct gw_str key,
	       struct gw_str client);

/* The entry waits for nothing any more. */
void waits_take(struct waits *waits, struct queue_entry *entry);

/* The entry whose turn it is under that key, taken out; NULL: none waits. */
struct queue_entry *waits_next(struct waits *waits, struct gw_str key);

/* All that waits now under the keys that `which` says is woken: waits_next_woken gives it, taken
 * out; NULL: that was all. What comes to wait under such a key from now on is not meant. */
void waits_wake(struct waits *waits, bool (*which)(const void *arg, struct gw_str key),
		const void *arg);
struct queue_entry *waits_next_woken(struct waits *waits);

/* The keys of one entry, from NULL on. */
const struct wait *waits_of(const struct queue_entry *entry, const struct wait *after,
			    struct gw_str *key);

/* Each that waits for the relay: to open, to be reachable, to have room; in no order, and once for
 * each key. */
void waits_each(const struct waits *waits, struct gw_str relay,
		void (*each)(void *arg, const struct queue_entry *entry), void *arg);

/* Whether the key is about the relay. */
bool wait_is_for(struct gw_str key, struct gw_str relay);

#endif
