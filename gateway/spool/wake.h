/* wake.h - when the commit thread sleeps, and what wakes it; turns of the two threads. */
#ifndef SPOOL_WAKE_H
#define SPOOL_WAKE_H

#include "spool/spool.h"

/* What wakes the commit thread. An append that nobody waits for rides with the next group, or goes
 * out within LAZY_MS. */
enum sleep_mode { SLEEP_NONE, SLEEP_ANY, SLEEP_URGENT, SLEEP_BATCH };
#define LAZY_MS 2
#define BATCH_ENOUGH 8 /* appends that share a sync: it is not put off for more */

void wake_for(struct spool *spool, bool urgent); /* wake.c: an append was queued */
/* wake.c, the commit thread: until there is some, at most ms; -1: for ever */
void wait_for_work(struct spool *spool, int64_t ms);
/* wake.c, the commit thread: for a moment, while more is known to come that may share a sync */
void wait_for_batch(struct spool *spool);

/* threads.c: from now on turns are taken, until threads_stop; -1 with errno: they are not. */
int threads_start(struct spool *spool);
void threads_stop(struct spool *spool);

#endif
