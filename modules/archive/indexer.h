/* indexer.h - the thread that reads what was archived, and makes it found. It runs when nobody else
 * wants the processor, and never in the way of a mail. */
#ifndef ARCHIVE_INDEXER_H
#define ARCHIVE_INDEXER_H

#include "store.h"

#include <stdatomic.h>

struct indexer;

struct remote;

/* NULL: no memory. `remote`: for what is not here, used by its thread alone; NULL: nobody has it.
 */
struct indexer *indexer_start(struct store *store, struct remote *remote);
/* Ends it where it is: it goes on there. */
void indexer_stop(struct indexer *indexer);

/* True when all that is on disk can be found. */
bool indexer_is_done(struct indexer *indexer);
/* Waits until all that had been written up to now can be found. False: `stop`, or it cannot be. */
bool indexer_wait(struct indexer *indexer, const atomic_bool *stop);
/* The day it is at, as 20261128; 0: it has not begun. */
unsigned indexer_day(struct indexer *indexer);
/* Nothing is removed until somebody says what time it is (trust.h). */
bool indexer_waits_for_clock(struct indexer *indexer);
/* Somebody else says that it is `now`. */
void indexer_confirm_clock(struct indexer *indexer, int64_t now);
/* What is over is removed at once; `sure`: the admin says that the clock is right. */
void indexer_expire(struct indexer *indexer, bool sure);
/* Mails that it removed, since their time was over. */
uint64_t indexer_removed(struct indexer *indexer);
/* For who changes the index besides: it rests meanwhile. */
void indexer_pause(struct indexer *indexer);
void indexer_resume(struct indexer *indexer);

#endif
