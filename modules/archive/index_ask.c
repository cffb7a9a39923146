#include "index_ask.h"

/* --- texts and numbers --- */

/* `%d` in the text is where it is bound. */
static void bind(struct asking *asking, char *text, int64_t number, const char *condition)
{
	asking->texts[asking->bound] = text;
	asking->numbers[asking->bound] = number;
	asking->bound++;
	g_string_append_printf(asking->sql, condition, asking->bound);
}

static void bind_all(const struct asking *asking, sqlite3_stmt *statement)
{
	int i;

	for (i = 0; i < asking->bound; i++)
		if (asking->texts[i])
			sqlite3_bind_text(statement, i + 1, asking->texts[i], -1, SQLITE_STATIC);
		else
			sqlite3_bind_int64(statement, i + 1, asking->numbers[i]);
}

/* --- words --- */

/* Marks that SQLite takes for a part of the letter before: a bit each, from U+0300 on. All others
 * (vowels of Hindi, Thai, Arabic) part words for it, and two words it does not look for as one. */
#define FIRST_ACCENT 0x300
#define ACCENTS UINT64_C(0x000361F808029FDF)

static bool is_accent(gunichar c)
{
	return c >= FIRST_ACCENT && c < FIRST_ACCENT + 64 && ACCENTS >> (c - FIRST_ACCENT) & 1;
}

/* As the index parts text into words. */
static bool is_of_word(gunichar c)
{
	return g_unichar_isalnum(c) || is_accent(c);
}

/* Each word has to be there: `column` : ("one" AND "two"). What has no word in it is nowhere. */
static void match_words(GString *match, const char *column, const char *text)
{
	char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
	const char *at = valid;
	bool within = false;

	if (!text)
		return;
	g_string_append_printf(match, "%s%s(\"", match->len ? " AND " : "", column);
	for (; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (is_of_word(c)) {
			g_string_append_unichar(match, c);
			within = true;
		} else if (within) {
			g_string_append(match, "\" AND \"");
			within = false;
		}
	}
	if (!within && g_str_has_suffix(match->str, " AND \""))
		g_string_truncate(match, match->len - 6);
	else
		g_string_append_c(match, '"');
	g_string_append_c(match, ')');
	g_free(valid);
}

static char *match_of(const struct query *query)
{
	GString *match = g_string_new(NULL);

	match_words(match, "subject : ", query->subject);
	match_words(match, "attachments : ", query->attachment);
	match_words(match, "", query->words);
	return g_string_free(match, match->len == 0);
}

/* --- what may lead --- */

/* Rows that have numbers, in the order of these; the condition is of a text that is bound. The one
 * that leads is called p. */
struct lead {
	const char *table, *condition, *number;
	bool again;       /* a number may come more than once */
	unsigned looking; /* what it costs to look one number up in it */
};

enum lead_kind { SENDER, SENDERS, RECIPIENT, RECIPIENTS, RELAY, WORDS, LEADS };

static const struct lead leads[LEADS] = {
	[SENDER] = { "person", "address=?%d AND role=0", "n", false, 1 },
	[SENDERS] = { "person", "domain=?%d AND role=0", "n", true, 1 },
	[RECIPIENT] = { "person", "address=?%d AND role=1", "n", false, 1 },
	[RECIPIENTS] = { "person", "domain=?%d AND role=1", "n", true, 1 },
	[RELAY] = { "gone", "relay=?%d", "n", true, 1 },
	[WORDS] = { "words", "words MATCH ?%d", "rowid", false, 30 },
};

/* What the query asks of that kind, to be freed; NULL: nothing. */
static char *asked_of(const struct asking *asking, enum lead_kind kind)
{
	const struct query *query = asking->query;
	const char *person = kind <= SENDERS ? query->sender : query->recipient;

	if (kind == WORDS)
		return g_strdup(asking->match);
	if (kind == RELAY)
		return g_strdup(query->relay);
	/* of "@example.com" everybody in the domain */
	if (!person || (*person == '@') != (kind == SENDERS || kind == RECIPIENTS))
		return NULL;
	return g_utf8_strdown(person, -1);
}

#define COUNT_MOST 3000

/* How many rows, up to a bound. */
static int64_t count_rows(struct asking *asking, const struct lead *lead, const char *text)
{
	GString *sql = g_string_new(NULL);
	sqlite3_stmt *statement = NULL;
	int64_t count = COUNT_MOST;

	g_string_append_printf(sql, "SELECT count(*) FROM (SELECT 1 FROM %s WHERE ", lead->table);
	g_string_append_printf(sql, lead->condition, 1);
	g_string_append_printf(sql, " LIMIT %d)", COUNT_MOST);
	if (sqlite3_prepare_v2(asking->month->db, sql->str, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	g_string_free(sql, TRUE);
	return count;
}

/* What else is asked leads better by an index of its own. */
static bool is_unique(const struct query *query)
{
	return query->id || query->mail || query->message_id || query->ended;
}

/* LEADS: none of them. */
static enum lead_kind choose(struct asking *asking, char *const texts[LEADS])
{
	enum lead_kind kind, best = LEADS;
	int64_t least = INT64_MAX, all = 1;

	if (is_unique(asking->query))
		return LEADS;
	for (kind = 0; kind < LEADS; kind++)
		all += texts[kind] ? leads[kind].looking : 0;
	for (kind = 0; kind < LEADS; kind++) {
		int64_t cost;

		if (!texts[kind])
			continue;
		cost = count_rows(asking, &leads[kind], texts[kind]) * (all - leads[kind].looking);
		if (cost < least) {
			least = cost;
			best = kind;
		}
	}
	return best;
}

/* --- what the others have to be --- */

static void ask_lead(struct asking *asking, enum lead_kind kind, char *text, const char *number)
{
	const struct lead *lead = &leads[kind];

	g_string_append_printf(asking->sql, " AND EXISTS (SELECT 1 FROM %s WHERE ", lead->table);
	bind(asking, text, 0, lead->condition);
	g_string_append_printf(asking->sql, " AND %s.%s=%s)", lead->table, lead->number, number);
}

static void ask_text(struct asking *asking, const char *text, const char *condition)
{
	if (text)
		bind(asking, g_strdup(text), 0, condition);
}

/* What stands in the row of the mail. */
static bool asks_mail(const struct query *query, bool whole)
{
	return is_unique(query) || query->client || query->type || query->person ||
	       (!whole && (query->since || query->until));
}

static void ask_mail(struct asking *asking, bool whole)
{
	const struct query *query = asking->query;

	if (query->person)
		bind(asking, g_utf8_strdown(query->person, -1), 0,
		     *query->person == '@'
			     ? " AND mail.n IN (SELECT n FROM person WHERE domain=?%d)"
			     : " AND mail.n IN (SELECT n FROM person WHERE address=?%d)");
	ask_text(asking, query->message_id, " AND mail.message_id=?%d");
	ask_text(asking, query->client, " AND mail.client=?%d");
	ask_text(asking, query->type, " AND mail.type=?%d");
	ask_text(asking, query->mail, " AND mail.id=?%d");
	if (query->id) {
		bind(asking, g_strdup(query->id), 0, " AND (mail.id=?%d");
		bind(asking, g_strdup(query->id), 0, " OR mail.sha256=?%d)");
	}
	if (query->since && !whole)
		bind(asking, NULL, query->since, " AND mail.time>=?%d");
	if (query->until && !whole)
		bind(asking, NULL, query->until, " AND mail.time<?%d");
	if (query->ended)
		bind(asking, NULL, query->ended, " AND mail.until>0 AND mail.until<?%d");
}

/* --- the whole --- */

/* A number that the index of times leads to; `otherwise`: it has none. */
static int64_t find_number(struct asking *asking, const char *sql, int64_t time, int64_t otherwise)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = otherwise;

	if (sqlite3_prepare_v2(asking->month->db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_int64(statement, 1, time) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* Numbers follow time nearly: no mail is behind one of a smaller number by more than the skew of
 * the month. So what is earlier than `since` by more than that has a smaller number than all that
 * is not, and what is as much later than `until` a greater one. */
static void find_range(struct asking *asking)
{
	static const char skew_sql[] = "SELECT most FROM skew WHERE ?1=0";
	static const char first_sql[] =
		"SELECT n FROM mail INDEXED BY mail_time WHERE time<?1 ORDER BY time DESC LIMIT 1";
	static const char last_sql[] =
		"SELECT n FROM mail INDEXED BY mail_time WHERE time>=?1 ORDER BY time LIMIT 1";
	const struct query *query = asking->query;
	int64_t skew = find_number(asking, skew_sql, 0, -1), last;

	if (skew < 0)
		return;
	if (query->since)
		asking->first = find_number(asking, first_sql, query->since - skew, 0) + 1;
	if (query->until) {
		last = find_number(asking, last_sql, query->until + skew, INT64_MAX);
		asking->last = MIN(asking->last, last - 1);
	}
}

/* Of a time alone the numbers are gone through, not the times: the newest come first. */
static bool asks_time_alone(const struct asking *asking)
{
	return (asking->first > 0 || asking->last < INT64_MAX) && !asks_mail(asking->query, true);
}

/* Begins with the rows that lead; gives how a number is called there. */
static const char *ask_rows(struct asking *asking, enum lead_kind best, char *text, bool with_mail)
{
	const char *number = best == WORDS ? "p.rowid" : best < LEADS ? "p.n" : "mail.n";

	g_string_append_printf(asking->sql, "SELECT %s%s AS n FROM ",
			       best < LEADS && leads[best].again ? "DISTINCT " : "", number);
	if (best == LEADS) {
		g_string_append(asking->sql, asks_time_alone(asking) ? "mail NOT INDEXED WHERE 1"
								     : "mail WHERE 1");
		return number;
	}
	g_string_append_printf(asking->sql, "%s AS p", leads[best].table);
	if (with_mail)
		g_string_append_printf(asking->sql, " CROSS JOIN mail ON mail.n=%s", number);
	g_string_append(asking->sql, " WHERE ");
	bind(asking, text, 0, leads[best].condition);
	return number;
}

static void ask_numbers(struct asking *asking, bool whole, int64_t limit)
{
	char *texts[LEADS];
	enum lead_kind kind, best;
	const char *number;

	for (kind = 0; kind < LEADS; kind++)
		texts[kind] = asked_of(asking, kind);
	best = choose(asking, texts);
	number = ask_rows(asking, best, best < LEADS ? texts[best] : NULL,
			  asks_mail(asking->query, whole));
	for (kind = 0; kind < LEADS; kind++)
		if (texts[kind] && kind != best)
			ask_lead(asking, kind, texts[kind], number);
	ask_mail(asking, whole);
	if (asking->first > 0 || asking->last < INT64_MAX) {
		g_string_append_printf(asking->sql, " AND %s", number);
		bind(asking, NULL, asking->first, " BETWEEN ?%d");
		bind(asking, NULL, asking->last, " AND ?%d");
	}
	g_string_append_printf(asking->sql, " ORDER BY %s DESC", number);
	bind(asking, NULL, limit, " LIMIT ?%d");
}

static const char told[] =
	"SELECT mail.n,id,sender,client,login,type,peer,sha256,mail.subject,message_id,rcpts,"
	"(SELECT group_concat(DISTINCT s) FROM (SELECT status s,max(rowid) FROM outcome "
	"WHERE n=mail.n GROUP BY rcpt)),"
	"time,size,until,count,name,at FROM (";

sqlite3_stmt *asking_begin(struct asking *asking, struct month *month, const struct query *query,
			   bool whole, int64_t before, int64_t limit)
{
	sqlite3_stmt *statement = NULL;

	*asking = (struct asking){ .month = month,
				   .query = query,
				   .last = before ? before - 1 : INT64_MAX,
				   .sql = g_string_new(told),
				   .match = match_of(query) };
	if (!whole && (query->since || query->until))
		find_range(asking);
	ask_numbers(asking, whole, limit);
	g_string_append(asking->sql,
			") AS found CROSS JOIN mail ON mail.n=found.n ORDER BY found.n DESC");
	if (sqlite3_prepare_v2(month->db, asking->sql->str, -1, &statement, NULL) == SQLITE_OK)
		bind_all(asking, statement);
	return statement;
}

void asking_end(struct asking *asking)
{
	int i;

	for (i = 0; i < asking->bound; i++)
		g_free(asking->texts[i]);
	g_string_free(asking->sql, TRUE);
	g_free(asking->match);
}
