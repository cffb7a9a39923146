/* event_store_private.h - what the files of the store share. */
#ifndef HTTP_EVENT_STORE_PRIVATE_H
#define HTTP_EVENT_STORE_PRIVATE_H

#include "event_store.h"

#include <pthread.h>

#include <sqlite3.h>

enum query {
	BEGIN,
	COMMIT,
	ROLLBACK,
	ADD,
	SET_BOUNCES,
	GET_ID,
	GET_BOUNCES,
	EACH,
	NEWEST,
	ADD_HOOK,
	GET_HOOK,
	SET_HOOK,
	NEXT_HOOK,
	DROP_HOOK,
	BURY,
	DEAD_EACH,
	DEAD_DUE,
	DEAD_COUNT,
	DEAD_RESEND,
	DEAD_DROP,
	DEAD_AGAIN,
	DEAD_OLD,
	DEAD_MANY,
	OLDEST,
	OWED,
	FORGET,
	QUERIES
};

struct event_store {
	pthread_mutex_t lock;
	sqlite3 *db;
	sqlite3_stmt *statements[QUERIES];
	int64_t id; /* of this store among all that there ever were */
};

/* Under the lock: a statement to be bound, then run. */
sqlite3_stmt *query_begin(struct event_store *store, enum query query);
int query_run(struct event_store *store, enum query query);
int64_t query_number(struct event_store *store, enum query query); /* -1: none */
/* With that bound first: how many rows it changed; -1: it failed. */
int64_t query_change(struct event_store *store, enum query query, int64_t first);
void query_text(sqlite3_stmt *statement, int nth, struct gw_str text);
struct gw_str query_column(sqlite3_stmt *statement, int nth);

/* A transaction with the lock; the second commits where `result` is 0, and gives -1 where that
 * failed. */
int store_begin(struct event_store *store);
int store_end(struct event_store *store, int result);

#endif
