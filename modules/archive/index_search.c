/* index_search.c - a search, month by month, the newest first. */
#include "index_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEARCH_S 3 /* a search that takes longer is given up: the main thread waits for it */

/* --- rows --- */

static const char *text_at(sqlite3_stmt *statement, int at)
{
	const char *text = (const char *)sqlite3_column_text(statement, at);

	return text ? text : "";
}

static void take_place(struct place *place, sqlite3_stmt *statement, int at)
{
	snprintf(place->name, sizeof place->name, "%s", text_at(statement, at));
	place->at = (uint64_t)sqlite3_column_int64(statement, at + 1);
}

static void tell_hit(const struct month *month, sqlite3_stmt *statement,
		     void (*each)(void *, const struct hit *), void *arg)
{
	struct hit hit = { .time = sqlite3_column_int64(statement, 12),
			   .size = sqlite3_column_int64(statement, 13),
			   .until = sqlite3_column_int64(statement, 14),
			   .count = sqlite3_column_int64(statement, 15) };
	const char **texts[] = { &hit.id,         &hit.sender, &hit.client, &hit.login,
				 &hit.type,       &hit.peer,   &hit.sha256, &hit.subject,
				 &hit.message_id, &hit.rcpts,  &hit.status };
	size_t i;

	snprintf(hit.number, sizeof hit.number, "%s/%lld", month->name,
		 (long long)sqlite3_column_int64(statement, 0));
	for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = text_at(statement, 1 + (int)i);
	take_place(&hit.place, statement, 16);
	each(arg, &hit);
}

static int is_over(void *arg)
{
	return time(NULL) > *(const time_t *)arg;
}

/* What a month has to do with the time that is asked for. */
enum within { OUTSIDE, PARTLY, WHOLLY };

/* The number of hits; -1: it failed. */
static int64_t search_month(struct month *month, const struct query *query, enum within within,
			    time_t until, int64_t before, int64_t limit,
			    void (*each)(void *, const struct hit *), void *arg)
{
	struct asking asking;
	sqlite3_stmt *statement;
	int64_t count = 0;
	int done = SQLITE_ERROR;

	sqlite3_progress_handler(month->db, 10000, is_over, &until);
	statement = asking_begin(&asking, month, query, within == WHOLLY, before, limit);
	while (statement && (done = sqlite3_step(statement)) == SQLITE_ROW) {
		tell_hit(month, statement, each, arg);
		count++;
	}
	sqlite3_progress_handler(month->db, 0, NULL, NULL);
	sqlite3_finalize(statement);
	asking_end(&asking);
	return done == SQLITE_DONE ? count : -1;
}

/* Mail of a month was archived in it, or before: it may have waited for a disk, or a clock that was
 * ahead has named the month. No mail is of a later time than that, but for a day. */
#define EDGE_MS INT64_C(86400000)

static int64_t end_of(const char *month)
{
	struct tm tm = { .tm_mday = 1 };

	if (sscanf(month, "%4d-%2d", &tm.tm_year, &tm.tm_mon) != 2)
		return INT64_MAX;
	tm.tm_year -= 1900;
	return (int64_t)timegm(&tm) * 1000 + EDGE_MS;
}

/* What its name tells alone. */
static bool may_have(const struct query *query, const char *month)
{
	return query->since < end_of(month) &&
	       !(query->before && strncmp(month, query->before, 7) > 0);
}

static int64_t oldest_of(const struct month *month)
{
	sqlite3_stmt *statement = NULL;
	int64_t oldest = 0;

	if (sqlite3_prepare_v2(month->db, "SELECT min(time) FROM mail", -1, &statement, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		oldest = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return oldest;
}

static enum within within_of(const struct query *query, const struct month *month)
{
	int64_t oldest = query->since || query->until ? oldest_of(month) : 0;

	if (query->until && query->until <= oldest)
		return OUTSIDE;
	return query->since <= oldest && (!query->until || query->until >= end_of(month->name))
		       ? WHOLLY
		       : PARTLY;
}

static int64_t number_of(const char *number, const char *month)
{
	return number && strncmp(number, month, 7) == 0 && number[7] == '/' ? atoll(number + 8) : 0;
}

bool index_search(struct index *index, const struct query *query,
		  void (*each)(void *arg, const struct hit *hit), void *arg)
{
	GPtrArray *names = index_names(index);
	int64_t left = query->limit, got = 0;
	time_t until = time(NULL) + SEARCH_S;
	guint i;

	for (i = 0; i < names->len && left > 0 && got >= 0; i++) {
		const char *name = names->pdata[i];
		struct month *month = may_have(query, name) ? index_month(index, name) : NULL;
		enum within within = month ? within_of(query, month) : OUTSIDE;

		if (!month && may_have(query, name) && !index->is_unmade)
			got = -1; /* what is in it would be left out, and nobody told */
		if (within == OUTSIDE)
			continue;
		got = search_month(month, query, within, until, number_of(query->before, name),
				   left, each, arg);
		left -= got;
	}
	g_ptr_array_unref(names);
	return got >= 0;
}

/* --- what came of one --- */

static void tell_trace(sqlite3_stmt *statement, bool is_outcome,
		       void (*each)(void *, const struct trace *), void *arg)
{
	struct trace trace = { .is_outcome = is_outcome,
			       .time = sqlite3_column_int64(statement, 0),
			       .relay = text_at(statement, 1),
			       .rcpt = text_at(statement, 2),
			       .status = text_at(statement, 3),
			       .text = text_at(statement, 4),
			       .return_path = text_at(statement, 5),
			       .sha256 = text_at(statement, 6),
			       .code = sqlite3_column_int64(statement, 7),
			       .size = sqlite3_column_int64(statement, 8) };

	take_place(&trace.place, statement, 9);
	each(arg, &trace);
}

bool index_traces(struct index *index, const char *number,
		  void (*each)(void *arg, const struct trace *trace), void *arg)
{
	static const char *const sql[] = {
		"SELECT time,relay,'','','',return_path,sha256,0,size,name,at FROM gone WHERE n=?1 ORDER BY rowid",
		"SELECT time,relay,rcpt,status,text,'','',code,0,name,at FROM outcome WHERE n=?1 ORDER BY rowid"
	};
	struct month *month = index_month(index, number);
	int i, done = month ? SQLITE_DONE : SQLITE_ERROR;

	for (i = 0; i < 2 && done == SQLITE_DONE; i++) {
		sqlite3_stmt *statement = NULL;

		done = sqlite3_prepare_v2(month->db, sql[i], -1, &statement, NULL);
		sqlite3_bind_int64(statement, 1, number_of(number, month->name));
		while (statement && (done = sqlite3_step(statement)) == SQLITE_ROW)
			tell_trace(statement, i == 1, each, arg);
		sqlite3_finalize(statement);
	}
	return done == SQLITE_DONE;
}

bool index_copies(struct index *index, const char *number, GArray *places)
{
	struct month *month = index_month(index, number);
	sqlite3_stmt *statement = NULL;
	int done = SQLITE_ERROR;

	if (month)
		done = sqlite3_prepare_v2(month->db, "SELECT name,at FROM copy WHERE n=?1", -1,
					  &statement, NULL);
	sqlite3_bind_int64(statement, 1, month ? number_of(number, month->name) : 0);
	while (statement && (done = sqlite3_step(statement)) == SQLITE_ROW) {
		struct place place;

		take_place(&place, statement, 0);
		g_array_append_val(places, place);
	}
	sqlite3_finalize(statement);
	return done == SQLITE_DONE;
}
