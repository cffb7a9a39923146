/* store_read.c - what the store is asked: the same few questions again and again. */
#include "store_private.h"

#include <stdio.h>

#define QUESTIONS_MOST 64 /* that are kept: their words make others */

static void forget_question(void *statement)
{
	sqlite3_finalize(statement);
}

sqlite3_stmt *store_question(struct store *store, const char *sql)
{
	sqlite3_stmt *statement;

	if (!store->questions)
		store->questions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
							 forget_question);
	statement = g_hash_table_lookup(store->questions, sql);
	if (statement)
		return statement;
	if (g_hash_table_size(store->questions) >= QUESTIONS_MOST)
		g_hash_table_remove_all(store->questions);
	statement = store_prepare(store->reader, sql);
	if (statement)
		g_hash_table_insert(store->questions, g_strdup(sql), statement);
	return statement;
}

/* --- what left --- */

#define COLUMNS                                                                                    \
	"until,received,size,queue_id,sender,author,message_id,envelope_id,client,type,relay,"     \
	"header,rcpts,rcpt_count,id,nth"

static void take_sent(sqlite3_stmt *statement, struct sent *sent)
{
	const struct {
		char *out;
		size_t size;
	} texts[] = { { sent->queue_id, sizeof sent->queue_id },
		      { sent->sender, sizeof sent->sender },
		      { sent->author, sizeof sent->author },
		      { sent->message_id, sizeof sent->message_id },
		      { sent->envelope_id, sizeof sent->envelope_id },
		      { sent->client, sizeof sent->client },
		      { sent->type, sizeof sent->type },
		      { sent->relay, sizeof sent->relay },
		      { sent->header, sizeof sent->header },
		      { sent->rcpts, sizeof sent->rcpts } };
	int i;

	sent->until = sqlite3_column_int64(statement, 0);
	sent->received = sqlite3_column_int64(statement, 1);
	sent->size = sqlite3_column_int64(statement, 2);
	for (i = 0; i < 10; i++)
		snprintf(texts[i].out, texts[i].size, "%s", store_text(statement, 3 + i));
	sent->rcpt_count = (size_t)sqlite3_column_int64(statement, 13);
	sent->path.id = (uint64_t)sqlite3_column_int64(statement, 14);
	sent->path.nth = (uint16_t)sqlite3_column_int(statement, 15);
}

static int find(sqlite3_stmt *statement, struct sent *sent)
{
	int done = sqlite3_step(statement);

	if (done == SQLITE_ROW)
		take_sent(statement, sent);
	store_clear(statement);
	return done == SQLITE_ROW ? 0 : done == SQLITE_DONE ? 1 : -1;
}

int store_find(struct store *store, struct path path, struct sent *sent)
{
	sqlite3_stmt *statement;
	int found;

	memset(sent, 0, sizeof *sent);
	sent->path = path;
	pthread_mutex_lock(&store->reading);
	statement = store_question(store, "SELECT " COLUMNS " FROM sent WHERE id=?1 AND nth=?2");
	sqlite3_bind_int64(statement, 1, (int64_t)path.id);
	sqlite3_bind_int(statement, 2, path.nth);
	found = find(statement, sent);
	pthread_mutex_unlock(&store->reading);
	return found;
}

int store_find_named(struct store *store, const char *message_id, struct sent *sent)
{
	sqlite3_stmt *statement;
	int found;

	memset(sent, 0, sizeof *sent);
	pthread_mutex_lock(&store->reading);
	statement = store_question(store, "SELECT " COLUMNS " FROM sent WHERE message_id=?1 AND "
					  "named=1 ORDER BY id DESC LIMIT 1");
	store_bind(statement, 1, message_id);
	found = find(statement, sent);
	pthread_mutex_unlock(&store->reading);
	return found;
}
