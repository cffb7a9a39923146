/* janitor.h - segments that are needed no more, or hardly: removed, or moved together. */
#ifndef SPOOL_JANITOR_H
#define SPOOL_JANITOR_H

#include "spool/segment.h"

/* Removes, prepares, measures, compacts; true: the disk is full. */
bool janitor_turn(struct spool *spool);
/* Waits until there is something to do; false: the spool is closed. */
bool janitor_rest(struct spool *spool, bool full);
void janitor_measure(struct spool *spool); /* what is free on the disk */
void janitor_reclaim(struct spool *spool); /* removes what nothing needs */
/* 0; SPOOL_DAMAGED: what it needs is not all readable, and never will be; another below 0:
 * something failed for now. */
int compact_segment(struct spool *spool, struct segment *segment);

#endif
