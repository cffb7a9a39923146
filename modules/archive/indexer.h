/* indexer.h - the thread that reads what was archived, and makes it found. It runs when nobody else
 * wants the processor, and never in the way of a mail. */
#ifndef ARCHIVE_INDEXER_H
#define ARCHIVE_INDEXER_H

#include "store.h"

#include <stdatomic.h>

struct indexer;

/* NULL: no memory. */
struct indexer *indexer_start(struct store *store);
/* Ends it where it is: it goes on there. */
void indexer_stop(struct indexer *indexer);

/* True when all that is on disk can be found. */
bool indexer_is_done(struct indexer *indexer);
/* Waits until all that had been written up to now can be found. False: `stop`, or it cannot be. */
bool indexer_wait(struct indexer *indexer, const atomic_bool *stop);
/* Mails that it removed, since their time was over. */
uint64_t indexer_removed(struct indexer *indexer);
/* For who changes the index besides: it rests meanwhile. */
void indexer_pause(struct indexer *indexer);
void indexer_resume(struct indexer *indexer);

#endif
