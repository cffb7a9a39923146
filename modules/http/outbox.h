/* outbox.h - from what happens to what is kept: events go into the store by a thread of their own,
 * many with one sync, and nobody who tells of one waits for it.
 *
 * Bounces are not taken from who tells of them: their records are read on from where they were read
 * last, and what the telling says is only that there is one. So the event of a bounce is owed from
 * its record on, whatever is killed when. */
#ifndef HTTP_OUTBOX_H
#define HTTP_OUTBOX_H

#include "conf.h"
#include "event_store.h"
#include "ticks.h"

struct outbox;

/* `kept(arg)` runs on the thread when there is something new in the store. NULL: no memory, or no
 * thread. */
struct outbox *outbox_begin(struct gw_call *call, const struct http_conf *conf,
			    struct event_store *store, const struct ticks *ticks,
			    void (*kept)(void *arg), void *arg);
/* What is in it is kept first. NULL is fine. */
void outbox_end(struct outbox *outbox);

/* Somebody wants to have events of that name. [any thread] */
bool outbox_wants(const struct http_conf *conf, struct gw_str name);
/* Copied; dropped, counted and told where too many wait. [any thread] */
void outbox_put(struct outbox *outbox, const struct event *event);
/* There may be new records of bounces. [any thread] */
void outbox_look(struct outbox *outbox);

#endif
