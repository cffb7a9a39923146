/* recover.h - what a start finds in the files, and what it sets aside. */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include "spool/index.h"
#include "spool/scan.h"

/* Reads all segments, and takes the latest of each message into the index; what is torn or damaged
 * is set aside and told, and never cut unread. Then replays. -1: told in problems. */
int recover_run(struct spool *spool, spool_found_fn *found, void *arg, struct problems *problems);
/* replay.c: calls `found` for each queued message, in the order of the log, and drops those that
 * are not whole. */
int replay_run(struct spool *spool, struct read_buffer *buffer, struct place unproven,
	       spool_found_fn *found, void *arg);
/* quarantine.c: copies the range to quarantine/ (where it is not already) and logs it. */
void quarantine(struct spool *spool, uint32_t segment, uint32_t from, uint32_t to, uint64_t id,
		const char *why);

#endif
