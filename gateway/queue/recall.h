/* recall.h - calls back what waits in the queue for a relay or at a key, on all workers, without a
 * burst. [any thread] */
#ifndef QUEUE_RECALL_H
#define QUEUE_RECALL_H

#include <gateway/str.h>

/* All that waits for the relay now, a little at a time. What comes to wait for it meanwhile is not
 * meant. */
void recall_relay(struct gw_str relay);

/* The same of all that waits for anything but its time: a new configuration may have another
 * answer. */
void recall_all(void);

/* About `count` of what waits at the key. */
void recall_key(struct gw_str key, size_t count);

#endif
