#include "spill.h"

#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BRING_MS 50 /* at once: mail waits for it */

/* A batch that waits: its records, and the hash of the first, by which it is known. */
struct waiting {
	uint64_t from, commit, end;
	unsigned char first[HASH_SIZE];
	uint32_t count;
	bool is_there; /* in the archive: it was cut off before it was taken away here */
};

/* The file that is brought. */
struct bringing {
	char name[SEGMENT_NAME]; /* "": none */
	int file;
	GArray *list; /* struct waiting */
	guint next;
	bool damaged; /* not all of it was brought */
};

struct spill {
	char *folder;
	int lock_file;
	bool open;
	struct segment segment;
	struct bringing bringing;
	char aside[SEGMENT_NAME]; /* the last of which not all was brought */
};

struct spill *spill_create(const char *folder)
{
	struct spill *spill = g_new0(struct spill, 1);

	spill->folder = g_strdup(folder);
	spill->lock_file = -1;
	/* large records are made there before the first copy comes */
	mkdir(folder, 0700);
	return spill;
}

static void close_files(struct spill *spill)
{
	if (spill->open)
		segment_close(&spill->segment);
	spill->open = false;
}

/* What of it is not taken away yet is brought from its beginning, later. */
static void leave_file(struct bringing *bringing)
{
	if (!bringing->name[0])
		return;
	if (bringing->file >= 0)
		close(bringing->file);
	g_array_unref(bringing->list);
	*bringing = (struct bringing){ .file = -1 };
}

void spill_destroy(struct spill *spill)
{
	if (!spill)
		return;
	close_files(spill);
	leave_file(&spill->bringing);
	if (spill->lock_file >= 0)
		close(spill->lock_file);
	g_free(spill->folder);
	g_free(spill);
}

const char *spill_folder(const struct spill *spill)
{
	return spill->folder;
}

/* Another process may have the same set. */
static int take_lock(struct spill *spill)
{
	char *path = g_build_filename(spill->folder, "lock", NULL);
	int error = 0;

	if (mkdir(spill->folder, 0700) != 0 && errno != EEXIST)
		error = errno;
	if (!error)
		spill->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (!error && spill->lock_file < 0)
		error = errno;
	if (!error && flock(spill->lock_file, LOCK_EX | LOCK_NB) != 0) {
		close(spill->lock_file);
		spill->lock_file = -1;
		error = EBUSY;
	}
	g_free(path);
	return error;
}

static int open_files(struct spill *spill, const struct keys *keys)
{
	int error = spill->lock_file < 0 ? take_lock(spill) : 0;

	if (!error && !spill->open) {
		error = segment_open(&spill->segment, spill->folder, keys);
		spill->open = error == 0;
	}
	spill->segment.keys = keys;
	return error;
}

/* --- what waits --- */

static uint64_t size_of(const char *folder, const char *name)
{
	char path[SEGMENT_PATH];
	struct stat status;

	segment_path(path, folder, name);
	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

uint64_t spill_waiting(struct spill *spill)
{
	const struct bringing *bringing = &spill->bringing;
	GPtrArray *names = segments_list(spill->folder);
	uint64_t waiting = 0, done = 0;
	guint i;

	for (i = 0; names && i < names->len; i++)
		waiting += size_of(spill->folder, names->pdata[i]);
	if (names)
		g_ptr_array_unref(names);
	if (bringing->name[0] && bringing->next)
		done = g_array_index(bringing->list, struct waiting, bringing->next - 1).end;
	return waiting > done ? waiting - done : 0;
}

/* --- there --- */

static bool is_late(const struct item *item)
{
	return !item->ticket && !item->broken;
}

int spill_put(struct spill *spill, const struct keys *keys, struct item *items, int64_t now,
	      int level)
{
	struct batch batch;
	struct item *item = items;
	bool broken = false;
	int error;

	while (item && !is_late(item))
		item = item->next;
	leave_file(&spill->bringing);
	error = item ? open_files(spill, keys) : 0;
	if (error || !item)
		return error;
	batch_begin(&batch, &spill->segment, now, level);
	for (item = items; item && !broken; item = item->next)
		if (is_late(item)) {
			item_write(item, &batch);
			broken = item->broken;
		}
	/* what one left there that cannot be read is not to be signed: the others come again */
	if (broken) {
		batch_cancel(&batch);
		return EIO;
	}
	error = batch_end(&batch, now);
	for (item = items; item && !error; item = item->next)
		item->spilled = is_late(item);
	return error;
}

/* --- and back --- */

static bool read_commit(int file, uint64_t at, const struct record *record, const struct keys *keys,
			GByteArray *octets, struct commit *commit)
{
	return record_meta(file, at, record, NULL, NULL, octets) == OPENED &&
	       commit_read(commit, keys, octets->data, octets->len);
}

/* The batches of the file, also those behind what cannot be read. */
static void list_batches(struct bringing *bringing, uint64_t size)
{
	GByteArray *octets = g_byte_array_new();
	struct waiting batch = { .from = 0 };
	struct record record;
	struct commit commit;
	uint64_t at = 0;

	while (at < size) {
		if (record_read(bringing->file, at, &record) != 1 ||
		    record_size(&record) > size - at) {
			at = record_next(bringing->file, at + 1, size);
			continue;
		}
		batch.commit = at;
		batch.end = at += record_size(&record);
		if (record.kind != RECORD_COMMIT)
			continue;
		if (read_commit(bringing->file, batch.commit, &record, NULL, octets, &commit) &&
		    commit.count) {
			batch.count = commit.count;
			memcpy(batch.first, commit.hashes, HASH_SIZE);
			g_array_append_val(bringing->list, batch);
		}
		batch.from = at;
	}
	g_byte_array_unref(octets);
}

static guint hash_of(gconstpointer first)
{
	guint hash;

	memcpy(&hash, first, sizeof hash);
	return hash;
}

static gboolean is_same(gconstpointer one, gconstpointer two)
{
	return memcmp(one, two, HASH_SIZE) == 0;
}

static void mark(GHashTable *batches, const struct commit *commit)
{
	struct waiting *batch = commit->count ? g_hash_table_lookup(batches, commit->hashes) : NULL;

	if (batch)
		batch->is_there |= commit->count == batch->count;
}

/* Those that the archive has were written into it after they were made. */
static void mark_all(GHashTable *batches, const char *folder, const char *since)
{
	GPtrArray *names = holdings_list(folder);
	GByteArray *octets = g_byte_array_new();
	struct record record;
	struct heads heads;
	guint i;

	for (i = 0; names && i < names->len; i++) {
		struct commit commit;

		if (strncmp(names->pdata[i], since, 10) < 0)
			continue;
		if (heads_open(&heads, folder, names->pdata[i], false))
			while (heads_next(&heads, &record))
				if (record.kind == RECORD_COMMIT &&
				    read_commit(heads.file, heads.here, &record, NULL, octets,
						&commit))
					mark(batches, &commit);
		heads_close(&heads);
	}
	if (names)
		g_ptr_array_unref(names);
	g_byte_array_unref(octets);
}

static void mark_there(GArray *list, const char *folder, const char *since)
{
	GHashTable *batches = g_hash_table_new(hash_of, is_same);
	guint i;

	for (i = 0; i < list->len; i++) {
		struct waiting *batch = &g_array_index(list, struct waiting, i);

		g_hash_table_insert(batches, batch->first, batch);
	}
	if (list->len)
		mark_all(batches, folder, since);
	g_hash_table_unref(batches);
}

/* What is no file, whoever put it there, has nothing to bring. */
static int begin_file(struct spill *spill, const char *name, const char *folder)
{
	struct bringing *bringing = &spill->bringing;
	char path[SEGMENT_PATH];
	struct stat status;
	int file;

	segment_path(path, spill->folder, name);
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0)
		return errno;
	*bringing = (struct bringing){ .file = file,
				       .list = g_array_new(FALSE, TRUE, sizeof(struct waiting)) };
	snprintf(bringing->name, sizeof bringing->name, "%s", name);
	bringing->damaged = fstat(file, &status) != 0 || !S_ISREG(status.st_mode);
	if (!bringing->damaged)
		list_batches(bringing, (uint64_t)status.st_size);
	mark_there(bringing->list, folder, name);
	return 0;
}

/* It is as it was signed here, or nothing of it is taken: whoever signs it again vouches for it. */
static int copy_record(struct batch *batch, int file, uint64_t *at,
		       const unsigned char wanted[HASH_SIZE])
{
	unsigned char hash[HASH_SIZE];
	struct record record;

	if (record_read(file, *at, &record) != 1 || !record_hash(file, *at, &record, hash) ||
	    memcmp(hash, wanted, HASH_SIZE) != 0)
		return EBADMSG;
	batch_add_copy(batch, file, *at, record_size(&record), hash);
	*at += record_size(&record);
	return 0;
}

static int copy_batch(int file, const struct waiting *from, const struct commit *commit,
		      struct segment *to, int64_t now, int level)
{
	struct batch batch;
	uint64_t at = from->from;
	uint32_t i;
	int error = 0;

	batch_begin(&batch, to, MAX(now, commit->time), level);
	for (i = 0; i < commit->count && !error; i++)
		error = copy_record(&batch, file, &at, commit->hashes + (size_t)i * HASH_SIZE);
	if (!error && at != from->commit)
		error = EBADMSG;
	if (!error)
		return batch_end(&batch, MAX(now, commit->time));
	batch_cancel(&batch);
	return error;
}

static int bring_batch(struct bringing *bringing, const struct keys *keys, struct segment *to,
		       int64_t now, int level)
{
	const struct waiting *from = &g_array_index(bringing->list, struct waiting, bringing->next);
	GByteArray *octets = g_byte_array_new();
	struct record record;
	struct commit commit;
	int error = EBADMSG;

	if (from->is_there)
		error = 0;
	else if (record_read(bringing->file, from->commit, &record) == 1 &&
		 read_commit(bringing->file, from->commit, &record, keys, octets, &commit) &&
		 commit.is_signed)
		error = copy_batch(bringing->file, from, &commit, to, now, level);
	g_byte_array_unref(octets);
	bringing->damaged |= error == EBADMSG;
	bringing->next += !error || error == EBADMSG;
	return error == EBADMSG ? 0 : error;
}

/* Of a damaged one somebody may want what is left. */
static int end_file(struct spill *spill, int64_t now)
{
	struct bringing *bringing = &spill->bringing;
	char path[SEGMENT_PATH], *aside;
	int error;

	segment_path(path, spill->folder, bringing->name);
	aside = g_strdup_printf("%s.damaged-%lld", path, (long long)now);
	if (bringing->damaged)
		memcpy(spill->aside, bringing->name, sizeof spill->aside);
	error = (bringing->damaged ? rename(path, aside) : unlink(path)) != 0 ? errno : 0;
	leave_file(bringing);
	g_free(aside);
	return error;
}

/* False: there is none, or it failed. */
static bool has_file(struct spill *spill, const char *folder, int *error)
{
	GPtrArray *names;

	if (spill->bringing.name[0])
		return true;
	names = segments_list(spill->folder);
	if (names && names->len)
		*error = begin_file(spill, names->pdata[0], folder);
	if (names)
		g_ptr_array_unref(names);
	return spill->bringing.name[0] != '\0';
}

static int64_t up_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* All of its file is in the archive: with the last of it the file goes, since nothing waits any
 * more that anybody would come again for. */
static bool is_through(const struct bringing *bringing)
{
	return bringing->name[0] && bringing->next >= bringing->list->len;
}

int spill_bring(struct spill *spill, const struct keys *keys, struct segment *to,
		const char *folder, int64_t now, int level)
{
	int error = spill->lock_file < 0 ? take_lock(spill) : 0;
	int64_t until = up_ms() + BRING_MS;

	close_files(spill);
	while (!error && (up_ms() < until || is_through(&spill->bringing)) &&
	       has_file(spill, folder, &error))
		if (is_through(&spill->bringing))
			error = end_file(spill, now);
		else
			error = bring_batch(&spill->bringing, keys, to, now, level);
	if (error)
		leave_file(&spill->bringing);
	return error;
}

const char *spill_damaged(const struct spill *spill)
{
	return spill->aside;
}
