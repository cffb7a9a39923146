#include "store_private.h"

#include <stdio.h>

/* What one question looks at where no index says which rows they are. */
#define ROWS_SCANNED 20000
#define UNREAD_MOST 10000 /* counted */

#define QUOTED(name) #name,
const char *const row_names[ROW_TEXT_COUNT] = { ROW_TEXTS(QUOTED) };
const char *const tally_names[TALLY_TEXT_COUNT] = { TALLY_TEXTS(QUOTED) };

#define NAME(name) "," #name
#define READ_UP_TO "(SELECT coalesce((SELECT value FROM meta WHERE name='read'),0))"
#define UNREAD "(infrastructure=1 AND seen=0 AND number>" READ_UP_TO ")"
#define COLUMNS                                                                                                \
	"number,time,received,size,code,attempt,infrastructure," UNREAD ",suppressed,"                         \
	"coalesce(nullif(report,0),(SELECT r.number FROM report r WHERE r.number=bounce.number),0)" ROW_TEXTS( \
		NAME)
#define FIRST_TEXT 10

/* --- one row --- */

static void tell_row(sqlite3_stmt *statement, row_function *each, void *arg)
{
	struct row row = { .number = sqlite3_column_int64(statement, 0),
			   .time = sqlite3_column_int64(statement, 1),
			   .received = sqlite3_column_int64(statement, 2),
			   .size = sqlite3_column_int64(statement, 3),
			   .code = sqlite3_column_int(statement, 4),
			   .attempt = sqlite3_column_int(statement, 5),
			   .is_infrastructure = sqlite3_column_int(statement, 6) != 0,
			   .is_unread = sqlite3_column_int(statement, 7) != 0,
			   .is_suppressed = sqlite3_column_int(statement, 8) != 0,
			   .report_number = sqlite3_column_int64(statement, 9) };
	int i, report = FIRST_TEXT + ROW_TEXT_COUNT;

	for (i = 0; i < ROW_TEXT_COUNT; i++)
		row.texts[i] = store_text(statement, FIRST_TEXT + i);
	if (sqlite3_column_count(statement) > report)
		row.report = gw_str_n(sqlite3_column_blob(statement, report),
				      (size_t)sqlite3_column_bytes(statement, report));
	each(arg, &row);
}

/* --- under the lock of the reader --- */

static int64_t ask_number(struct store *store, const char *sql, int64_t first, int64_t otherwise)
{
	sqlite3_stmt *statement = store_question(store, sql);

	sqlite3_bind_int64(statement, 1, first);
	if (sqlite3_step(statement) == SQLITE_ROW &&
	    sqlite3_column_type(statement, 0) != SQLITE_NULL)
		otherwise = sqlite3_column_int64(statement, 0);
	store_clear(statement);
	return otherwise;
}

/* The rows that are looked at: from `low` to `high`, both counted. */
struct range {
	int64_t low, high;
};

static bool has_index(const struct query *query)
{
	return query->texts[ROW_recipient] || query->texts[ROW_message_id] ||
	       query->texts[ROW_queue_id] || query->unread;
}

/* Times go up with numbers, but for what was committed in another order than it began in, which is
 * little. */
static struct range range_of_times(struct store *store, const struct query *query, int64_t newest)
{
	struct range range = { 1, newest };

	if (query->since)
		range.low = ask_number(store,
				       "SELECT min(number) FROM (SELECT number FROM bounce WHERE "
				       "time>=?1 ORDER BY time LIMIT 5000)",
				       query->since, newest + 1);
	if (query->until)
		range.high = ask_number(store,
					"SELECT max(number) FROM (SELECT number FROM bounce WHERE "
					"time<?1 ORDER BY time DESC LIMIT 5000)",
					query->until, 0);
	return range;
}

/* Of what is unread as many are looked at as else of all: there may be a million that are somebody
 * else's. */
static struct range cut_unread(struct store *store, const struct query *query, struct range range)
{
	static const char
		up[] = "SELECT number FROM bounce WHERE infrastructure=1 AND seen=0 AND number>=?1 "
		       "ORDER BY number LIMIT 1 OFFSET " G_STRINGIFY(ROWS_SCANNED),
		down[] = "SELECT number FROM bounce WHERE infrastructure=1 AND seen=0 AND "
			 "number<=?1 ORDER BY number DESC LIMIT 1 OFFSET " G_STRINGIFY(
				 ROWS_SCANNED);

	if (query->ascending)
		range.high = MIN(range.high, ask_number(store, up, range.low, range.high));
	else
		range.low = MAX(range.low, ask_number(store, down, range.high, range.low));
	return range;
}

/* What a question may look at, cut to what it does look at: from its beginning, where the first row
 * is. */
static struct range cut(struct store *store, const struct query *query, struct range range)
{
	int64_t first;

	if (query->ascending) {
		range.low = MAX(range.low, query->after + 1);
		first = ask_number(store, "SELECT min(number) FROM bounce WHERE number>=?1",
				   range.low, range.high);
		if (!has_index(query))
			range.high = MIN(range.high, first + ROWS_SCANNED - 1);
	} else {
		if (query->before)
			range.high = MIN(range.high, query->before - 1);
		first = ask_number(store, "SELECT max(number) FROM bounce WHERE number<=?1",
				   range.high, range.low);
		if (!has_index(query))
			range.low = MAX(range.low, first - ROWS_SCANNED + 1);
	}
	return query->unread ? cut_unread(store, query, range) : range;
}

static void write_sql(const struct query *query, GString *sql)
{
	int i;

	g_string_append(sql, "SELECT " COLUMNS " FROM bounce WHERE number BETWEEN ?1 AND ?2");
	for (i = 0; i < ROW_TEXT_COUNT; i++)
		if (query->texts[i])
			g_string_append_printf(
				sql, " AND %s=?%d%s", row_names[i], 10 + i,
				i == ROW_recipient || i == ROW_domain ? " COLLATE NOCASE" : "");
	if (query->since)
		g_string_append(sql, " AND +time>=?3");
	if (query->until)
		g_string_append(sql, " AND +time<?4");
	if (query->unread)
		g_string_append(sql, " AND infrastructure=1 AND seen=0 AND number>" READ_UP_TO);
	else if (query->infrastructure)
		g_string_append(sql, " AND infrastructure=1");
	g_string_append_printf(sql, " ORDER BY number %s LIMIT ?5",
			       query->ascending ? "ASC" : "DESC");
}

static void bind_query(sqlite3_stmt *statement, const struct query *query, struct range range)
{
	int i;

	sqlite3_bind_int64(statement, 1, range.low);
	sqlite3_bind_int64(statement, 2, range.high);
	sqlite3_bind_int64(statement, 3, query->since);
	sqlite3_bind_int64(statement, 4, query->until);
	sqlite3_bind_int64(statement, 5, query->limit);
	for (i = 0; i < ROW_TEXT_COUNT; i++)
		if (query->texts[i])
			store_bind(statement, 10 + i, query->texts[i]);
}

/* How many rows there were, and the number of the last; -1. */
static int64_t tell_rows(struct store *store, const struct query *query, struct range range,
			 int64_t *last, row_function *each, void *arg)
{
	GString *sql = g_string_new(NULL);
	sqlite3_stmt *statement;
	int64_t count = 0;
	int done;

	write_sql(query, sql);
	statement = store_question(store, sql->str);
	bind_query(statement, query, range);
	while ((done = sqlite3_step(statement)) == SQLITE_ROW) {
		*last = sqlite3_column_int64(statement, 0);
		tell_row(statement, each, arg);
		count++;
	}
	store_clear(statement);
	g_string_free(sql, TRUE);
	return done == SQLITE_DONE ? count : -1;
}

static int list(struct store *store, const struct query *query, struct page *page,
		row_function *each, void *arg)
{
	struct range all, range;
	int64_t count, last = 0;

	page->newest = ask_number(
		store, "SELECT seq FROM sqlite_sequence WHERE name='bounce' AND ?1", 1, 0);
	if (query->after > page->newest)
		return 1;
	all = range_of_times(store, query, page->newest);
	if (query->unread)
		all.low = MAX(all.low, ask_number(store, "SELECT " READ_UP_TO "+1 WHERE ?1", 1, 1));
	range = cut(store, query, all);
	count = tell_rows(store, query, range, &last, each, arg);
	if (count < 0)
		return -1;
	if (query->ascending) {
		page->next = count == query->limit ? last : MAX(query->after, range.high);
		page->more = page->next < all.high;
		/* what is behind has been looked at: it was before or after the times asked for */
		if (!page->more && !query->until)
			page->next = MAX(page->next, page->newest);
	} else {
		page->next = page->newest;
		page->older = count == query->limit ? last : range.low;
		page->more = page->older > all.low &&
			     ask_number(store, "SELECT 1 FROM bounce WHERE number<?1 LIMIT 1",
					page->older, 0) == 1;
	}
	return 0;
}

/* What one question sees is of one moment. */
static void snapshot_begin(struct store *store)
{
	pthread_mutex_lock(&store->reading);
	ask_number(store, "BEGIN", 0, 0);
}

static void snapshot_end(struct store *store)
{
	ask_number(store, "COMMIT", 0, 0);
	pthread_mutex_unlock(&store->reading);
}

/* --- what is asked --- */

int rows_list(struct store *store, const struct query *query, struct page *page, row_function *each,
	      void *arg)
{
	int result;

	snapshot_begin(store);
	result = list(store, query, page, each, arg);
	snapshot_end(store);
	return result;
}

int rows_get(struct store *store, int64_t number, row_function *each, void *arg)
{
	static const char sql[] =
		"SELECT " COLUMNS
		",(SELECT bytes FROM report r WHERE r.number=coalesce(nullif(report,0),bounce.number))"
		" FROM bounce WHERE number=?1";
	sqlite3_stmt *statement;
	int done;

	pthread_mutex_lock(&store->reading);
	statement = store_question(store, sql);
	sqlite3_bind_int64(statement, 1, number);
	done = sqlite3_step(statement);
	if (done == SQLITE_ROW)
		tell_row(statement, each, arg);
	store_clear(statement);
	pthread_mutex_unlock(&store->reading);
	return done == SQLITE_ROW ? 0 : done == SQLITE_DONE ? 1 : -1;
}

/* --- unread --- */

int rows_read(struct store *store, int64_t number)
{
	static const char
		one[] = "UPDATE bounce SET seen=1 WHERE number=?1",
		all[] = "INSERT OR REPLACE INTO meta SELECT 'read',seq FROM sqlite_sequence "
			"WHERE name='bounce' AND ?1=0";
	sqlite3_stmt *statement;
	int done, changes;

	pthread_mutex_lock(&store->lock);
	statement = store_prepare(store->db, number ? one : all);
	sqlite3_bind_int64(statement, 1, number);
	done = sqlite3_step(statement);
	changes = sqlite3_changes(store->db);
	sqlite3_finalize(statement);
	pthread_mutex_unlock(&store->lock);
	if (done != SQLITE_DONE)
		return -1;
	return number && !changes;
}

int64_t rows_unread(struct store *store)
{
	int64_t count;

	pthread_mutex_lock(&store->reading);
	count = ask_number(store,
			   "SELECT count(*) FROM (SELECT 1 FROM bounce WHERE infrastructure=1 AND "
			   "seen=0 AND number>" READ_UP_TO " LIMIT ?1)",
			   UNREAD_MOST, -1);
	pthread_mutex_unlock(&store->reading);
	return count;
}

/* --- owed --- */

int rows_owed_names(struct store *store, int64_t before, int64_t limit,
		    void (*each)(void *arg, const struct report_name *name), void *arg)
{
	static const char sql[] = "SELECT id,nth,time FROM bounce WHERE owed=1 AND time<?1 "
				  "GROUP BY id,nth,time ORDER BY min(number) LIMIT ?2";
	struct report_name name;
	sqlite3_stmt *statement;
	int done;

	pthread_mutex_lock(&store->reading);
	statement = store_question(store, sql);
	sqlite3_bind_int64(statement, 1, before);
	sqlite3_bind_int64(statement, 2, limit);
	while ((done = sqlite3_step(statement)) == SQLITE_ROW) {
		name.path.id = (uint64_t)sqlite3_column_int64(statement, 0);
		name.path.nth = (uint16_t)sqlite3_column_int(statement, 1);
		name.time = sqlite3_column_int64(statement, 2);
		each(arg, &name);
	}
	store_clear(statement);
	pthread_mutex_unlock(&store->reading);
	return done == SQLITE_DONE ? 0 : -1;
}

int rows_owed(struct store *store, const struct report_name *name, row_function *each, void *arg)
{
	static const char sql[] = "SELECT " COLUMNS
				  " FROM bounce WHERE id=?1 AND nth=?2 AND time=?3 AND owed=1";
	sqlite3_stmt *statement;
	int done;

	pthread_mutex_lock(&store->reading);
	statement = store_question(store, sql);
	sqlite3_bind_int64(statement, 1, (int64_t)name->path.id);
	sqlite3_bind_int(statement, 2, name->path.nth);
	sqlite3_bind_int64(statement, 3, name->time);
	while ((done = sqlite3_step(statement)) == SQLITE_ROW)
		tell_row(statement, each, arg);
	store_clear(statement);
	pthread_mutex_unlock(&store->reading);
	return done == SQLITE_DONE ? 0 : -1;
}

/* --- how many --- */

static void write_tally_sql(const struct tally_query *query, GString *sql)
{
	const char *comma = " GROUP BY ";
	int i;

	g_string_append(sql, "SELECT sum(count),");
	g_string_append(sql, query->by_day ? "day" : "-1");
	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		g_string_append_printf(sql, ",%s", query->by[i] ? tally_names[i] : "NULL");
	g_string_append(sql, " FROM tally WHERE day BETWEEN ?1 AND ?2");
	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		if (query->texts[i])
			g_string_append_printf(sql, " AND %s=?%d", tally_names[i], 10 + i);
	for (i = query->by_day ? -1 : 0; i < TALLY_TEXT_COUNT; i++)
		if (i < 0 || query->by[i]) {
			g_string_append_printf(sql, "%s%s", comma, i < 0 ? "day" : tally_names[i]);
			comma = ",";
		}
	g_string_append(sql, " ORDER BY 1 DESC LIMIT ?3");
}

static void tell_tally(sqlite3_stmt *statement, void (*each)(void *, const struct tally *),
		       void *arg)
{
	struct tally tally = { .count = sqlite3_column_int64(statement, 0),
			       .day = sqlite3_column_int64(statement, 1) };
	int i;

	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		tally.texts[i] = (const char *)sqlite3_column_text(statement, 2 + i);
	if (tally.count)
		each(arg, &tally);
}

int rows_tally(struct store *store, const struct tally_query *query,
	       void (*each)(void *arg, const struct tally *tally), void *arg)
{
	GString *sql = g_string_new(NULL);
	sqlite3_stmt *statement;
	int i, done;

	write_tally_sql(query, sql);
	pthread_mutex_lock(&store->reading);
	statement = store_question(store, sql->str);
	sqlite3_bind_int64(statement, 1, query->since);
	sqlite3_bind_int64(statement, 2, query->until);
	sqlite3_bind_int64(statement, 3, query->limit);
	for (i = 0; i < TALLY_TEXT_COUNT; i++)
		if (query->texts[i])
			store_bind(statement, 10 + i, query->texts[i]);
	while ((done = sqlite3_step(statement)) == SQLITE_ROW)
		tell_tally(statement, each, arg);
	store_clear(statement);
	pthread_mutex_unlock(&store->reading);
	g_string_free(sql, TRUE);
	return done == SQLITE_DONE ? 0 : -1;
}
