#include "index.h"

#include "distinct.h"
#include "index_private.h"

#include "../common/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000

static const char ways[] =
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=NORMAL;"
	"PRAGMA secure_delete=ON;"
	"PRAGMA wal_autocheckpoint=2000;"; /* each waits for the disk, and others wait meanwhile */

/* All of it or nothing: who reads meanwhile finds a month, or none yet. */
static const char schema[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS file(name TEXT PRIMARY KEY,position INTEGER) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS mail(n INTEGER PRIMARY KEY AUTOINCREMENT,id TEXT UNIQUE,time INTEGER,sender TEXT,"
	"client TEXT,login TEXT,type TEXT,peer TEXT,sha256 TEXT,size INTEGER,until INTEGER,count INTEGER,"
	"rcpts TEXT,subject TEXT,message_id TEXT,name TEXT,at INTEGER);"
	"CREATE INDEX IF NOT EXISTS mail_message_id ON mail(message_id);"
	"CREATE INDEX IF NOT EXISTS mail_sha256 ON mail(sha256);"
	"CREATE INDEX IF NOT EXISTS mail_time ON mail(time);"
	"CREATE INDEX IF NOT EXISTS mail_client ON mail(client);"
	"CREATE INDEX IF NOT EXISTS mail_type ON mail(type,client);"
	"CREATE INDEX IF NOT EXISTS mail_until ON mail(until) WHERE until>0;"
	"CREATE TABLE IF NOT EXISTS person(address TEXT,role INTEGER,n INTEGER,domain TEXT,"
	"PRIMARY KEY(address,role,n)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS person_domain ON person(domain,role,n);"
	"CREATE INDEX IF NOT EXISTS person_n ON person(n);"
	"CREATE TABLE IF NOT EXISTS gone(n INTEGER,time INTEGER,relay TEXT,return_path TEXT,sha256 TEXT,"
	"size INTEGER,name TEXT,at INTEGER,UNIQUE(name,at));"
	"CREATE INDEX IF NOT EXISTS gone_n ON gone(n);"
	"CREATE INDEX IF NOT EXISTS gone_relay ON gone(relay,n);"
	"CREATE TABLE IF NOT EXISTS outcome(n INTEGER,time INTEGER,rcpt TEXT,relay TEXT,status TEXT,"
	"code INTEGER,text TEXT,name TEXT,at INTEGER,UNIQUE(name,at));"
	"CREATE INDEX IF NOT EXISTS outcome_n ON outcome(n);"
	"CREATE TABLE IF NOT EXISTS skew(most INTEGER);"
	"CREATE TABLE IF NOT EXISTS doomed(name TEXT,at INTEGER,PRIMARY KEY(name,at)) WITHOUT ROWID;"
	"CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(subject,body,attachments,content='',"
	"detail=column,columnsize=0,tokenize='unicode61 remove_diacritics 2');";

/* Octets of words that are gathered before they are written: what is written small has to be merged
 * again and again. It stays with the file. */
static const char gather[] = "INSERT INTO words(words,rank) VALUES('hashsize',8388608);"
			     "INSERT INTO skew VALUES(0);COMMIT";
/* Months that were made without it get it. */
static const char copies[] =
	"CREATE TABLE IF NOT EXISTS copy(n INTEGER,name TEXT,at INTEGER,UNIQUE(name,at));"
	"CREATE INDEX IF NOT EXISTS copy_n ON copy(n);";

static const char gathers[] = "SELECT 1 FROM words_config WHERE k='hashsize'";

static const char add_mail_sql[] =
	"INSERT OR IGNORE INTO mail(id,time,sender,client,login,type,peer,sha256,size,until,"
	"count,rcpts,subject,message_id,name,at) "
	"VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)";

static const char add_copy_sql[] =
	"INSERT OR IGNORE INTO copy SELECT n,?2,?3 FROM mail WHERE id=?1 AND NOT (name=?2 AND at=?3)";

static const char *const queries[QUERIES] = {
	[GET_POSITION] = "SELECT position FROM file WHERE name=?1",
	[SET_POSITION] = "INSERT OR REPLACE INTO file VALUES(?1,?2)",
	[FIND_MAIL] = "SELECT n FROM mail WHERE id=?1",
	[ADD_MAIL] = add_mail_sql,
	[ADD_COPY] = add_copy_sql,
	[ADD_PERSON] = "INSERT OR IGNORE INTO person VALUES(?1,?2,?3,?4)",
	[ADD_WORDS] = "INSERT INTO words(rowid,subject,body,attachments) VALUES(?1,?2,?3,?4)",
	[ADD_LEFT] = "INSERT OR IGNORE INTO gone VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
	[ADD_OUTCOME] = "INSERT OR IGNORE INTO outcome VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
	[DROP_WORDS] =
		"INSERT INTO words(words,rowid,subject,body,attachments) VALUES('delete',?1,?2,?3,?4)",
	[DROP_MAIL] = "DELETE FROM mail WHERE n=?1",
	[DROP_COPIES] = "DELETE FROM copy WHERE n=?1",
	[DROP_PERSONS] = "DELETE FROM person WHERE n=?1",
	[DROP_LEFT] = "DELETE FROM gone WHERE n=?1",
	[ADD_DOOMED] = "INSERT OR IGNORE INTO doomed VALUES(?1,?2)",
	[DROP_DOOMED] = "DELETE FROM doomed WHERE name=?1 AND at=?2",
	[GET_ORDER] = "SELECT max(time),(SELECT most FROM skew) FROM mail",
	[SET_SKEW] = "UPDATE skew SET most=max(most,?1)",
	[DROP_OUTCOMES] = "DELETE FROM outcome WHERE n=?1",
};

/* --- months --- */

static bool prepare(struct month *month)
{
	int i;

	for (i = 0; i < QUERIES; i++)
		if (sqlite3_prepare_v3(month->db, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &month->statements[i], NULL) != SQLITE_OK)
			return false;
	return true;
}

/* To make it again would wait for who writes there. */
static bool is_made(sqlite3 *db, bool *unmade)
{
	sqlite3_stmt *said = NULL;
	int done = sqlite3_prepare_v2(db, gathers, -1, &said, NULL);

	*unmade = done == SQLITE_ERROR; /* there is no such table */
	if (done == SQLITE_OK)
		done = sqlite3_step(said);
	sqlite3_finalize(said);
	return done == SQLITE_ROW;
}

static bool make(sqlite3 *db)
{
	bool unmade;

	return sqlite3_exec(db, ways, NULL, NULL, NULL) == SQLITE_OK &&
	       (is_made(db, &unmade) ||
		(sqlite3_exec(db, schema, NULL, NULL, NULL) == SQLITE_OK &&
		 sqlite3_exec(db, gather, NULL, NULL, NULL) == SQLITE_OK)) &&
	       sqlite3_exec(db, copies, NULL, NULL, NULL) == SQLITE_OK;
}

void month_close(struct month *month)
{
	int i;

	for (i = 0; i < QUERIES; i++)
		sqlite3_finalize(month->statements[i]);
	sqlite3_close(month->db);
	free(month);
}

static void read_order(struct month *month)
{
	sqlite3_stmt *statement = month->statements[GET_ORDER];

	month->newest = month->skew = 0;
	if (sqlite3_step(statement) == SQLITE_ROW) {
		month->newest = sqlite3_column_int64(statement, 0);
		month->skew = sqlite3_column_int64(statement, 1);
	}
	sqlite3_reset(statement);
}

static struct month *month_open(struct index *index, const char *name)
{
	struct month *month = calloc(1, sizeof *month);
	char *path = g_strdup_printf("%s/index/%.7s.db", index->folder, name);
	int flags = index->writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
				  : SQLITE_OPEN_READWRITE;

	index->is_unmade = false;
	if (month) {
		snprintf(month->name, sizeof month->name, "%.7s", name);
		if (index->writes)
			private_file(path);
		if (sqlite3_open_v2(path, &month->db, flags, NULL) == SQLITE_OK &&
		    sqlite3_busy_timeout(month->db, BUSY_MS) == SQLITE_OK &&
		    sqlite3_db_config(month->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !index->writes,
				      NULL) == SQLITE_OK &&
		    (index->writes ? make(month->db) && prepare(month)
				   : is_made(month->db, &index->is_unmade))) {
			g_free(path);
			if (index->writes)
				read_order(month);
			return month;
		}
		month_close(month);
	}
	g_free(path);
	return NULL;
}

/* Those that were asked for longest ago, but for what is being written. */
static void close_others(struct index *index)
{
	struct month **at = &index->months, *month;
	unsigned count = 0;

	while ((month = *at) != NULL) {
		if (++count < MONTHS_OPEN || month->in_transaction) {
			at = &month->next;
			continue;
		}
		*at = month->next;
		month_close(month);
	}
}

struct month *index_month(struct index *index, const char *name)
{
	struct month **at, *month;

	for (at = &index->months; (month = *at) != NULL; at = &month->next)
		if (strncmp(month->name, name, 7) == 0)
			break;
	if (month) {
		*at = month->next;
	} else {
		close_others(index);
		month = month_open(index, name);
	}
	if (month) {
		month->next = index->months;
		index->months = month;
	}
	return month;
}

static gint newest(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)b, *(const char *const *)a);
}

GPtrArray *index_names(const struct index *index)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	char *path = g_build_filename(index->folder, "index", NULL);
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *entry;

	while (dir && (entry = g_dir_read_name(dir)) != NULL)
		if (strlen(entry) == 10 && g_str_has_suffix(entry, ".db"))
			g_ptr_array_add(names, g_strndup(entry, 7));
	if (dir)
		g_dir_close(dir);
	g_free(path);
	g_ptr_array_sort(names, newest);
	return names;
}

struct index *index_open(const char *folder, bool writes)
{
	struct index *index = calloc(1, sizeof *index);
	char *path = g_build_filename(folder, "index", NULL);

	if (writes && mkdir(path, 0700) != 0 && errno != EEXIST) {
		free(index);
		index = NULL;
	}
	g_free(path);
	if (!index)
		return NULL;
	index->folder = g_strdup(folder);
	index->writes = writes;
	return index;
}

void index_close(struct index *index)
{
	struct month *month;

	if (!index)
		return;
	while ((month = index->months) != NULL) {
		index->months = month->next;
		month_close(month);
	}
	g_free(index->folder);
	free(index);
}

/* --- statements --- */

bool month_run(struct month *month, enum index_query query)
{
	sqlite3_stmt *statement = month->statements[query];
	int done = sqlite3_step(statement);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return done == SQLITE_DONE || done == SQLITE_ROW;
}

/* The texts live until the statement ran. */
static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text ? text : "", -1, SQLITE_STATIC);
}

static int64_t get_number(struct month *month, enum index_query query, const char *text)
{
	sqlite3_stmt *statement = month->statements[query];
	int64_t number = -1;

	bind_text(statement, 1, text);
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return number;
}

uint64_t index_position(struct index *index, const char *name)
{
	struct month *month = index_month(index, name);
	int64_t position = month ? get_number(month, GET_POSITION, name) : -1;

	return position > 0 ? (uint64_t)position : 0;
}

/* --- adding --- */

/* Of the months that are touched; they begin with the first statement of each. */
static struct month *writing(struct index *index, const char *name)
{
	struct month *month = index_month(index, name);

	if (!month || month->in_transaction)
		return month;
	month->in_transaction = sqlite3_exec(month->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) ==
				SQLITE_OK;
	return month->in_transaction ? month : NULL;
}

/* What came from outside is no address always. */
static bool add_person(struct month *month, const char *address, int role, int64_t n)
{
	sqlite3_stmt *statement = month->statements[ADD_PERSON];
	char *small = g_utf8_strdown(address, -1), *domain = strrchr(small, '@');
	bool added;

	bind_text(statement, 1, small);
	sqlite3_bind_int(statement, 2, role);
	sqlite3_bind_int64(statement, 3, n);
	bind_text(statement, 4, domain ? domain : "");
	added = month_run(month, ADD_PERSON);
	g_free(small);
	return added;
}

static char *names_of(const struct words *words)
{
	GString *names = g_string_new(NULL);
	guint i;

	for (i = 0; i < words->pieces->len; i++) {
		const struct piece *piece = words->pieces->pdata[i];

		g_string_append_printf(names, "%s\n", piece->name);
	}
	return g_string_free(names, FALSE);
}

static bool put_words(struct month *month, enum index_query query, int64_t n,
		      const struct words *words)
{
	sqlite3_stmt *statement = month->statements[query];
	char *names = names_of(words), *text = distinct_words(words->text->str, words->text->len);
	bool put;

	sqlite3_bind_int64(statement, 1, n);
	bind_text(statement, 2, words->subject);
	bind_text(statement, 3, text);
	bind_text(statement, 4, names);
	put = month_run(month, query);
	g_free(text);
	g_free(names);
	return put;
}

#define RCPTS_SHOWN 20

static char *shown_rcpts(const char *const *rcpts, int64_t *count)
{
	GString *text = g_string_new(NULL);

	for (*count = 0; rcpts[*count]; ++*count)
		if (*count < RCPTS_SHOWN)
			g_string_append_printf(text, *count ? " %s" : "%s", rcpts[*count]);
	return g_string_free(text, FALSE);
}

static bool add_mail(struct month *month, const struct indexed_mail *mail)
{
	sqlite3_stmt *statement = month->statements[ADD_MAIL];
	int64_t count;
	char *rcpts = shown_rcpts(mail->rcpts, &count);
	const char *texts[] = { mail->sender, mail->client, mail->login,
				mail->type,   mail->peer,   mail->sha256 };
	bool added;
	int i;

	bind_text(statement, 1, mail->id);
	sqlite3_bind_int64(statement, 2, mail->time);
	for (i = 0; i < 6; i++)
		bind_text(statement, 3 + i, texts[i]);
	sqlite3_bind_int64(statement, 9, mail->size);
	sqlite3_bind_int64(statement, 10, mail->until);
	sqlite3_bind_int64(statement, 11, count);
	bind_text(statement, 12, rcpts);
	bind_text(statement, 13, mail->words->subject);
	bind_text(statement, 14, mail->words->message_id);
	bind_text(statement, 15, mail->place.name);
	sqlite3_bind_int64(statement, 16, (int64_t)mail->place.at);
	added = month_run(month, ADD_MAIL);
	g_free(rcpts);
	return added;
}

/* The same mail, archived once more: nobody finds it a second time, but it goes with the first. */
static bool add_copy(struct month *month, const struct indexed_mail *mail)
{
	sqlite3_stmt *statement = month->statements[ADD_COPY];

	bind_text(statement, 1, mail->id);
	bind_text(statement, 2, mail->place.name);
	sqlite3_bind_int64(statement, 3, (int64_t)mail->place.at);
	return month_run(month, ADD_COPY);
}

/* So that a search makes of a time a range of numbers. */
static bool note_order(struct month *month, int64_t time)
{
	int64_t behind = month->newest - time;

	month->newest = MAX(month->newest, time);
	if (behind <= month->skew)
		return true;
	month->skew = behind;
	sqlite3_bind_int64(month->statements[SET_SKEW], 1, behind);
	return month_run(month, SET_SKEW);
}

bool index_mail(struct index *index, const struct indexed_mail *mail)
{
	struct month *month = writing(index, mail->place.name);
	const char *const *rcpt;
	guint i;
	int64_t n;
	bool good;

	if (!month)
		return false;
	good = add_mail(month, mail);
	if (!good || sqlite3_changes(month->db) == 0)
		return good && add_copy(month, mail);
	n = sqlite3_last_insert_rowid(month->db);
	good = note_order(month, mail->time) && put_words(month, ADD_WORDS, n, mail->words) &&
	       add_person(month, mail->sender, PERSON_SENDER, n);
	for (i = 0; good && i < mail->words->authors->len; i++)
		good = add_person(month, mail->words->authors->pdata[i], PERSON_SENDER, n);
	for (rcpt = mail->rcpts; good && *rcpt; rcpt++)
		good = add_person(month, *rcpt, PERSON_RECIPIENT, n);
	return good;
}

#define MONTHS_BACK 3 /* mail waits for days, not for months */

/* Most of what comes of a message comes while its month is the last one, and open. */
static struct month *month_at_hand(struct index *index, const char *name)
{
	struct month *month = index->months;

	while (month && strncmp(month->name, name, 7) != 0)
		month = month->next;
	return month;
}

#define UNKNOWN (-2)

/* The month that has the message, of the `most` newest up to that of `last`, and its row; NULL:
 * none has, or (UNKNOWN) one cannot be asked. */
static struct month *find_month(struct index *index, const char *id, const char *last,
				unsigned most, int64_t *n)
{
	struct month *month = month_at_hand(index, last);
	GPtrArray *names;
	bool all = true;
	guint i;

	*n = month ? get_number(month, FIND_MAIL, id) : -1;
	if (*n >= 0)
		return month;
	names = index_names(index);
	for (i = 0; i < names->len && most && *n < 0; i++) {
		if (strncmp(names->pdata[i], last, 7) > 0)
			continue;
		most--;
		month = index_month(index, names->pdata[i]);
		all &= month != NULL;
		*n = month ? get_number(month, FIND_MAIL, id) : -1;
	}
	g_ptr_array_unref(names);
	if (*n < 0 && !all)
		*n = UNKNOWN;
	return *n < 0 ? NULL : month;
}

bool index_left(struct index *index, const struct indexed_left *left)
{
	int64_t n;
	struct month *month = find_month(index, left->id, left->place.name, MONTHS_BACK, &n);
	sqlite3_stmt *statement;

	if (!month)
		return n != UNKNOWN; /* of a message that was taken out */
	month = writing(index, month->name);
	if (!month)
		return false;
	statement = month->statements[ADD_LEFT];
	sqlite3_bind_int64(statement, 1, n);
	sqlite3_bind_int64(statement, 2, left->time);
	bind_text(statement, 3, left->relay);
	bind_text(statement, 4, left->return_path);
	bind_text(statement, 5, left->sha256);
	sqlite3_bind_int64(statement, 6, left->size);
	bind_text(statement, 7, left->place.name);
	sqlite3_bind_int64(statement, 8, (int64_t)left->place.at);
	return month_run(month, ADD_LEFT);
}

bool index_outcome(struct index *index, const struct indexed_outcome *outcome)
{
	int64_t n;
	struct month *month = find_month(index, outcome->id, outcome->place.name, MONTHS_BACK, &n);
	sqlite3_stmt *statement;

	if (!month)
		return n != UNKNOWN;
	month = writing(index, month->name);
	if (!month)
		return false;
	statement = month->statements[ADD_OUTCOME];
	sqlite3_bind_int64(statement, 1, n);
	sqlite3_bind_int64(statement, 2, outcome->time);
	bind_text(statement, 3, outcome->rcpt);
	bind_text(statement, 4, outcome->relay);
	bind_text(statement, 5, outcome->status);
	sqlite3_bind_int64(statement, 6, outcome->code);
	bind_text(statement, 7, outcome->text);
	bind_text(statement, 8, outcome->place.name);
	sqlite3_bind_int64(statement, 9, (int64_t)outcome->place.at);
	return month_run(month, ADD_OUTCOME);
}

/* --- taking out --- */

static bool run_place(struct month *month, enum index_query query, const struct place *place)
{
	sqlite3_stmt *statement = month->statements[query];

	bind_text(statement, 1, place->name);
	sqlite3_bind_int64(statement, 2, (int64_t)place->at);
	return month_run(month, query);
}

static bool run_number(struct month *month, enum index_query query, int64_t n)
{
	sqlite3_bind_int64(month->statements[query], 1, n);
	return month_run(month, query);
}

bool index_drop(struct index *index, const char *number, const struct words *words,
		const GArray *places)
{
	static const enum index_query drops[] = { DROP_COPIES, DROP_PERSONS, DROP_LEFT,
						  DROP_OUTCOMES };
	/* of that month: another may have the same mail, and keep it for longer */
	struct month *month = index_month(index, number);
	int64_t n = atoll(number + 8);
	bool good;
	size_t i;

	/* it has to be on disk before the first key is destroyed */
	if (month && !month->in_transaction)
		sqlite3_exec(month->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
	month = month ? writing(index, month->name) : NULL;
	good = month && run_number(month, DROP_MAIL, n);
	if (!good || sqlite3_changes(month->db) == 0)
		return good; /* another removal has taken it */
	good = !words || put_words(month, DROP_WORDS, n, words);
	for (i = 0; good && i < places->len; i++)
		good = run_place(month, ADD_DOOMED, &g_array_index(places, struct place, i));
	for (i = 0; good && i < sizeof drops / sizeof drops[0]; i++)
		good = run_number(month, drops[i], n);
	return good;
}

bool index_destroyed(struct index *index, const struct doomed *doomed)
{
	struct month *month = writing(index, doomed->month);

	return month && run_place(month, DROP_DOOMED, &doomed->place);
}

static bool add_doomed(struct month *month, GArray *out)
{
	sqlite3_stmt *statement = NULL;
	int done = SQLITE_ERROR;

	sqlite3_prepare_v2(month->db, "SELECT name,at FROM doomed", -1, &statement, NULL);
	while (statement && (done = sqlite3_step(statement)) == SQLITE_ROW) {
		struct doomed doomed = { .place.at = (uint64_t)sqlite3_column_int64(statement, 1) };

		snprintf(doomed.place.name, sizeof doomed.place.name, "%s",
			 (const char *)sqlite3_column_text(statement, 0));
		memcpy(doomed.month, month->name, sizeof doomed.month);
		g_array_append_val(out, doomed);
	}
	sqlite3_finalize(statement);
	return done == SQLITE_DONE;
}

bool index_doomed(struct index *index, GArray *out)
{
	GPtrArray *names = index_names(index);
	bool good = true;
	guint i;

	for (i = 0; i < names->len && good; i++) {
		struct month *month = index_month(index, names->pdata[i]);

		good = month && add_doomed(month, out);
	}
	g_ptr_array_unref(names);
	return good;
}

static bool end(struct month *month, bool good)
{
	bool ended = !month->in_transaction || sqlite3_exec(month->db, good ? "COMMIT" : "ROLLBACK",
							    NULL, NULL, NULL) == SQLITE_OK;

	if (month->in_transaction && !(good && ended))
		read_order(month);
	month->in_transaction = false;
	return good && ended;
}

/* The month with the position is the last: a kill between two leaves nothing out. */
bool index_end(struct index *index, const char *name, uint64_t position)
{
	struct month *last = name ? writing(index, name) : NULL, *month;
	bool good = !name || last != NULL;

	if (last) {
		bind_text(last->statements[SET_POSITION], 1, name);
		sqlite3_bind_int64(last->statements[SET_POSITION], 2, (int64_t)position);
		good = month_run(last, SET_POSITION);
	}
	for (month = index->months; month; month = month->next)
		if (month != last)
			good = end(month, good);
	return last ? end(last, good) : good;
}

/* --- scrubbing --- */

static char *owed_path(const struct index *index)
{
	return g_build_filename(index->folder, "index", "scrub", NULL);
}

bool index_owe_scrub(struct index *index)
{
	char *path = owed_path(index);
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (file >= 0)
		close(file);
	g_free(path);
	return file >= 0;
}

bool index_owes_scrub(const struct index *index)
{
	char *path = owed_path(index);
	bool owes = access(path, F_OK) == 0;

	g_free(path);
	return owes;
}

static int is_set(void *stop)
{
	return *(const atomic_bool *)stop;
}

/* Segments of words that still had it are merged away, and so is the log of what was written. */
static bool scrub(struct month *month, const atomic_bool *stop)
{
	bool good;

	sqlite3_progress_handler(month->db, 1000, is_set, (void *)stop);
	good = sqlite3_exec(month->db,
			    "INSERT INTO words(words) VALUES('optimize');"
			    "PRAGMA wal_checkpoint(TRUNCATE);",
			    NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_progress_handler(month->db, 0, NULL, NULL);
	return good;
}

void index_scrub(struct index *index, const atomic_bool *stop)
{
	GPtrArray *names = index_names(index);
	char *path = owed_path(index);
	bool good = true;
	guint i;

	for (i = 0; i < names->len && !*stop; i++) {
		struct month *month = index_month(index, names->pdata[i]);

		good &= month && scrub(month, stop);
	}
	if (good && !*stop)
		unlink(path);
	g_free(path);
	g_ptr_array_unref(names);
}
