/* The file of the store: SQLite, one connection, values bound and never put into the text of a
 * statement. */
#include "module/state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define VERSION 1

enum statement { PUT_COUNTER, TRIM_COUNTER, PUT_RECORD, DROP_RECORD, STATEMENTS };

static const char *const statements[STATEMENTS] = {
	[PUT_COUNTER] =
		"INSERT INTO counter (key, period, value) VALUES (?1, ?2, ?3) ON CONFLICT (key, period) DO UPDATE SET value = ?3",
	[TRIM_COUNTER] = "DELETE FROM counter WHERE key = ?1 AND period < ?2",
	[PUT_RECORD] =
		"INSERT INTO record (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
	[DROP_RECORD] = "DELETE FROM record WHERE key = ?1",
};

/* The lock is exclusive: two processes that count in memory would overwrite each other. */
static const char *const preparation =
	"PRAGMA locking_mode = EXCLUSIVE;"
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = FULL;"
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS counter (key BLOB, period INTEGER, value INTEGER, PRIMARY KEY (key, period)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS record (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;"
	"COMMIT;";

struct state_file {
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENTS];
};

static bool is_damage(int code)
{
	return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

/* --- reading --- */

static struct gw_str column(sqlite3_stmt *row, int nth)
{
	const void *bytes = sqlite3_column_blob(row, nth);

	return gw_str_n(bytes ? bytes : "", (size_t)sqlite3_column_bytes(row, nth));
}

static int load_row(struct state *into, enum state_kind kind, sqlite3_stmt *row)
{
	if (kind == STATE_RECORD)
		return state_record_load(into, column(row, 0), column(row, 1));
	return state_counter_load(into, column(row, 0), sqlite3_column_int64(row, 1),
				  sqlite3_column_int64(row, 2));
}

static int read_rows(sqlite3 *db, const char *query, enum state_kind kind, struct state *into)
{
	sqlite3_stmt *rows;
	int code = sqlite3_prepare_v2(db, query, -1, &rows, NULL);

	if (code != SQLITE_OK)
		return code;
	while ((code = sqlite3_step(rows)) == SQLITE_ROW) {
		if (load_row(into, kind, rows) < 0) {
			code = SQLITE_NOMEM;
			break;
		}
	}
	sqlite3_finalize(rows);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int read_all(sqlite3 *db, struct state *into)
{
	int code = read_rows(db, "SELECT key, period, value FROM counter", STATE_COUNTER, into);

	return code == SQLITE_OK
		       ? read_rows(db, "SELECT key, value FROM record", STATE_RECORD, into)
		       : code;
}

static int read_version(sqlite3 *db, int *version)
{
	sqlite3_stmt *row;
	int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &row, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(row);
	*version = code == SQLITE_ROW ? sqlite3_column_int(row, 0) : 0;
	sqlite3_finalize(row);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* --- opening --- */

static int prepare(struct state_file *file, struct state *into)
{
	int code = sqlite3_exec(file->db, preparation, NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_exec(file->db, "PRAGMA user_version = 1", NULL, NULL, NULL);
	for (int i = 0; code == SQLITE_OK && i < STATEMENTS; i++)
		code = sqlite3_prepare_v3(file->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
					  &file->prepared[i], NULL);
	return code == SQLITE_OK ? read_all(file->db, into) : code;
}

static enum state_opened refuse(struct state_file *file, int code, char *why, size_t size)
{
	const char *text = file->db ? sqlite3_errmsg(file->db) : sqlite3_errstr(code);

	snprintf(why, size, "%s", (code & 0xff) == SQLITE_BUSY ? "another process uses it" : text);
	state_file_close(file);
	return is_damage(code) ? STATE_DAMAGED : STATE_REFUSED;
}

/* Others may read neither counters nor records: SQLite takes over the rights of a file that is
 * there. */
static bool make_file(const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		snprintf(why, size, "%s", strerror(errno));
	else
		close(fd);
	return fd >= 0;
}

enum state_opened state_file_open(const char *path, struct state *into, struct state_file **opened,
				  char *why, size_t size)
{
	struct state_file *file;
	int version = 0;

	if (!make_file(path, why, size))
		return STATE_REFUSED;
	file = calloc(1, sizeof(*file));
	if (!file) {
		snprintf(why, size, "no memory");
		return STATE_REFUSED;
	}
	int code = sqlite3_open_v2(path, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
				   NULL);
	if (code == SQLITE_OK)
		code = read_version(file->db, &version);
	if (code == SQLITE_OK && version > VERSION) {
		snprintf(why, size,
			 "its format is %d, this gateway knows up to %d: a newer gateway made it",
			 version, VERSION);
		state_file_close(file);
		return STATE_REFUSED;
	}
	if (code == SQLITE_OK)
		code = prepare(file, into);
	if (code != SQLITE_OK)
		return refuse(file, code, why, size);
	*opened = file;
	return STATE_OPENED;
}

void state_file_close(struct state_file *file)
{
	if (!file)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(file->prepared[i]);
	sqlite3_close(file->db);
	free(file);
}

/* --- writing --- */

static bool run(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return code == SQLITE_DONE;
}

static void bind_key(sqlite3_stmt *statement, const struct state_change *change)
{
	sqlite3_bind_blob(statement, 1, change->bytes, (int)change->key_len, SQLITE_STATIC);
}

static bool write_counter(struct state_file *file, const struct state_change *change)
{
	int64_t oldest = INT64_MAX;

	for (int i = 0; i < PERIODS; i++) {
		sqlite3_stmt *put = file->prepared[PUT_COUNTER];
		if (!change->periods[i].used)
			continue;
		oldest = change->periods[i].period;
		bind_key(put, change);
		sqlite3_bind_int64(put, 2, change->periods[i].period);
		sqlite3_bind_int64(put, 3, change->periods[i].value);
		if (!run(put))
			return false;
	}
	bind_key(file->prepared[TRIM_COUNTER], change);
	sqlite3_bind_int64(file->prepared[TRIM_COUNTER], 2, oldest);
	return run(file->prepared[TRIM_COUNTER]);
}

static bool write_record(struct state_file *file, const struct state_change *change)
{
	sqlite3_stmt *statement = file->prepared[change->gone ? DROP_RECORD : PUT_RECORD];

	bind_key(statement, change);
	if (!change->gone)
		sqlite3_bind_blob(statement, 2, change->bytes + change->key_len,
				  (int)change->value_len, SQLITE_STATIC);
	return run(statement);
}

static bool write_all(struct state_file *file, const struct state_change *changes)
{
	if (sqlite3_exec(file->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return false;
	for (; changes; changes = changes->next)
		if (!(changes->kind == STATE_COUNTER ? write_counter(file, changes)
						     : write_record(file, changes)))
			return false;
	return sqlite3_exec(file->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

int state_file_write(struct state_file *file, const struct state_change *changes, char *why,
		     size_t size)
{
	if (write_all(file, changes))
		return 0;
	snprintf(why, size, "%s", sqlite3_errmsg(file->db));
	if (!sqlite3_get_autocommit(file->db))
		sqlite3_exec(file->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}
