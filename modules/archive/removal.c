#include "removal.h"

#include "holds.h"
#include "notices.h"
#include "stub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAILS_AT_ONCE 50
#define RECORDS_OF_NOTICE 3000 /* a notice has to be read again */

/* A mail that is to go, with all its records. */
struct going {
	char id[32], number[32];
	GArray *places; /* struct place; the first is the message */
	struct words words;
	bool has_words; /* what was indexed of it could be read */
};

struct chunk {
	GPtrArray *mails;
	char last[32]; /* number of the last that was met */
};

static void free_going(gpointer arg)
{
	struct going *going = arg;

	g_array_unref(going->places);
	if (going->has_words)
		words_finish(&going->words);
	g_free(going);
}

static void add_going(void *arg, const struct hit *hit)
{
	struct chunk *chunk = arg;
	struct going *going = g_new0(struct going, 1);

	snprintf(going->id, sizeof going->id, "%s", hit->id);
	snprintf(going->number, sizeof going->number, "%s", hit->number);
	snprintf(chunk->last, sizeof chunk->last, "%s", hit->number);
	going->places = g_array_new(FALSE, TRUE, sizeof(struct place));
	g_array_append_val(going->places, hit->place);
	g_ptr_array_add(chunk->mails, going);
}

static void add_place(void *arg, const struct trace *trace)
{
	g_array_append_val((GArray *)arg, trace->place);
}

/* The next of those that are asked for. */
static bool next_chunk(const struct removal *removal, struct index *index, struct chunk *chunk)
{
	struct query query = removal->query;
	guint i;

	query.before = chunk->last[0] ? chunk->last : NULL;
	query.limit = MAILS_AT_ONCE;
	g_ptr_array_set_size(chunk->mails, 0);
	if (!index_search(index, &query, add_going, chunk))
		return false;
	for (i = 0; i < chunk->mails->len; i++) {
		struct going *going = chunk->mails->pdata[i];

		if (!index_traces(index, going->number, add_place, going->places) ||
		    !index_copies(index, going->number, going->places))
			return false;
	}
	return true;
}

/* --- holds --- */

static void leave_held(struct removal *removal, struct index *index, const struct holds *holds,
		       struct chunk *chunk)
{
	guint i = 0;

	while (i < chunk->mails->len) {
		const struct going *going = chunk->mails->pdata[i];
		const char *hold = holds_cover(holds, index, going->id);

		if (!hold) {
			i++;
			continue;
		}
		removal->held++;
		snprintf(removal->hold, sizeof removal->hold, "%s", hold);
		g_ptr_array_remove_index(chunk->mails, i);
	}
}

/* Before anything is touched. */
static bool any_held(struct removal *removal, struct index *index, const struct holds *holds)
{
	struct chunk chunk = { .mails = g_ptr_array_new_with_free_func(free_going) };
	bool good = true;

	do {
		good = next_chunk(removal, index, &chunk);
		leave_held(removal, index, holds, &chunk);
	} while (good && removal->held == 0 && chunk.mails->len);
	g_ptr_array_unref(chunk.mails);
	if (!good)
		removal->error = EIO;
	else if (removal->held)
		removal->error = ECANCELED;
	removal->held = 0;
	return removal->error != 0;
}

/* --- what is said of it --- */

static struct gw_json *notice_begin(const struct removal *removal)
{
	struct gw_json *json = gw->json_create();

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "what", gw_str(removal->what));
	gw->json_number(json, "by", removal->by);
	gw->json_begin(json, "records", GW_JSON_ARRAY);
	return json;
}

static bool notice_end(const struct removal *removal, struct gw_json *json)
{
	struct item *item;

	gw->json_end(json);
	gw->json_end(json);
	item = item_plain(RECORD_NOTICE, removal->time, json);
	if (item)
		store_add(removal->store, item);
	return item != NULL;
}

/* On disk before the first key goes. */
static int tell(const struct removal *removal, const struct chunk *chunk)
{
	struct gw_json *json = notice_begin(removal);
	unsigned count = 0;
	guint i, k;

	for (i = 0; i < chunk->mails->len; i++) {
		const struct going *going = chunk->mails->pdata[i];

		for (k = 0; k < going->places->len; k++) {
			const struct place *place = &g_array_index(going->places, struct place, k);

			if (count++ % RECORDS_OF_NOTICE == RECORDS_OF_NOTICE - 1) {
				if (!notice_end(removal, json))
					return ENOMEM;
				json = notice_begin(removal);
			}
			gw->json_begin(json, NULL, GW_JSON_ARRAY);
			gw->json_string(json, NULL, gw_str(place->name));
			gw->json_number(json, NULL, (int64_t)place->at);
			gw->json_end(json);
		}
	}
	return notice_end(removal, json) ? store_flush(removal->store) : ENOMEM;
}

/* --- keys --- */

static int destroy(const struct removal *removal, struct index *index, const GArray *doomed)
{
	int error = removal_of_keys(store_folder(removal->store), doomed);
	bool good = true;
	guint i;

	if (error || !doomed->len)
		return error;
	for (i = 0; i < doomed->len && good; i++)
		good = index_destroyed(index, &g_array_index(doomed, struct doomed, i));
	return index_end(index, NULL, 0) && good ? 0 : EIO;
}

static int destroy_chunk(const struct removal *removal, struct index *index,
			 const struct chunk *chunk)
{
	GArray *all = g_array_new(FALSE, TRUE, sizeof(struct doomed));
	guint i, k;
	int error;

	for (i = 0; i < chunk->mails->len; i++) {
		const struct going *going = chunk->mails->pdata[i];

		for (k = 0; k < going->places->len; k++) {
			struct doomed doomed = { g_array_index(going->places, struct place, k),
						 "" };

			snprintf(doomed.month, sizeof doomed.month, "%.7s", going->number);
			g_array_append_val(all, doomed);
		}
	}
	error = destroy(removal, index, all);
	g_array_unref(all);
	return error;
}

/* What a removal had taken out of the index when it was cut off. */
static int finish_last(const struct removal *removal, struct index *index)
{
	GArray *all = g_array_new(FALSE, TRUE, sizeof(struct doomed));
	int error;

	indexer_pause(removal->indexer);
	error = index_doomed(index, all) ? destroy(removal, index, all) : EIO;
	indexer_resume(removal->indexer);
	g_array_unref(all);
	return error;
}

/* --- the index --- */

/* What was indexed of each: it is read while that is possible. What cannot be had from the bucket
 * now is waited for: no words of it are to stay in the index. */
static int read_words(const struct removal *removal, const struct chunk *chunk)
{
	struct reader reader;
	bool later = false;
	guint i;

	reader_init(&reader, store_folder(removal->store), store_keys(removal->store));
	reader.remote = removal->remote;
	for (i = 0; i < chunk->mails->len && !later; i++) {
		struct going *going = chunk->mails->pdata[i];
		const struct place *arrived = &g_array_index(going->places, struct place, 0);

		going->has_words = reader_words(&reader, arrived, &going->words) == OPENED;
		if (!going->has_words)
			words_finish(&going->words);
		later = reader.later;
	}
	reader_finish(&reader);
	return later ? EHOSTUNREACH : 0;
}

static int drop_rows(struct index *index, const struct chunk *chunk)
{
	bool good = true;
	guint i;

	for (i = 0; i < chunk->mails->len && good; i++) {
		const struct going *going = chunk->mails->pdata[i];

		good = index_drop(index, going->number, going->has_words ? &going->words : NULL,
				  going->places);
	}
	return index_end(index, NULL, 0) && good ? 0 : EIO;
}

/* --- a chunk --- */

/* With the indexer at rest, and the holds as they are. The rows go first: what is cut off here has
 * no words in the index any more, and the next removal destroys the keys. */
static void remove_chunk(struct removal *removal, struct index *index, const struct chunk *chunk)
{
	if (!removal->only_free && !index_owe_scrub(index))
		removal->error = errno;
	if (!removal->error)
		removal->error = tell(removal, chunk);
	if (!removal->error)
		removal->error = drop_rows(index, chunk);
	if (!removal->error)
		removal->error = destroy_chunk(removal, index, chunk);
	if (!removal->error)
		removal->mails += chunk->mails->len;
}

/* Under the holds that there are when the keys go. */
static void remove_free(struct removal *removal, struct index *index, struct chunk *chunk)
{
	struct holds holds;
	bool fast = false;

	removal->error = read_words(removal, chunk);
	if (removal->error)
		return;
	indexer_pause(removal->indexer);
	while (!fast) {
		holds_read(&holds, store_folder(removal->store));
		leave_held(removal, index, &holds, chunk);
		fast = holds_fasten(&holds);
		holds_finish(&holds);
	}
	if (removal->held && !removal->only_free)
		removal->error = ECANCELED;
	else if (chunk->mails->len)
		remove_chunk(removal, index, chunk);
	holds_loosen();
	indexer_resume(removal->indexer);
}

static bool may_begin(struct removal *removal, struct index *index)
{
	struct holds holds;
	bool may = true;

	removal->error = finish_last(removal, index);
	if (removal->error)
		return false;
	holds_read(&holds, store_folder(removal->store));
	may = removal->only_free || !any_held(removal, index, &holds);
	holds_finish(&holds);
	return may;
}

void removal_run(struct removal *removal)
{
	struct chunk chunk = { .mails = g_ptr_array_new_with_free_func(free_going) };
	struct index *index = index_open(store_folder(removal->store), true);
	guint met;

	if (!index)
		removal->error = EIO;
	else if (may_begin(removal, index))
		do {
			if (!next_chunk(removal, index, &chunk))
				removal->error = EIO;
			met = chunk.mails->len;
			if (met && !removal->error)
				remove_free(removal, index, &chunk);
		} while (met && !removal->error && !*removal->stop);
	if (index && index_owes_scrub(index)) {
		indexer_pause(removal->indexer);
		index_scrub(index, removal->stop);
		indexer_resume(removal->indexer);
	}
	index_close(index);
	g_ptr_array_unref(chunk.mails);
}

/* --- files --- */

/* What is left in a file. One that tells of others (a notice) stays. */
struct remains {
	struct link last;
	unsigned char first_before[HASH_SIZE];
	uint64_t first;
	uint32_t count; /* of records since the last COMMIT */
	bool readable;  /* some key is there, or a notice, or nobody knows: it is damaged */
};

static void take_commit(struct remains *remains, const struct heads *heads,
			const struct record *record)
{
	GByteArray *octets = g_byte_array_new();
	struct commit commit;

	if (record_meta(heads->file, heads->here, record, NULL, NULL, octets) == OPENED &&
	    commit_read(&commit, NULL, octets->data, octets->len)) {
		if (!remains->first) {
			remains->first = commit.link.number;
			memcpy(remains->first_before, commit.before, HASH_SIZE);
		}
		remains->last = commit.link;
		remains->readable |= commit.count != remains->count;
		remains->count = 0;
	} else {
		remains->readable = true;
	}
	g_byte_array_unref(octets);
}

static void look_at_record(struct remains *remains, const struct heads *heads,
			   const struct record *record)
{
	static const unsigned char zeros[SLOT_SIZE];

	if (record->kind == RECORD_COMMIT) {
		take_commit(remains, heads, record);
		return;
	}
	remains->count++;
	/* a notice is kept: it tells of other files */
	remains->readable |= record->kind == RECORD_NOTICE ||
			     memcmp(record->octets + RECORD_SLOT, zeros, SLOT_SIZE) != 0;
}

static void look_at(struct remains *remains, const char *folder, const char *name)
{
	struct record record;
	struct heads heads;

	remains->readable = !heads_open(&heads, folder, name, false);
	while (!remains->readable && heads_next(&heads, &record))
		look_at_record(remains, &heads, &record);
	/* behind what cannot be read there may be mail */
	if (!remains->readable && heads.next != heads.size)
		remains->readable = true;
	heads_close(&heads);
}

/* With its stub. */
static bool drop_file(const char *folder, const char *name)
{
	char path[SEGMENT_PATH], stub[SEGMENT_PATH];
	bool good;

	segment_path(path, folder, name);
	stub_path(stub, folder, name);
	stub_lock();
	good = (unlink(path) == 0 || errno == ENOENT) && (unlink(stub) == 0 || errno == ENOENT);
	stub_unlock();
	return good;
}

static int tell_removed(struct store *store, const struct remains *remains, const char *name,
			int64_t time)
{
	struct gw_json *json = gw->json_create();
	char hex[2 * HASH_SIZE + 1];
	struct item *item;

	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "what", gw_str("removed"));
	gw->json_string(json, "file", gw_str(name));
	gw->json_number(json, "first", (int64_t)remains->first);
	hex_write(hex, remains->first_before);
	gw->json_string(json, "before", gw_str(hex));
	gw->json_number(json, "last", (int64_t)remains->last.number);
	hex_write(hex, remains->last.hash);
	gw->json_string(json, "link", gw_str(hex));
	gw->json_end(json);
	item = item_plain(RECORD_NOTICE, time, json);
	if (!item)
		return ENOMEM;
	store_add(store, item);
	return store_flush(store);
}

int removal_of_files(struct store *store, int64_t time)
{
	GPtrArray *names = holdings_list(store_folder(store));
	struct store_state state;
	int count = names ? 0 : -1;
	guint i;

	store_state(store, &state);
	for (i = 0; names && i < names->len && count >= 0; i++) {
		struct remains remains = { .readable = false };

		if (!state.name[0] || segments_compare(names->pdata[i], state.name) >= 0)
			break;
		look_at(&remains, store_folder(store), names->pdata[i]);
		if (remains.readable || !remains.first)
			continue;
		if (tell_removed(store, &remains, names->pdata[i], time) != 0 ||
		    !drop_file(store_folder(store), names->pdata[i]))
			count = -1;
		else
			count++;
	}
	if (names)
		g_ptr_array_unref(names);
	return count;
}
