/* index_ask.h - what a search asks a month, as SQL. What the caller said is bound, never written
 * into it.
 *
 * First the numbers of the hits are found, the newest first, so that the search ends with the last
 * that is wanted; what is told of them is looked up after that. One of the conditions leads: its
 * rows come in the order of the numbers, and each is held to the others. That is the one with the
 * fewest, as far as a short look tells. */
#ifndef ARCHIVE_INDEX_ASK_H
#define ARCHIVE_INDEX_ASK_H

#include "index_private.h"

#define MOST_BOUND 24

struct asking {
	struct month *month;
	const struct query *query;
	int64_t first, last; /* numbers between which the hits are */
	GString *sql;
	char *match;             /* what the words have to match; NULL: nothing */
	char *texts[MOST_BOUND]; /* of ?1, ?2, ...; NULL: a number */
	int64_t numbers[MOST_BOUND];
	int bound;
};

/* The hits before the number `before`; 0: all. `whole`: all of the month is within since and until.
 * NULL: it failed. */
sqlite3_stmt *asking_begin(struct asking *asking, struct month *month, const struct query *query,
			   bool whole, int64_t before, int64_t limit);
void asking_end(struct asking *asking);

#endif
