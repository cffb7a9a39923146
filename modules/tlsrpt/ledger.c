#include "ledger.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <glib.h>

#define KEY_MOST 256

struct entry {
	struct entry *next_dirty;
	bool dirty;
	struct tally tally;
	char domain[];
};

struct ledger {
	pthread_mutex_t lock;
	int64_t day;
	bool full;           /* some domain of the day had no place */
	GHashTable *domains; /* the day's entries by their names */
	struct entry *dirty;
	char id[17]; /* of the records */
};

static void entry_free(void *arg)
{
	struct entry *entry = arg;

	tally_finish(&entry->tally);
	free(entry);
}

struct ledger *ledger_create(void)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);
	uint64_t id;

	if (!ledger || getrandom(&id, sizeof id, 0) != sizeof id) {
		free(ledger);
		return NULL;
	}
	pthread_mutex_init(&ledger->lock, NULL);
	ledger->domains = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	snprintf(ledger->id, sizeof ledger->id, "%016" PRIx64, id);
	return ledger;
}

void ledger_destroy(struct ledger *ledger)
{
	g_hash_table_destroy(ledger->domains);
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}

/* --- records --- */

/* "c/DAY/DOMAIN/ID", "c/DAY/DOMAIN/", "s/DAY/DOMAIN" */
static struct gw_str key_of(char out[KEY_MOST], char what, int64_t day, struct gw_str domain,
			    const char *tail)
{
	int len = snprintf(out, KEY_MOST, "%c/%" PRId64 "/%.*s%s", what, day, GW_STR_ARGS(domain),
			   tail);

	return gw_str_n(out, len < KEY_MOST ? (size_t)len : 0);
}

static void write_entry(struct gw_call *call, const struct ledger *ledger,
			const struct entry *entry)
{
	struct gw_json *json = gw->json_create();
	struct gw_str text;
	char key[KEY_MOST], tail[20];

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	tally_write(&entry->tally, json);
	text = gw->json_text(json);
	snprintf(tail, sizeof tail, "/%s", ledger->id);
	if (!text.ptr ||
	    gw->record_put(call, key_of(key, 'c', ledger->day, gw_str(entry->domain), tail),
			   text) != 0)
		gw->log(call, GW_LOG_WARNING, "what was counted of %s cannot be kept",
			entry->domain);
	gw->json_destroy(json);
}

/* Under the lock. */
static void flush(struct gw_call *call, struct ledger *ledger, size_t most)
{
	struct entry *entry;

	while (most-- > 0 && (entry = ledger->dirty)) {
		ledger->dirty = entry->next_dirty;
		entry->dirty = false;
		if (entry->tally.count) /* it is told meanwhile, and what there was is dropped */
			write_entry(call, ledger, entry);
	}
}

void ledger_flush(struct gw_call *call, struct ledger *ledger, size_t most)
{
	pthread_mutex_lock(&ledger->lock);
	flush(call, ledger, most);
	pthread_mutex_unlock(&ledger->lock);
}

/* --- counting --- */

static struct entry *entry_find(const struct ledger *ledger, struct gw_str domain)
{
	return g_hash_table_lookup(ledger->domains, domain.ptr);
}

static struct entry *entry_make(struct ledger *ledger, struct gw_str domain)
{
	struct entry *entry = calloc(1, sizeof *entry + domain.len + 1);

	if (!entry)
		return NULL;
	memcpy(entry->domain, domain.ptr, domain.len);
	g_hash_table_insert(ledger->domains, entry->domain, entry);
	return entry;
}

static struct entry *entry_of(struct gw_call *call, struct ledger *ledger, struct gw_str domain,
			      int64_t domains)
{
	struct entry *entry = entry_find(ledger, domain);

	if (entry || g_hash_table_size(ledger->domains) < domains)
		return entry ? entry : entry_make(ledger, domain);
	if (!ledger->full)
		gw->log(call, GW_LOG_WARNING,
			"more than %" PRId64 " domains today: the rest is not counted", domains);
	ledger->full = true;
	return NULL;
}

/* Under the lock. */
static void turn_day(struct gw_call *call, struct ledger *ledger, int64_t day)
{
	if (ledger->day == day)
		return;
	flush(call, ledger, SIZE_MAX);
	g_hash_table_remove_all(ledger->domains);
	ledger->full = false;
	ledger->day = day;
}

void ledger_add(struct gw_call *call, struct ledger *ledger, const struct gw_link *link,
		int64_t domains)
{
	struct entry *entry = NULL;

	pthread_mutex_lock(&ledger->lock);
	turn_day(call, ledger, gw->now(call) / DAY_MS);
	if (link->domain.len <= LEDGER_DOMAIN_MOST)
		entry = entry_of(call, ledger, link->domain, domains);
	if (entry && tally_add(&entry->tally, link) && !entry->dirty) {
		entry->dirty = true;
		entry->next_dirty = ledger->dirty;
		ledger->dirty = entry;
	}
	pthread_mutex_unlock(&ledger->lock);
}

size_t ledger_domains(struct ledger *ledger)
{
	size_t count;

	pthread_mutex_lock(&ledger->lock);
	count = g_hash_table_size(ledger->domains);
	pthread_mutex_unlock(&ledger->lock);
	return count;
}

/* --- reading --- */

struct listing {
	ledger_each_fn *each;
	void *arg;
};

static int list_record(void *arg, struct gw_str key, struct gw_str value)
{
	const struct listing *listing = arg;
	struct gw_str rest = gw_str_from(key, 2);
	size_t slash = gw_str_find(rest, '/');
	int64_t day = strtoll(rest.ptr, NULL, 10);
	struct gw_str domain = gw_str_from(rest, slash + 1);

	domain.len = gw_str_find(domain, '/');
	if (domain.len)
		listing->each(listing->arg, day, domain, value);
	return 0;
}

int ledger_each(struct gw_call *call, ledger_each_fn *each, void *arg)
{
	struct listing listing = { each, arg };

	return gw->record_each(call, gw_str("c/"), list_record, &listing);
}

void ledger_take(struct tally *tally, struct gw_str counts)
{
	struct gw_json_value *json = gw->json_read(counts, NULL, 0);

	tally_read(tally, json);
	gw->json_free(json);
}

static int read_record(void *arg, struct gw_str key, struct gw_str value)
{
	ledger_take(arg, value);
	return 0;
}

void ledger_read(struct gw_call *call, int64_t day, struct gw_str domain, struct tally *tally)
{
	char key[KEY_MOST];

	gw->record_each(call, key_of(key, 'c', day, domain, "/"), read_record, tally);
}

/* --- forgetting --- */

/* One is enough. */
static int take_key(void *arg, struct gw_str key, struct gw_str value)
{
	snprintf(arg, KEY_MOST, "%.*s", GW_STR_ARGS(key));
	return 1;
}

/* Since it is told, or nobody wants it. Under the lock. */
static void empty(struct ledger *ledger, int64_t day, struct gw_str domain)
{
	struct entry *entry = ledger->day == day ? entry_find(ledger, domain) : NULL;

	if (entry)
		tally_finish(&entry->tally);
}

void ledger_drop(struct gw_call *call, struct ledger *ledger, int64_t day, struct gw_str domain)
{
	char key[KEY_MOST], found[KEY_MOST];
	struct gw_str prefix = key_of(key, 'c', day, domain, "/");

	pthread_mutex_lock(&ledger->lock);
	empty(ledger, day, domain);
	pthread_mutex_unlock(&ledger->lock);
	while (gw->record_each(call, prefix, take_key, found) == 1 &&
	       gw->record_drop(call, gw_str(found)) == 0)
		;
	gw->record_drop(call, key_of(key, 's', day, domain, ""));
}

/* --- to whom it went: lines --- */

static long read_sent(struct gw_call *call, int64_t day, struct gw_str domain, char *out,
		      size_t size)
{
	char key[KEY_MOST];
	long len = gw->record_get(call, key_of(key, 's', day, domain, ""), out, size - 1);

	if (len < 0 || len > (long)size - 1)
		len = 0;
	out[len] = '\0';
	return len;
}

#define SENT_MOST 8192

bool ledger_is_sent(struct gw_call *call, int64_t day, struct gw_str domain, const char *uri)
{
	char sent[SENT_MOST], *line, *rest = sent;

	read_sent(call, day, domain, sent, sizeof sent);
	while ((line = strsep(&rest, "\n")))
		if (strcmp(line, uri) == 0)
			return true;
	return false;
}

void ledger_sent(struct gw_call *call, int64_t day, struct gw_str domain, const char *uri)
{
	char sent[SENT_MOST], key[KEY_MOST];
	long len = read_sent(call, day, domain, sent, sizeof sent);

	snprintf(sent + len, sizeof sent - (size_t)len, "%s\n", uri);
	gw->record_put(call, key_of(key, 's', day, domain, ""), gw_str(sent));
}
