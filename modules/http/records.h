/* records.h - the records of bounces, read on from where they were read last, into the store: asked
 * of `bounce list`, in pages. How far they were read is on disk with what was read. */
#ifndef HTTP_RECORDS_H
#define HTTP_RECORDS_H

#include "conf.h"
#include "event_store.h"
#include "ticks.h"

struct records;

/* `wake(arg)` when an answer is there, on any thread. */
struct records *records_create(struct gw_call *call, const struct http_conf *conf,
			       struct event_store *store, const struct ticks *ticks,
			       void (*wake)(void *arg), void *arg);
void records_destroy(struct records *records); /* NULL is fine; nothing is asked by then */

void records_look(struct records *records); /* there may be new ones [any thread] */

/* It is time for a step: `now` is ms of the monotonic clock. [the thread that steps] */
bool records_due(const struct records *records, int64_t now);
/* How long a hint waits, so that many are answered together: ms, 0: not at all. [the same] */
int64_t records_gap(const struct records *records, int64_t now);
/* Takes an answer, asks the next question. True: something was kept. */
bool records_step(struct records *records, int64_t now);

#endif
