/* store_private.h - what the files of the store share. */
#ifndef BOUNCE_STORE_PRIVATE_H
#define BOUNCE_STORE_PRIVATE_H

#include "rows.h"

#include <pthread.h>

#include <sqlite3.h>

enum query_id {
	BEGIN,
	COMMIT,
	ROLLBACK,
	ADD_SENT,
	ADD_BOUNCE,
	ADD_REPORT,
	ADD_TALLY,
	ADD_LEARNED,
	PAY,
	FORGET_SENT,
	FORGET_BOUNCES,
	FORGET_REPORTS,
	FORGET_TALLIES,
	FORGET_SUPPRESSIONS,
	STORE_QUERIES
};

struct store {
	struct store *next;
	char *path;
	unsigned users;
	pthread_mutex_t lock; /* of the writer */
	sqlite3 *db;
	sqlite3_stmt *statements[STORE_QUERIES];
	bool is_durable; /* a commit is on disk when it returns */
	int64_t forgot;  /* ms: when that was done last */
	pthread_mutex_t reading;
	sqlite3 *reader;
	GHashTable *questions; /* statements of the reader, by their text */
	struct writer *writer;
	struct keeper *keeper;
	struct suppressed *suppressed; /* what is in the table, for who has no time */
};

/* --- store_sql.c --- */

extern const char store_schema[];
/* Of a store of before the first release nothing is kept but whom mail does not go to. */
extern const char store_anew[];
/* Numbers that a power cut took back were told to readers, and must not be given again: no more
 * rows than these are ever without a sync. Both with what the kernel calls this boot. */
extern const char store_skip_numbers[];
extern const char store_note_boot[];
extern const char *const store_queries[STORE_QUERIES];

/* --- suppression.c --- */

/* NULL: no memory, or the table cannot be read. */
struct suppressed *suppressed_load(sqlite3 *db);
void suppressed_free(struct suppressed *suppressed);
/* Of a bounce, in its transaction; suppression_learned() when that is committed. False: it failed.
 */
bool suppression_learn(struct store *store, const struct record *record, int64_t number);
void suppression_learned(struct store *store, const struct record *record);
/* Those in memory that are over, as the table has none of them. */
void suppression_forget(struct store *store, int64_t now);

/* --- store_read.c: under `reading` --- */

/* A statement of the reader, kept for who asks the same again; to be ended with store_clear().
 * NULL: it cannot be prepared, as store_prepare() says. */
sqlite3_stmt *store_question(struct store *store, const char *sql);

/* --- store.c --- */

int store_run(sqlite3 *db, const char *sql);
/* One that has nothing to be bound. Under the lock; false: it failed. */
bool store_does(struct store *store, enum query_id query);
/* NULL: it cannot be prepared; whatever SQLite is asked of that then fails. To be finalized. */
sqlite3_stmt *store_prepare(sqlite3 *db, const char *sql);

/* A prepared statement, its store locked until store_end(). */
sqlite3_stmt *store_begin(struct store *store, enum query_id query);
/* What was bound is the caller's: it is not kept. NULL is fine. */
void store_clear(sqlite3_stmt *statement);
void store_end(struct store *store, sqlite3_stmt *statement);

/* Of the commits from now on. Under the lock. */
bool store_set_durable(struct store *store, bool durable);
/* What came from outside is no UTF-8 always; SQLite does not mind. */
void store_bind(sqlite3_stmt *statement, int at, const char *text);
const char *store_text(sqlite3_stmt *statement, int at);

#endif
