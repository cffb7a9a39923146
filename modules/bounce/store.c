#include "store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

#define BUSY_MS 5000
/* A return path is known to whoever got the message, and he may send to it as often as he likes:
 * more than this is not kept of one message. */
#define ROWS_MOST 100
#define REPORTS_OF_MESSAGE ((int64_t)1024 * 1024)
#define FORGET_MOST 500 /* rows at once: others wait meanwhile */
#define FORGET_EVERY_MS (10 * 60 * 1000)

enum query { ADD_SENT, FIND_SENT, ADD_BOUNCE, GET_BOUNCE, FORGET_SENT, FORGET_BOUNCES, QUERIES };

struct store {
	pthread_mutex_t lock;
	sqlite3 *db;
	sqlite3_stmt *statements[QUERIES];
	bool is_durable; /* a commit is on disk when it returns */
	int64_t forgot;  /* ms: when that was done last */
};

const char *const row_names[ROW_TEXTS + 1] = { "recipient",  "kind",   "reason", "status",
					       "diagnostic", "source", "rule",   "action",
					       "client",     "type",   "relay",  "message_id",
					       "sender",     NULL };

#define COLUMNS                                                                                    \
	"recipient,kind,reason,status,diagnostic,source,rule,action,client,type,relay,message_id,sender"

static const char schema[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=NORMAL;"
	"CREATE TABLE IF NOT EXISTS sent(id INTEGER PRIMARY KEY,until INTEGER,sender TEXT,"
	"message_id TEXT,envelope_id TEXT,client TEXT,type TEXT,relay TEXT,header TEXT,"
	"rcpts TEXT,rcpt_count INTEGER);"
	"CREATE INDEX IF NOT EXISTS sent_until ON sent(until);"
	"CREATE TABLE IF NOT EXISTS bounce(number INTEGER PRIMARY KEY AUTOINCREMENT,time INTEGER,"
	"id INTEGER,code INTEGER,recipient TEXT COLLATE NOCASE,kind TEXT,reason TEXT,status TEXT,"
	"diagnostic TEXT,source TEXT,rule TEXT,action TEXT,client TEXT,type TEXT,relay TEXT,"
	"message_id TEXT,sender TEXT,report BLOB,UNIQUE(id,recipient,action));"
	"CREATE INDEX IF NOT EXISTS bounce_time ON bounce(time);";

static const char *const queries[QUERIES] = {
	[ADD_SENT] = "INSERT OR REPLACE INTO sent VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
	[FIND_SENT] =
		"SELECT sender,message_id,envelope_id,client,type,relay,header,until,rcpts,rcpt_count FROM sent WHERE id=?1",
	[ADD_BOUNCE] =
		"INSERT OR IGNORE INTO bounce(time,id,code," COLUMNS ",report) "
		"SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,"
		"CASE WHEN (SELECT total(length(report)) FROM bounce WHERE id=?2)<?19 THEN ?17 ELSE x'' END "
		"WHERE (SELECT count(*) FROM bounce WHERE id=?2)<?18",
	[GET_BOUNCE] = "SELECT number,time,id,code," COLUMNS ",report FROM bounce WHERE number=?1",
	[FORGET_SENT] =
		"DELETE FROM sent WHERE id IN (SELECT id FROM sent WHERE until<?1 LIMIT ?2)",
	[FORGET_BOUNCES] =
		"DELETE FROM bounce WHERE number IN (SELECT number FROM bounce WHERE time<?1 LIMIT ?2)",
};

static int run(struct store *store, const char *sql)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

static bool prepare(struct store *store)
{
	int i;

	for (i = 0; i < QUERIES; i++)
		if (sqlite3_prepare_v3(store->db, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &store->statements[i], NULL) != SQLITE_OK)
			return false;
	return true;
}

struct store *store_open(const char *path, const char **why)
{
	struct store *store = calloc(1, sizeof *store);

	*why = "no memory";
	if (!store)
		return NULL;
	pthread_mutex_init(&store->lock, NULL);
	if (sqlite3_open(path, &store->db) == SQLITE_OK &&
	    sqlite3_busy_timeout(store->db, BUSY_MS) == SQLITE_OK &&
	    run(store, schema) == SQLITE_OK && prepare(store))
		return store;
	*why = sqlite3_errstr(sqlite3_errcode(store->db));
	store_close(store);
	return NULL;
}

void store_close(struct store *store)
{
	int i;

	if (!store)
		return;
	for (i = 0; i < QUERIES; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* --- one statement --- */

static sqlite3_stmt *begin(struct store *store, enum query query)
{
	pthread_mutex_lock(&store->lock);
	return store->statements[query];
}

/* What was bound is the caller's: it is not kept. */
static void clear(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

static void end(struct store *store, sqlite3_stmt *statement)
{
	clear(statement);
	pthread_mutex_unlock(&store->lock);
}

/* Of the commits from now on. */
static bool set_durable(struct store *store, bool durable)
{
	if (store->is_durable != durable &&
	    run(store, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL") ==
		    SQLITE_OK)
		store->is_durable = durable;
	return store->is_durable == durable;
}

/* What came from outside is no UTF-8 always; SQLite does not mind. */
static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static const char *text_at(sqlite3_stmt *statement, int at)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);

	return text ? text : "";
}

/* --- what left --- */

int store_sent(struct store *store, const struct sent *sent)
{
	sqlite3_stmt *statement = begin(store, ADD_SENT);
	const char *texts[] = { sent->sender, sent->message_id, sent->envelope_id, sent->client,
				sent->type,   sent->relay,      sent->header };
	int i, done;

	set_durable(store, false);
	sqlite3_bind_int64(statement, 1, (int64_t)sent->id);
	sqlite3_bind_int64(statement, 2, sent->until);
	for (i = 0; i < 7; i++)
		bind_text(statement, 3 + i, texts[i]);
	bind_text(statement, 10, sent->rcpts);
	sqlite3_bind_int64(statement, 11, (int64_t)sent->rcpt_count);
	done = sqlite3_step(statement);
	end(store, statement);
	return done == SQLITE_DONE ? 0 : -1;
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

int store_find(struct store *store, uint64_t id, struct sent *sent)
{
	sqlite3_stmt *statement = begin(store, FIND_SENT);
	int done;

	memset(sent, 0, sizeof *sent);
	sent->id = id;
	sqlite3_bind_int64(statement, 1, (int64_t)id);
	done = sqlite3_step(statement);
	if (done == SQLITE_ROW) {
		copy(sent->sender, sizeof sent->sender, text_at(statement, 0));
		copy(sent->message_id, sizeof sent->message_id, text_at(statement, 1));
		copy(sent->envelope_id, sizeof sent->envelope_id, text_at(statement, 2));
		copy(sent->client, sizeof sent->client, text_at(statement, 3));
		copy(sent->type, sizeof sent->type, text_at(statement, 4));
		copy(sent->relay, sizeof sent->relay, text_at(statement, 5));
		copy(sent->header, sizeof sent->header, text_at(statement, 6));
		sent->until = sqlite3_column_int64(statement, 7);
		copy(sent->rcpts, sizeof sent->rcpts, text_at(statement, 8));
		sent->rcpt_count = (size_t)sqlite3_column_int64(statement, 9);
	}
	end(store, statement);
	return done == SQLITE_ROW ? 0 : done == SQLITE_DONE ? 1 : -1;
}

/* --- bounces --- */

static void bind_record(sqlite3_stmt *statement, const struct record *record)
{
	const struct finding *finding = record->finding;
	const struct sent *sent = record->sent;
	const char *texts[] = { finding->recipient,
				kind_name(finding->kind),
				reason_name(finding->reason),
				finding->status,
				finding->diagnostic,
				source_name(record->source),
				finding->rule,
				action_name(finding->action),
				sent->client,
				sent->type,
				sent->relay,
				sent->message_id,
				sent->sender };
	int i;

	sqlite3_bind_int64(statement, 1, record->time);
	sqlite3_bind_int64(statement, 2, (int64_t)sent->id);
	sqlite3_bind_int(statement, 3, finding->code);
	for (i = 0; i < ROW_TEXTS; i++)
		bind_text(statement, 4 + i, texts[i]);
	sqlite3_bind_blob(statement, 17, record->report.len ? record->report.ptr : "",
			  (int)(record->report.len < REPORT_MAX ? record->report.len : REPORT_MAX),
			  SQLITE_STATIC);
	sqlite3_bind_int64(statement, 18,
			   record->of_others ? ROWS_MOST + (int64_t)sent->rcpt_count : INT64_MAX);
	sqlite3_bind_int64(statement, 19, REPORTS_OF_MESSAGE);
}

/* Under the lock. */
static int add_bounce(struct store *store, const struct record *record)
{
	sqlite3_stmt *statement = store->statements[ADD_BOUNCE];
	int done, changes;

	bind_record(statement, record);
	done = sqlite3_step(statement);
	changes = sqlite3_changes(store->db);
	clear(statement);
	return done == SQLITE_DONE ? changes > 0 : -1;
}

int store_bounce(struct store *store, const struct record *record)
{
	int is;

	pthread_mutex_lock(&store->lock);
	set_durable(store, false);
	is = add_bounce(store, record);
	pthread_mutex_unlock(&store->lock);
	return is;
}

static bool add_mail(struct store *store, const struct record *records, size_t count, bool *is_new)
{
	size_t i;
	int is;

	for (i = 0; i < count; i++) {
		is = add_bounce(store, &records[i]);
		if (is < 0)
			return false;
		is_new[i] = is > 0;
	}
	return true;
}

int store_mail(struct store *store, const struct record *records, size_t count, bool *is_new)
{
	bool kept = false;

	pthread_mutex_lock(&store->lock);
	if (set_durable(store, true) && run(store, "BEGIN IMMEDIATE") == SQLITE_OK) {
		kept = add_mail(store, records, count, is_new) && run(store, "COMMIT") == SQLITE_OK;
		if (!kept)
			run(store, "ROLLBACK");
	}
	pthread_mutex_unlock(&store->lock);
	return kept ? 0 : -1;
}

static void forget(struct store *store, enum query query, int64_t before)
{
	sqlite3_stmt *statement = begin(store, query);

	set_durable(store, false);
	sqlite3_bind_int64(statement, 1, before);
	sqlite3_bind_int(statement, 2, FORGET_MOST);
	sqlite3_step(statement);
	end(store, statement);
}

static bool is_time(struct store *store, int64_t now)
{
	bool is;

	pthread_mutex_lock(&store->lock);
	is = now - store->forgot >= FORGET_EVERY_MS;
	if (is)
		store->forgot = now;
	pthread_mutex_unlock(&store->lock);
	return is;
}

void store_forget(struct store *store, int64_t now, int64_t keep)
{
	if (!is_time(store, now))
		return;
	forget(store, FORGET_SENT, now);
	forget(store, FORGET_BOUNCES, now - keep);
}

/* --- reading --- */

static void tell_row(sqlite3_stmt *statement, void (*each)(void *, const struct row *), void *arg)
{
	struct row row = { .number = sqlite3_column_int64(statement, 0),
			   .time = sqlite3_column_int64(statement, 1),
			   .id = (uint64_t)sqlite3_column_int64(statement, 2),
			   .code = sqlite3_column_int(statement, 3) };
	int i;

	for (i = 0; i < ROW_TEXTS; i++)
		row.texts[i] = text_at(statement, 4 + i);
	if (sqlite3_column_count(statement) > 17)
		row.report = gw_str_n(sqlite3_column_blob(statement, 17),
				      (size_t)sqlite3_column_bytes(statement, 17));
	each(arg, &row);
}

int store_list(struct store *store, const char *const filters[ROW_TEXTS], int64_t limit,
	       void (*each)(void *arg, const struct row *row), void *arg)
{
	char sql[1024];
	sqlite3_stmt *statement = NULL;
	int i, len, done;

	len = snprintf(sql, sizeof sql,
		       "SELECT number,time,id,code," COLUMNS " FROM bounce WHERE 1");
	for (i = 0; i < ROW_TEXTS; i++)
		len += filters[i] ? snprintf(sql + len, sizeof sql - (size_t)len, " AND %s=?%d",
					     row_names[i], i + 1)
				  : 0;
	snprintf(sql + len, sizeof sql - (size_t)len, " ORDER BY number DESC LIMIT ?14");
	pthread_mutex_lock(&store->lock);
	sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
	for (i = 0; i < ROW_TEXTS; i++)
		if (filters[i])
			bind_text(statement, i + 1, filters[i]);
	sqlite3_bind_int64(statement, 14, limit);
	while ((done = sqlite3_step(statement)) == SQLITE_ROW)
		tell_row(statement, each, arg);
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&store->lock);
	return done == SQLITE_DONE ? 0 : -1;
}

int store_get(struct store *store, int64_t number, void (*each)(void *arg, const struct row *row),
	      void *arg)
{
	sqlite3_stmt *statement = begin(store, GET_BOUNCE);
	int done;

	sqlite3_bind_int64(statement, 1, number);
	done = sqlite3_step(statement);
	if (done == SQLITE_ROW)
		tell_row(statement, each, arg);
	end(store, statement);
	return done == SQLITE_ROW ? 0 : done == SQLITE_DONE ? 1 : -1;
}
