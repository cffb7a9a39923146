/* group.h - appends that are written and synced together. All of it is the commit thread's. */
#ifndef SPOOL_GROUP_H
#define SPOOL_GROUP_H

#include "spool/append.h"
#include "spool/gather.h"

#define GROUP_BYTES (16u << 20)

struct group {
	struct gather gather;
	struct appends members;
	size_t count, messages;
	bool durable, only_moves, has_next;
};

/* commit.c: writes all that waits and answers it; false: the spool is closing, and nothing waits.
 */
bool commit_turn(struct spool *spool);
void commit_rest(struct spool *spool);   /* until there is something to do */
void commit_finish(struct spool *spool); /* the last turn: what cannot be written is refused */
void commit_forget(struct spool *spool); /* frees what was appended after the last turn */

/* group.c: makes the next group of what waits, and gives in `done` what was answered without being
 * written: it has its result, and group_answer is owed. */
void group_build(struct spool *spool, struct appends *done);

/* write.c: each caller hears of its append, on the worker that it named; those that are the spool's
 * own are freed. Empties the list. */
void group_answer(struct spool *spool, struct appends *list);

/* Writes the group, syncs it where somebody waits for that, refers to its records, and
 * answers its members; none hears that it is kept before it is on stable storage. */
void group_run(struct spool *spool);
/* All that was written is on stable storage then. -1: it may not be, and the segment is given up.
 */
int group_sync(struct spool *spool);
/* The current segment has room for a record of `need` bytes: the next prepared one takes over where
 * it had not. SPOOL_FULL, SPOOL_FAILED: there is none. */
enum spool_result group_open_segment(struct spool *spool, uint32_t need);

/* encode.c: the record, or the SEAL, goes to the group's pieces; gather_fits said that it may. */
void group_encode(struct spool *spool, struct spool_append *append);
void group_encode_seal(struct spool *spool);

#endif
