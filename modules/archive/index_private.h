/* index_private.h - the months of an index. */
#ifndef ARCHIVE_INDEX_PRIVATE_H
#define ARCHIVE_INDEX_PRIVATE_H

#include "index.h"

#include <sqlite3.h>

#define MONTHS_OPEN                                                                                \
	12 /* and those that are being written: to open one takes as long as to ask it */

enum index_query {
	GET_POSITION,
	SET_POSITION,
	FIND_MAIL,
	ADD_MAIL,
	ADD_COPY,
	ADD_PERSON,
	ADD_WORDS,
	ADD_LEFT,
	ADD_OUTCOME,
	DROP_WORDS,
	DROP_MAIL,
	DROP_COPIES,
	DROP_PERSONS,
	DROP_LEFT,
	DROP_OUTCOMES,
	ADD_DOOMED,
	DROP_DOOMED,
	GET_ORDER,
	SET_SKEW,
	QUERIES
};

enum person_role { PERSON_SENDER, PERSON_RECIPIENT };

struct month {
	struct month *next;
	char name[8];
	sqlite3 *db;
	sqlite3_stmt *statements[QUERIES];
	bool in_transaction;
	/* of all that was added the newest time, and by how much another was behind it at most */
	int64_t newest, skew;
};

struct index {
	char *folder;
	bool writes;
	struct month *months; /* the last that was asked is the first */
	bool is_unmade;       /* the last that could not be opened has no tables yet */
};

/* The month of that name ("2026-11", and more behind it); NULL: it is not made yet (is_unmade), or
 * cannot be opened, and nobody knows what is in it. It is the index's,
 * until other months are asked for. */
struct month *index_month(struct index *index, const char *name);
/* Names of all months, the newest first; to be unref'd. */
GPtrArray *index_names(const struct index *index);
void month_close(struct month *month);
bool month_run(struct month *month, enum index_query query);

#endif
