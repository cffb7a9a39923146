/* index_search.c - a search, month by month, the newest first. */
#include "index_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEARCH_S 3 /* a search that takes longer is given up: the main thread waits for it */

/* --- what is asked for, as SQL: what the caller said is bound, never written into it --- */

#define MOST_BOUND 16

struct asking {
	GString *sql, *match;
	char *texts[MOST_BOUND]; /* of ?1, ?2, ...; NULL: a number */
	int64_t numbers[MOST_BOUND];
	int bound;
};

static void bind(struct asking *asking, char *text, int64_t number, const char *condition)
{
	asking->texts[asking->bound] = text;
	asking->numbers[asking->bound] = number;
	asking->bound++;
	g_string_append(asking->sql, " AND ");
	g_string_append_printf(asking->sql, condition, asking->bound);
}

/* Of "@example.com" everybody in the domain. */
static void ask_person(struct asking *asking, const char *address, const char *by_address,
		       const char *by_domain)
{
	if (address)
		bind(asking, g_utf8_strdown(address, -1), 0,
		     *address == '@' ? by_domain : by_address);
}

static void ask_text(struct asking *asking, const char *text, const char *condition)
{
	if (text)
		bind(asking, g_strdup(text), 0, condition);
}

/* As the index parts text into words. */
static bool is_of_word(gunichar c)
{
	return g_unichar_isalnum(c) || g_unichar_ismark(c);
}

/* Each word has to be there: `column` : ("one" AND "two"). What has no word in it is nowhere. */
static void ask_words(struct asking *asking, const char *column, const char *text)
{
	char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
	const char *at = valid;
	bool within = false;

	if (!text)
		return;
	g_string_append_printf(asking->match, "%s%s(\"", asking->match->len ? " AND " : "", column);
	for (; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (is_of_word(c)) {
			g_string_append_unichar(asking->match, c);
			within = true;
		} else if (within) {
			g_string_append(asking->match, "\" AND \"");
			within = false;
		}
	}
	if (!within && g_str_has_suffix(asking->match->str, " AND \""))
		g_string_truncate(asking->match, asking->match->len - 6);
	else
		g_string_append_c(asking->match, '"');
	g_string_append_c(asking->match, ')');
	g_free(valid);
}

#define OF_PERSON "mail.n IN (SELECT n FROM person WHERE "

static void ask_all(struct asking *asking, const struct query *query, int64_t before)
{
	ask_words(asking, "subject : ", query->subject);
	ask_words(asking, "attachments : ", query->attachment);
	ask_words(asking, "", query->words);
	g_string_append(asking->sql, asking->match->len
					     ? " FROM words JOIN mail ON mail.n=words.rowid WHERE 1"
					     : " FROM mail WHERE 1");
	if (asking->match->len)
		bind(asking, g_strdup(asking->match->str), 0, "words MATCH ?%d");
	ask_person(asking, query->sender, OF_PERSON "address=?%d AND role=0)",
		   OF_PERSON "domain=?%d AND role=0)");
	ask_person(asking, query->recipient, OF_PERSON "address=?%d AND role=1)",
		   OF_PERSON "domain=?%d AND role=1)");
	ask_person(asking, query->person, OF_PERSON "address=?%d)", OF_PERSON "domain=?%d)");
	ask_text(asking, query->message_id, "message_id=?%d");
	ask_text(asking, query->client, "client=?%d");
	ask_text(asking, query->type, "type=?%d");
	ask_text(asking, query->relay, "mail.n IN (SELECT n FROM gone WHERE relay=?%d)");
	ask_text(asking, query->id, "?%d IN (id,sha256)");
	ask_text(asking, query->mail, "mail.id=?%d");
	if (query->since)
		bind(asking, NULL, query->since, "mail.time>=?%d");
	if (query->until)
		bind(asking, NULL, query->until, "mail.time<?%d");
	if (query->ended)
		bind(asking, NULL, query->ended, "mail.until>0 AND mail.until<?%d");
	if (before)
		bind(asking, NULL, before, "mail.n<?%d");
	g_string_append_printf(asking->sql, " ORDER BY %s DESC LIMIT ?%d",
			       asking->match->len ? "words.rowid" : "mail.n", asking->bound + 1);
}

static sqlite3_stmt *prepare(struct month *month, const struct query *query, int64_t before,
			     int64_t limit, struct asking *asking)
{
	sqlite3_stmt *statement = NULL;
	int i;

	*asking = (struct asking){ .match = g_string_new(NULL) };
	asking->sql = g_string_new(
		"SELECT mail.n,id,sender,client,login,type,peer,sha256,mail.subject,message_id,rcpts,"
		"(SELECT group_concat(DISTINCT s) FROM (SELECT status s,max(rowid) FROM outcome "
		"WHERE n=mail.n GROUP BY rcpt)),"
		"time,size,until,count,name,at");
	ask_all(asking, query, before);
	if (sqlite3_prepare_v2(month->db, asking->sql->str, -1, &statement, NULL) != SQLITE_OK)
		return NULL;
	for (i = 0; i < asking->bound; i++)
		if (asking->texts[i])
			sqlite3_bind_text(statement, i + 1, asking->texts[i], -1, SQLITE_STATIC);
		else
			sqlite3_bind_int64(statement, i + 1, asking->numbers[i]);
	sqlite3_bind_int64(statement, asking->bound + 1, limit);
	return statement;
}

static void asked(struct asking *asking)
{
	int i;

	for (i = 0; i < asking->bound; i++)
		g_free(asking->texts[i]);
	g_string_free(asking->sql, TRUE);
	g_string_free(asking->match, TRUE);
}

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

/* The number of hits; -1: it failed. */
static int64_t search_month(struct month *month, const struct query *query, time_t until,
			    int64_t before, int64_t limit, void (*each)(void *, const struct hit *),
			    void *arg)
{
	struct asking asking;
	sqlite3_stmt *statement = prepare(month, query, before, limit, &asking);
	int64_t count = 0;
	int done = SQLITE_ERROR;

	sqlite3_progress_handler(month->db, 10000, is_over, &until);
	while (statement && (done = sqlite3_step(statement)) == SQLITE_ROW) {
		tell_hit(month, statement, each, arg);
		count++;
	}
	sqlite3_progress_handler(month->db, 0, NULL, NULL);
	sqlite3_finalize(statement);
	asked(&asking);
	return done == SQLITE_DONE ? count : -1;
}

/* Mail of a month was archived in it. */
static bool is_asked(const struct query *query, const char *month)
{
	char first[8] = "", last[8] = "9999-99";
	time_t since = (time_t)(query->since / 1000), until = (time_t)(query->until / 1000);
	struct tm tm;

	if (query->since && gmtime_r(&since, &tm))
		strftime(first, sizeof first, "%Y-%m", &tm);
	if (query->until && gmtime_r(&until, &tm))
		strftime(last, sizeof last, "%Y-%m", &tm);
	return strcmp(month, first) >= 0 && strcmp(month, last) <= 0 &&
	       (!query->before || strncmp(month, query->before, 7) <= 0);
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
		struct month *month = is_asked(query, name) ? index_month(index, name) : NULL;

		if (!month)
			continue;
		got = search_month(month, query, until, number_of(query->before, name), left, each,
				   arg);
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
