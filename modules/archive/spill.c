#include "spill.h"

#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct spill {
	char *folder;
	int lock_file;
	bool open;
	struct segment segment;
};

struct spill *spill_create(const char *folder)
{
	struct spill *spill = g_new0(struct spill, 1);

	spill->folder = g_strdup(folder);
	spill->lock_file = -1;
	return spill;
}

static void close_files(struct spill *spill)
{
	if (spill->open)
		segment_close(&spill->segment);
	spill->open = false;
}

void spill_destroy(struct spill *spill)
{
	if (!spill)
		return;
	close_files(spill);
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
	GPtrArray *names = segments_list(spill->folder);
	uint64_t waiting = 0;
	guint i;

	for (i = 0; names && i < names->len; i++)
		waiting += size_of(spill->folder, names->pdata[i]);
	if (names)
		g_ptr_array_unref(names);
	return waiting;
}

int64_t spill_newest(struct spill *spill, const struct keys *keys)
{
	struct record record;
	struct heads heads;
	int64_t newest = 0;

	if (!spill_waiting(spill) || open_files(spill, keys) != 0)
		return 0;
	if (heads_open(&heads, spill->folder, spill->segment.name, false))
		while (heads_next(&heads, &record))
			newest = record.kind == RECORD_COMMIT ? record.time : newest;
	heads_close(&heads);
	return newest;
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

/* A batch that waits: its records, and the hash of the first, by which it is known. */
struct waiting {
	uint64_t from, end; /* end: of its last record */
	unsigned char first[HASH_SIZE];
	uint32_t count;
	bool is_there; /* in the archive: it was cut off before it was taken away here */
};

static bool read_commit(const struct heads *heads, const struct record *record, GByteArray *octets,
			struct commit *commit)
{
	return record_meta(heads->file, heads->here, record, NULL, NULL, octets) == OPENED &&
	       commit_read(commit, NULL, octets->data, octets->len);
}

/* The batches of a file; to be unref'd. */
static GArray *list_batches(const char *folder, const char *name)
{
	GArray *list = g_array_new(FALSE, TRUE, sizeof(struct waiting));
	GByteArray *octets = g_byte_array_new();
	struct waiting batch = { .from = 0 };
	struct record record;
	struct heads heads;

	if (heads_open(&heads, folder, name, false))
		while (heads_next(&heads, &record)) {
			struct commit commit;

			if (record.kind != RECORD_COMMIT)
				continue;
			batch.end = heads.at;
			if (read_commit(&heads, &record, octets, &commit) && commit.count) {
				batch.count = commit.count;
				memcpy(batch.first, commit.hashes, HASH_SIZE);
				g_array_append_val(list, batch);
			}
			batch.from = heads.next;
		}
	heads_close(&heads);
	g_byte_array_unref(octets);
	return list;
}

static void mark(GArray *list, const struct commit *commit)
{
	guint i;

	for (i = 0; i < list->len; i++) {
		struct waiting *batch = &g_array_index(list, struct waiting, i);

		batch->is_there |= commit->count == batch->count &&
				   memcmp(commit->hashes, batch->first, HASH_SIZE) == 0;
	}
}

/* Those that the archive has were written into it after they were made. */
static void mark_there(GArray *list, const char *folder, const char *since)
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
				    read_commit(&heads, &record, octets, &commit))
					mark(list, &commit);
		heads_close(&heads);
	}
	if (names)
		g_ptr_array_unref(names);
	g_byte_array_unref(octets);
}

static int copy_record(struct batch *batch, const char *folder, int file, uint64_t at,
		       const struct record *record)
{
	char piece[65536];
	unsigned char hash[HASH_SIZE];
	uint64_t done, size = record_size(record);
	struct bulk octets;
	int error = record_hash(file, at, record, hash) ? 0 : EIO;

	bulk_init(&octets, folder);
	for (done = 0; done < size && !error; done += sizeof piece) {
		size_t len = size - done < sizeof piece ? (size_t)(size - done) : sizeof piece;

		if (file_read(file, at + done, piece, len) != (long)len)
			error = EIO;
		bulk_add(&octets, piece, len);
	}
	if (!error)
		error = octets.error;
	if (!error)
		batch_add_made(batch, &octets, hash);
	bulk_finish(&octets);
	return error;
}

static int bring_batch(const struct spill *spill, int file, const struct waiting *from,
		       struct segment *to, int64_t now, int level)
{
	struct record record;
	struct batch batch;
	uint64_t at;
	int error = 0;

	batch_begin(&batch, to, now, level);
	for (at = from->from; at < from->end && !error; at += record_size(&record)) {
		if (record_read(file, at, &record) != 1)
			error = EIO;
		else
			error = copy_record(&batch, spill->folder, file, at, &record);
	}
	if (!error)
		return batch_end(&batch, now);
	batch_cancel(&batch);
	return error;
}

static int bring_file(struct spill *spill, const char *name, struct segment *to, const char *folder,
		      int64_t now, int level)
{
	GArray *list = list_batches(spill->folder, name);
	char path[SEGMENT_PATH];
	int file, error = 0;
	guint i;

	segment_path(path, spill->folder, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		error = errno;
	if (!error)
		mark_there(list, folder, name);
	for (i = 0; i < list->len && !error; i++) {
		const struct waiting *batch = &g_array_index(list, struct waiting, i);

		if (!batch->is_there)
			error = bring_batch(spill, file, batch, to, now, level);
	}
	if (file >= 0)
		close(file);
	if (!error && unlink(path) != 0)
		error = errno;
	g_array_unref(list);
	return error;
}

int spill_bring(struct spill *spill, const struct keys *keys, struct segment *to,
		const char *folder, int64_t now, int level)
{
	int error = open_files(spill, keys);
	GPtrArray *names = error ? NULL : segments_list(spill->folder);
	guint i;

	close_files(spill);
	for (i = 0; names && i < names->len && !error; i++)
		error = bring_file(spill, names->pdata[i], to, folder, now, level);
	if (names)
		g_ptr_array_unref(names);
	return error;
}
