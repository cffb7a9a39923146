#include "suppression.h"

#include "store_private.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_SCANNED 20000 /* rows that one question looks at */

struct entry {
	int64_t since, until;
	bool is_learned;
	char reason[SUPPRESSION_REASON];
};

/* By "address\nclient\ntype", small letters in the address. */
struct suppressed {
	pthread_rwlock_t lock;
	GHashTable *entries;
};

#define KEY_MAX (ADDRESS_MAX + 256 + 80)

static void key_make(char key[KEY_MAX], struct gw_str address, struct gw_str client,
		     struct gw_str type)
{
	int i;

	snprintf(key, KEY_MAX, "%.*s\n%.*s\n%.*s", GW_STR_ARGS(address), GW_STR_ARGS(client),
		 GW_STR_ARGS(type));
	for (i = 0; key[i] != '\n'; i++)
		key[i] = g_ascii_tolower(key[i]);
}

/* --- in memory --- */

static void put(struct suppressed *suppressed, const struct suppression *suppression)
{
	struct entry *entry = g_new0(struct entry, 1);
	char key[KEY_MAX];

	key_make(key, gw_str(suppression->address), gw_str(suppression->client),
		 gw_str(suppression->type));
	entry->since = suppression->since;
	entry->until = suppression->until;
	entry->is_learned = strcmp(suppression->by, "bounce") == 0;
	snprintf(entry->reason, sizeof entry->reason, "%s", suppression->reason);
	g_hash_table_replace(suppressed->entries, g_strdup(key), entry);
}

static bool is_there(struct suppressed *suppressed, struct gw_str address, struct gw_str client,
		     struct gw_str type, bool learned, int64_t now, struct suppressed_why *why)
{
	const struct entry *entry;
	char key[KEY_MAX];

	key_make(key, address, client, type);
	entry = g_hash_table_lookup(suppressed->entries, key);
	if (!entry || (entry->until && entry->until <= now) || (entry->is_learned && !learned))
		return false;
	why->since = entry->since;
	memcpy(why->reason, entry->reason, sizeof why->reason);
	return true;
}

bool suppression_find(struct store *store, struct gw_str address, struct gw_str client,
		      struct gw_str type, bool learned, int64_t now, struct suppressed_why *why)
{
	struct suppressed *suppressed = store->suppressed;
	struct gw_str any = gw_str("");
	bool is = false;

	if (address.len >= ADDRESS_MAX)
		return false;
	pthread_rwlock_rdlock(&suppressed->lock);
	if (g_hash_table_size(suppressed->entries))
		is = is_there(suppressed, address, client, type, learned, now, why) ||
		     is_there(suppressed, address, client, any, learned, now, why) ||
		     is_there(suppressed, address, any, type, learned, now, why) ||
		     is_there(suppressed, address, any, any, learned, now, why);
	pthread_rwlock_unlock(&suppressed->lock);
	return is;
}

size_t suppression_count(struct store *store)
{
	size_t count;

	pthread_rwlock_rdlock(&store->suppressed->lock);
	count = g_hash_table_size(store->suppressed->entries);
	pthread_rwlock_unlock(&store->suppressed->lock);
	return count;
}

/* --- from the table --- */

#define COLUMNS "number,address,client,type,reason,since,until,by,bounce"

static struct suppression read_row(sqlite3_stmt *statement)
{
	return (struct suppression){ .number = sqlite3_column_int64(statement, 0),
				     .address = store_text(statement, 1),
				     .client = store_text(statement, 2),
				     .type = store_text(statement, 3),
				     .reason = store_text(statement, 4),
				     .since = sqlite3_column_int64(statement, 5),
				     .until = sqlite3_column_int64(statement, 6),
				     .by = store_text(statement, 7),
				     .bounce = sqlite3_column_int64(statement, 8) };
}

/* All but its number. */
static void bind_row(sqlite3_stmt *statement, const struct suppression *suppression)
{
	store_bind(statement, 1, suppression->address);
	store_bind(statement, 2, suppression->client);
	store_bind(statement, 3, suppression->type);
	store_bind(statement, 4, suppression->reason);
	sqlite3_bind_int64(statement, 5, suppression->since);
	sqlite3_bind_int64(statement, 6, suppression->until);
	store_bind(statement, 7, suppression->by);
	sqlite3_bind_int64(statement, 8, suppression->bounce);
}

static bool load(sqlite3 *db, struct suppressed *suppressed)
{
	sqlite3_stmt *statement = store_prepare(db, "SELECT " COLUMNS " FROM suppression");
	struct suppression suppression;
	int done;

	while ((done = sqlite3_step(statement)) == SQLITE_ROW) {
		suppression = read_row(statement);
		put(suppressed, &suppression);
	}
	sqlite3_finalize(statement);
	return done == SQLITE_DONE;
}

struct suppressed *suppressed_load(sqlite3 *db)
{
	struct suppressed *suppressed = calloc(1, sizeof *suppressed);

	if (!suppressed)
		return NULL;
	pthread_rwlock_init(&suppressed->lock, NULL);
	suppressed->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (load(db, suppressed))
		return suppressed;
	suppressed_free(suppressed);
	return NULL;
}

void suppressed_free(struct suppressed *suppressed)
{
	if (!suppressed)
		return;
	g_hash_table_destroy(suppressed->entries);
	pthread_rwlock_destroy(&suppressed->lock);
	free(suppressed);
}

/* --- learned --- */

static struct suppression suppression_of(const struct record *record)
{
	return (struct suppression){ .address = record->finding->recipient,
				     .client = record->sent->client,
				     .type = record->sent->type,
				     .reason = reason_name(record->finding->reason),
				     .since = record->time,
				     .until = record->suppressed_until,
				     .by = "bounce" };
}

bool suppression_learn(struct store *store, const struct record *record, int64_t number)
{
	sqlite3_stmt *statement = store->statements[ADD_LEARNED];
	struct suppression learned = suppression_of(record);
	int done;

	learned.bounce = number;
	bind_row(statement, &learned);
	done = sqlite3_step(statement);
	store_clear(statement);
	return done == SQLITE_DONE;
}

/* As the table has it: what is there stays, unless it is over. */
void suppression_learned(struct store *store, const struct record *record)
{
	struct suppressed *suppressed = store->suppressed;
	struct suppression learned = suppression_of(record);
	struct suppressed_why why;

	pthread_rwlock_wrlock(&suppressed->lock);
	if (!is_there(suppressed, gw_str(learned.address), gw_str(learned.client),
		      gw_str(learned.type), true, learned.since, &why))
		put(suppressed, &learned);
	pthread_rwlock_unlock(&suppressed->lock);
}

static gboolean is_over(void *key, void *value, void *now)
{
	const struct entry *entry = value;

	(void)key;
	return entry->until && entry->until < *(const int64_t *)now;
}

void suppression_forget(struct store *store, int64_t now)
{
	pthread_rwlock_wrlock(&store->suppressed->lock);
	g_hash_table_foreach_remove(store->suppressed->entries, is_over, &now);
	pthread_rwlock_unlock(&store->suppressed->lock);
}

/* --- said by an admin --- */

/* The row's number; -1. */
static int64_t write_row(struct store *store, const struct suppression *suppression)
{
	static const char sql[] =
		"INSERT OR REPLACE INTO suppression(address,client,type,reason,since,until,by,bounce) "
		"VALUES(?1,?2,?3,?4,?5,?6,?7,?8)";
	sqlite3_stmt *statement = store_prepare(store->db, sql);
	int64_t number = -1;

	bind_row(statement, suppression);
	if (sqlite3_step(statement) == SQLITE_DONE)
		number = sqlite3_last_insert_rowid(store->db);
	sqlite3_finalize(statement);
	return number;
}

/* Table and memory change together: no other change comes between them. */
int64_t suppression_add(struct store *store, const struct suppression *suppression)
{
	int64_t number;

	pthread_mutex_lock(&store->lock);
	number = write_row(store, suppression);
	if (number >= 0) {
		pthread_rwlock_wrlock(&store->suppressed->lock);
		put(store->suppressed, suppression);
		pthread_rwlock_unlock(&store->suppressed->lock);
	}
	pthread_mutex_unlock(&store->lock);
	return number;
}

struct removal {
	const char *address, *client, *type;
};

static gboolean is_removed(void *key, void *value, void *arg)
{
	const struct removal *removal = arg;
	size_t len = strlen(removal->address);
	const char *client, *type;

	(void)value;
	if (g_ascii_strncasecmp(key, removal->address, len) != 0 || ((char *)key)[len] != '\n')
		return false;
	client = (char *)key + len + 1;
	type = strchr(client, '\n') + 1;
	return (!removal->client || gw_str_eq(gw_str_n(client, (size_t)(type - 1 - client)),
					      gw_str(removal->client))) &&
	       (!removal->type || strcmp(type, removal->type) == 0);
}

static int remove_rows(struct store *store, const struct removal *removal)
{
	static const char sql[] =
		"DELETE FROM suppression WHERE address=?1 AND (?2='' OR client=?3) AND (?4='' OR type=?5)";
	sqlite3_stmt *statement = store_prepare(store->db, sql);
	int done, changes;

	store_bind(statement, 1, removal->address);
	store_bind(statement, 2, removal->client ? "1" : "");
	store_bind(statement, 3, removal->client);
	store_bind(statement, 4, removal->type ? "1" : "");
	store_bind(statement, 5, removal->type);
	done = sqlite3_step(statement);
	changes = sqlite3_changes(store->db);
	sqlite3_finalize(statement);
	return done == SQLITE_DONE ? changes : -1;
}

int suppression_remove(struct store *store, const char *address, const char *client,
		       const char *type)
{
	struct removal removal = { address, client, type };
	int removed;

	pthread_mutex_lock(&store->lock);
	removed = remove_rows(store, &removal);
	if (removed > 0) {
		pthread_rwlock_wrlock(&store->suppressed->lock);
		g_hash_table_foreach_remove(store->suppressed->entries, is_removed, &removal);
		pthread_rwlock_unlock(&store->suppressed->lock);
	}
	pthread_mutex_unlock(&store->lock);
	return removed;
}

/* --- listed --- */

static bool is_asked(const char *wanted, const char *text)
{
	return !wanted || strcmp(wanted, text) == 0;
}

static bool fits(const struct suppression_query *query, const struct suppression *suppression)
{
	return is_asked(query->client, suppression->client) &&
	       is_asked(query->type, suppression->type) &&
	       is_asked(query->reason, suppression->reason) && is_asked(query->by, suppression->by);
}

/* Up to a bound of rows that are looked at. */
static int list_rows(sqlite3_stmt *statement, const struct suppression_query *query,
		     struct page *page,
		     void (*each)(void *arg, const struct suppression *suppression), void *arg)
{
	struct suppression suppression;
	int64_t looked = 0, count = 0;
	int done;

	while ((done = sqlite3_step(statement)) == SQLITE_ROW) {
		suppression = read_row(statement);
		page->next = suppression.number;
		looked++;
		if (fits(query, &suppression)) {
			each(arg, &suppression);
			count++;
		}
		if (count == query->limit || looked == LIST_SCANNED) {
			page->more = sqlite3_step(statement) == SQLITE_ROW;
			return 0;
		}
	}
	return done == SQLITE_DONE ? 0 : -1;
}

int suppression_list(struct store *store, const struct suppression_query *query, struct page *page,
		     void (*each)(void *arg, const struct suppression *suppression), void *arg)
{
	static const char
		all[] = "SELECT " COLUMNS " FROM suppression WHERE number>?1 ORDER BY number",
		one[] = "SELECT " COLUMNS
			" FROM suppression WHERE number>?1 AND address=?2 ORDER BY number";
	sqlite3_stmt *statement;
	int result;

	*page = (struct page){ .next = query->after };
	pthread_mutex_lock(&store->reading);
	statement = store_question(store, query->address ? one : all);
	sqlite3_bind_int64(statement, 1, query->after);
	if (query->address)
		store_bind(statement, 2, query->address);
	result = list_rows(statement, query, page, each, arg);
	store_clear(statement);
	pthread_mutex_unlock(&store->reading);
	return result;
}
