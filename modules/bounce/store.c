#include "keeper.h"
#include "store_private.h"
#include "writer.h"

#include "../common/private_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUSY_MS 5000
#define FORGET_MOST 500 /* rows at once: others wait meanwhile */
#define FORGET_EVERY_MS (10 * 60 * 1000)
#define FORGET_AGAIN_MS 1000
#define VERSION 5

/* --- opening --- */

int store_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

sqlite3_stmt *store_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	return sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK ? statement : NULL;
}

static bool prepare(struct store *store)
{
	int i;

	for (i = 0; i < STORE_QUERIES; i++)
		if (sqlite3_prepare_v3(store->db, store_queries[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &store->statements[i], NULL) != SQLITE_OK)
			return false;
	return true;
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = store_prepare(db, sql);
	int64_t number = -1;

	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

static bool make(sqlite3 *db)
{
	int64_t version = number_of(db, "PRAGMA user_version");
	char note[48];

	if (version > VERSION)
		return false;
	snprintf(note, sizeof note, "PRAGMA user_version=%d", VERSION);
	return store_run(db, "BEGIN IMMEDIATE") == SQLITE_OK &&
	       (version == VERSION || store_run(db, store_anew) == SQLITE_OK) &&
	       store_run(db, store_schema) == SQLITE_OK && store_run(db, note) == SQLITE_OK &&
	       store_run(db, "COMMIT") == SQLITE_OK;
}

static void run_with(sqlite3 *db, const char *sql, const char *text)
{
	sqlite3_stmt *statement = store_prepare(db, sql);

	store_bind(statement, 1, text);
	sqlite3_step(statement);
	sqlite3_finalize(statement);
}

static void note_start(sqlite3 *db)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
	char boot[64] = "";

	if (file && fgets(boot, sizeof boot, file)) {
		run_with(db, store_skip_numbers, boot);
		run_with(db, store_note_boot, boot);
	}
	if (file)
		fclose(file);
}

static bool connect_to(const char *path, sqlite3 **db)
{
	private_file(path);
	return sqlite3_open(path, db) == SQLITE_OK &&
	       sqlite3_busy_timeout(*db, BUSY_MS) == SQLITE_OK &&
	       store_run(*db, "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL") == SQLITE_OK;
}

static void destroy(struct store *store)
{
	int i;

	keeper_destroy(store->keeper);
	writer_destroy(store->writer);
	for (i = 0; i < STORE_QUERIES; i++)
		sqlite3_finalize(store->statements[i]);
	suppressed_free(store->suppressed);
	if (store->questions)
		g_hash_table_destroy(store->questions);
	sqlite3_close(store->reader);
	sqlite3_close(store->db);
	pthread_mutex_destroy(&store->reading);
	pthread_mutex_destroy(&store->lock);
	free(store->path);
	free(store);
}

static struct store *create(const char *path, const char **why)
{
	struct store *store = calloc(1, sizeof *store);

	*why = "no memory";
	if (!store)
		return NULL;
	pthread_mutex_init(&store->lock, NULL);
	pthread_mutex_init(&store->reading, NULL);
	store->path = strdup(path);
	if (store->path && connect_to(path, &store->db) && make(store->db) && prepare(store) &&
	    connect_to(path, &store->reader) &&
	    store_run(store->reader, "PRAGMA query_only=1") == SQLITE_OK &&
	    (store->suppressed = suppressed_load(store->db)) != NULL &&
	    (store->writer = writer_create(store)) != NULL &&
	    (store->keeper = keeper_create(store)) != NULL) {
		note_start(store->db);
		return store;
	}
	*why = !store->db || sqlite3_errcode(store->db) == SQLITE_OK
		       ? "it was made by a newer gateway"
		       : sqlite3_errstr(sqlite3_errcode(store->db));
	destroy(store);
	return NULL;
}

/* --- one for all instances of the process --- */

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *all;

struct store *store_open(const char *path, const char **why)
{
	struct store *store;

	pthread_mutex_lock(&all_lock);
	for (store = all; store && strcmp(store->path, path) != 0; store = store->next)
		;
	if (!store && (store = create(path, why)) != NULL) {
		store->next = all;
		all = store;
	}
	if (store)
		store->users++;
	pthread_mutex_unlock(&all_lock);
	return store;
}

void store_close(struct store *store)
{
	struct store **at;

	if (!store)
		return;
	pthread_mutex_lock(&all_lock);
	if (--store->users == 0) {
		for (at = &all; *at != store; at = &(*at)->next)
			;
		*at = store->next;
		destroy(store);
	}
	pthread_mutex_unlock(&all_lock);
}

struct keeper *store_keeper(struct store *store)
{
	return store->keeper;
}

/* --- one statement --- */

bool store_does(struct store *store, enum query_id query)
{
	int done = sqlite3_step(store->statements[query]);

	sqlite3_reset(store->statements[query]);
	return done == SQLITE_DONE;
}

sqlite3_stmt *store_begin(struct store *store, enum query_id query)
{
	pthread_mutex_lock(&store->lock);
	return store->statements[query];
}

void store_clear(sqlite3_stmt *statement)
{
	if (!statement)
		return;
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

void store_end(struct store *store, sqlite3_stmt *statement)
{
	store_clear(statement);
	pthread_mutex_unlock(&store->lock);
}

bool store_set_durable(struct store *store, bool durable)
{
	if (store->is_durable != durable &&
	    store_run(store->db, durable ? "PRAGMA synchronous=FULL"
					 : "PRAGMA synchronous=NORMAL") == SQLITE_OK)
		store->is_durable = durable;
	return store->is_durable == durable;
}

void store_bind(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text ? text : "", -1, SQLITE_STATIC);
}

const char *store_text(sqlite3_stmt *statement, int at)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);

	return text ? text : "";
}

/* --- what left --- */

int store_add_sent(struct store *store, const struct sent *sent)
{
	sqlite3_stmt *statement = store->statements[ADD_SENT];
	const char *texts[] = { sent->queue_id,    sent->sender, sent->author, sent->message_id,
				sent->envelope_id, sent->client, sent->type,   sent->relay,
				sent->header,      sent->rcpts };
	int i, done;

	sqlite3_bind_int64(statement, 1, (int64_t)sent->path.id);
	sqlite3_bind_int64(statement, 2, sent->until);
	sqlite3_bind_int64(statement, 3, sent->received);
	sqlite3_bind_int64(statement, 4, sent->size);
	for (i = 0; i < 10; i++)
		store_bind(statement, 5 + i, texts[i]);
	sqlite3_bind_int64(statement, 15, (int64_t)sent->rcpt_count);
	sqlite3_bind_int(statement, 16, sent->is_named);
	sqlite3_bind_int(statement, 17, sent->path.nth);
	done = sqlite3_step(statement);
	store_clear(statement);
	return done == SQLITE_DONE ? 0 : -1;
}

/* --- what is over --- */

/* How many: with FORGET_MOST there may be more. */
static int forget(struct store *store, enum query_id query, int64_t before)
{
	sqlite3_stmt *statement = store_begin(store, query);
	int changes;

	store_set_durable(store, false);
	sqlite3_bind_int64(statement, 1, before);
	sqlite3_bind_int(statement, 2, FORGET_MOST);
	changes = sqlite3_step(statement) == SQLITE_DONE ? sqlite3_changes(store->db) : 0;
	store_end(store, statement);
	return changes;
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

static void forget_more_soon(struct store *store, int64_t now)
{
	pthread_mutex_lock(&store->lock);
	store->forgot = now - FORGET_EVERY_MS + FORGET_AGAIN_MS;
	pthread_mutex_unlock(&store->lock);
}

void store_forget(struct store *store, int64_t now, int64_t keep)
{
	int suppressions, most;

	if (!is_time(store, now))
		return;
	most = forget(store, FORGET_SENT, now);
	most = MAX(most, forget(store, FORGET_BOUNCES, now - keep));
	most = MAX(most, forget(store, FORGET_REPORTS, INT64_MAX));
	suppressions = forget(store, FORGET_SUPPRESSIONS, now);
	forget(store, FORGET_TALLIES, (now - keep) / DAY_MS);
	if (suppressions)
		suppression_forget(store, now);
	if (MAX(most, suppressions) >= FORGET_MOST)
		forget_more_soon(store, now);
}
