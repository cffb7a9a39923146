#include "event_store_private.h"

#include "../common/private_file.h"

#include <stdio.h>
#include <stdlib.h>

#include <glib.h>

#define BUSY_MS 5000
#define FORGET_COUNT 1000
#define FORGET_MOST G_STRINGIFY(FORGET_COUNT)

static const char schema[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=FULL;"
	"CREATE TABLE IF NOT EXISTS store(one INTEGER PRIMARY KEY CHECK(one=1),id INTEGER,bounces INTEGER);"
	"INSERT OR IGNORE INTO store VALUES(1,abs(random())&4294967295,-1);"
	"CREATE TABLE IF NOT EXISTS event(number INTEGER PRIMARY KEY AUTOINCREMENT,time INTEGER,"
	"name TEXT,client TEXT,json TEXT);"
	"CREATE TABLE IF NOT EXISTS hook(name TEXT PRIMARY KEY,cursor INTEGER,tries INTEGER,next INTEGER,"
	"since INTEGER,error TEXT) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS dead(number INTEGER PRIMARY KEY AUTOINCREMENT,hook TEXT,event INTEGER,"
	"time INTEGER,name TEXT,why TEXT,json TEXT,due INTEGER);"
	"CREATE INDEX IF NOT EXISTS dead_hook ON dead(hook,due);"
	"CREATE INDEX IF NOT EXISTS dead_time ON dead(time);";

static const char *const queries[QUERIES] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[ADD] = "INSERT INTO event(time,name,client,json) VALUES(?1,?2,?3,?4)",
	[SET_BOUNCES] = "UPDATE store SET bounces=?1 WHERE bounces=?2",
	[GET_ID] = "SELECT id FROM store",
	[GET_BOUNCES] = "SELECT bounces FROM store",
	[EACH] =
		"SELECT number,time,name,client,json FROM event WHERE number>?1 ORDER BY number LIMIT ?2",
	[NEWEST] = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name='event'),0)",
	[ADD_HOOK] =
		"INSERT OR IGNORE INTO hook SELECT ?1,coalesce((SELECT seq FROM sqlite_sequence WHERE "
		"name='event'),0),0,0,0,''",
	[GET_HOOK] = "SELECT cursor,tries,next,since,error FROM hook WHERE name=?1",
	[SET_HOOK] =
		"UPDATE hook SET cursor=?2,tries=?3,next=?4,since=?5,error=?6 WHERE name=?1 AND cursor<=?2",
	[NEXT_HOOK] = "SELECT name FROM hook WHERE name>?1 ORDER BY name LIMIT 1",
	[DROP_HOOK] = "DELETE FROM hook WHERE name=?1",
	[BURY] = "INSERT INTO dead(hook,event,time,name,why,json,due) "
		 "SELECT ?1,number,time,name,?2,json,0 FROM event WHERE number=?3",
	[DEAD_EACH] =
		"SELECT number,event,time,hook,name,why,json,due FROM dead WHERE number>?1 AND "
		"(?2='' OR hook=?2) ORDER BY number LIMIT ?3",
	/* By dead_hook: it is asked before each letter, and there may be a million that are not
	   due. */
	[DEAD_DUE] =
		"SELECT number,event,time,hook,name,why,json,due FROM dead WHERE number>?1 AND "
		"hook=?2 AND due=1 ORDER BY number LIMIT ?3",
	[DEAD_COUNT] = "SELECT count(*) FROM dead WHERE ?1='' OR hook=?1",
	[DEAD_RESEND] = "UPDATE dead SET due=1 WHERE ?1=0 OR number=?1",
	[DEAD_DROP] = "DELETE FROM dead WHERE ?1=0 OR number=?1",
	[DEAD_AGAIN] = "UPDATE dead SET due=0,why=?2 WHERE number=?1",
	[DEAD_OLD] = "DELETE FROM dead WHERE number IN (SELECT number FROM dead WHERE time<?1 "
		     "ORDER BY time LIMIT " FORGET_MOST ")",
	[DEAD_MANY] = "DELETE FROM dead WHERE number IN (SELECT number FROM dead ORDER BY number "
		      "LIMIT max(0,min(" FORGET_MOST ",(SELECT count(*) FROM dead)-?1)))",
	/* Of those alone that may go: where none is so old, all others would be looked at for it.
	 */
	[OLDEST] = "SELECT max(coalesce((SELECT max(number) FROM (SELECT number,time FROM event "
		   "ORDER BY number LIMIT " FORGET_MOST ") WHERE time<?1),0),"
		   "(SELECT seq FROM sqlite_sequence WHERE name='event')-?2)",
	[OWED] =
		"SELECT count(*) FROM event WHERE number<=min(?1,coalesce((SELECT min(number) FROM "
		"event),0)+" FORGET_MOST "-1) AND number>(SELECT min(cursor) FROM hook)",
	[FORGET] =
		"DELETE FROM event WHERE number<=min(?1,coalesce((SELECT min(number) FROM event),0)+" FORGET_MOST
		"-1)",
};

/* --- one question --- */

sqlite3_stmt *query_begin(struct event_store *store, enum query query)
{
	sqlite3_stmt *statement = store->statements[query];

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return statement;
}

int query_run(struct event_store *store, enum query query)
{
	sqlite3_stmt *statement = store->statements[query];
	int result = sqlite3_step(statement);

	sqlite3_reset(statement);
	return result == SQLITE_DONE || result == SQLITE_ROW ? 0 : -1;
}

int64_t query_number(struct event_store *store, enum query query)
{
	sqlite3_stmt *statement = store->statements[query];
	int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0)
							       : -1;

	sqlite3_reset(statement);
	return number;
}

int64_t query_change(struct event_store *store, enum query query, int64_t first)
{
	sqlite3_bind_int64(query_begin(store, query), 1, first);
	return query_run(store, query) == 0 ? sqlite3_changes(store->db) : -1;
}

void query_text(sqlite3_stmt *statement, int nth, struct gw_str text)
{
	sqlite3_bind_text(statement, nth, text.ptr ? text.ptr : "", (int)text.len, SQLITE_STATIC);
}

struct gw_str query_column(sqlite3_stmt *statement, int nth)
{
	const char *text = (const char *)sqlite3_column_text(statement, nth);

	return gw_str_n(text ? text : "", (size_t)sqlite3_column_bytes(statement, nth));
}

int store_begin(struct event_store *store)
{
	pthread_mutex_lock(&store->lock);
	query_begin(store, BEGIN);
	if (query_run(store, BEGIN) == 0)
		return 0;
	pthread_mutex_unlock(&store->lock);
	return -1;
}

int store_end(struct event_store *store, int result)
{
	if (result == 0)
		result = query_run(store, COMMIT);
	if (result != 0)
		query_run(store, ROLLBACK);
	pthread_mutex_unlock(&store->lock);
	return result;
}

/* --- beginning and end --- */

static bool prepare(struct event_store *store)
{
	size_t i;

	for (i = 0; i < QUERIES; i++)
		if (sqlite3_prepare_v3(store->db, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &store->statements[i], NULL) != SQLITE_OK)
			return false;
	store->id = query_number(store, GET_ID);
	return store->id >= 0;
}

struct event_store *store_open(const char *path, const char **why)
{
	static _Thread_local char text[300];
	struct event_store *store = calloc(1, sizeof *store);

	*why = "no memory";
	if (!store)
		return NULL;
	pthread_mutex_init(&store->lock, NULL);
	private_file(path);
	if (sqlite3_open_v2(path, &store->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK &&
	    sqlite3_busy_timeout(store->db, BUSY_MS) == SQLITE_OK &&
	    sqlite3_exec(store->db, schema, NULL, NULL, NULL) == SQLITE_OK && prepare(store))
		return store;
	snprintf(text, sizeof text, "%s: %s", path, sqlite3_errmsg(store->db));
	*why = text;
	store_close(store);
	return NULL;
}

void store_close(struct event_store *store)
{
	size_t i;

	if (!store)
		return;
	for (i = 0; i < QUERIES; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

void store_event_id(const struct event_store *store, int64_t number, char *out, size_t size)
{
	snprintf(out, size, "evt_%08llx_%lld", (unsigned long long)store->id, (long long)number);
}

/* --- events --- */

static int add(struct event_store *store, const struct event *event)
{
	sqlite3_stmt *statement = query_begin(store, ADD);

	sqlite3_bind_int64(statement, 1, event->time);
	query_text(statement, 2, event->name);
	query_text(statement, 3, event->client);
	query_text(statement, 4, event->json);
	return query_run(store, ADD);
}

static int add_all(struct event_store *store, const struct event *events, size_t count)
{
	int result = 0;
	size_t i;

	for (i = 0; i < count && result == 0; i++)
		result = add(store, &events[i]);
	return result;
}

int store_add(struct event_store *store, const struct event *events, size_t count)
{
	if (store_begin(store) != 0)
		return -1;
	return store_end(store, add_all(store, events, count));
}

/* An instance that a reload has replaced may still be at it. */
static int set_bounces(struct event_store *store, int64_t from, int64_t to)
{
	sqlite3_stmt *statement = query_begin(store, SET_BOUNCES);

	sqlite3_bind_int64(statement, 1, to);
	sqlite3_bind_int64(statement, 2, from);
	if (query_run(store, SET_BOUNCES) != 0)
		return -1;
	return sqlite3_changes(store->db) == 1 ? 0 : 1;
}

int store_add_bounces(struct event_store *store, const struct event *events, size_t count,
		      int64_t from, int64_t to)
{
	int result;

	if (store_begin(store) != 0)
		return -1;
	result = set_bounces(store, from, to);
	return store_end(store, result == 0 ? add_all(store, events, count) : result);
}

/* One that has nothing to be bound. */
static int64_t number_of(struct event_store *store, enum query query)
{
	int64_t number;

	pthread_mutex_lock(&store->lock);
	number = query_number(store, query);
	pthread_mutex_unlock(&store->lock);
	return number;
}

int64_t store_bounces(struct event_store *store)
{
	return number_of(store, GET_BOUNCES);
}

int64_t store_newest(struct event_store *store)
{
	return number_of(store, NEWEST);
}

static void read_event(sqlite3_stmt *statement, struct event *event)
{
	*event = (struct event){ .number = sqlite3_column_int64(statement, 0),
				 .time = sqlite3_column_int64(statement, 1),
				 .name = query_column(statement, 2),
				 .client = query_column(statement, 3),
				 .json = query_column(statement, 4) };
}

int64_t store_each(struct event_store *store, int64_t after, size_t most,
		   bool (*each)(void *arg, const struct event *event), void *arg)
{
	sqlite3_stmt *statement;
	struct event event;
	int result;

	pthread_mutex_lock(&store->lock);
	statement = query_begin(store, EACH);
	sqlite3_bind_int64(statement, 1, after);
	sqlite3_bind_int64(statement, 2, (int64_t)most);
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		read_event(statement, &event);
		if (!each(arg, &event))
			break;
		after = event.number;
	}
	sqlite3_reset(statement);
	pthread_mutex_unlock(&store->lock);
	return result == SQLITE_DONE || result == SQLITE_ROW ? after : -1;
}

int64_t store_forget(struct event_store *store, int64_t before, int64_t most, bool *more)
{
	sqlite3_stmt *statement;
	int64_t last, owed = 0, gone = 0;

	*more = false;
	if (store_begin(store) != 0)
		return -1;
	statement = query_begin(store, OLDEST);
	sqlite3_bind_int64(statement, 1, before);
	sqlite3_bind_int64(statement, 2, most);
	last = query_number(store, OLDEST);
	if (last > 0) {
		sqlite3_bind_int64(query_begin(store, OWED), 1, last);
		owed = query_number(store, OWED);
		gone = query_change(store, FORGET, last);
		*more = gone == FORGET_COUNT;
	}
	return store_end(store, gone < 0 ? -1 : 0) == 0 ? owed : -1;
}

int64_t store_dead_forget(struct event_store *store, int64_t before, int64_t most, bool *more)
{
	int64_t old, many;

	*more = false;
	if (store_begin(store) != 0)
		return -1;
	old = query_change(store, DEAD_OLD, before);
	many = old < 0 ? -1 : query_change(store, DEAD_MANY, most);
	*more = many >= 0 && (old == FORGET_COUNT || many == FORGET_COUNT);
	return store_end(store, many < 0 ? -1 : 0) == 0 ? old + many : -1;
}
