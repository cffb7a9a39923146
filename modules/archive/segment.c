#include "segment.h"

#include "stub.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/sha.h>

#define BATCH_NEAR ((uint64_t)512 * 1024)

/* --- names --- */

void segment_path(char out[SEGMENT_PATH], const char *folder, const char *name)
{
	if (snprintf(out, SEGMENT_PATH, "%s/%.7s/%s.gwa", folder, name, name) >= SEGMENT_PATH)
		out[0] = '\0';
}

void segment_name(char out[SEGMENT_NAME], int64_t time, unsigned nth)
{
	time_t seconds = (time_t)(time / 1000);
	char day[11];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(day, sizeof day, "%Y-%m-%d", &tm);
	snprintf(out, SEGMENT_NAME, "%.10s.%u", day, nth % 10000000);
}

int64_t segment_day_end(const char *name)
{
	struct tm tm = { 0 };

	return strptime(name, "%Y-%m-%d", &tm) ? ((int64_t)timegm(&tm) + 86400) * 1000 : INT64_MAX;
}

static bool is_digits(const char *text, const char *form)
{
	for (; *form; text++, form++)
		if (*form == '0' ? !g_ascii_isdigit(*text) : *text != *form)
			return false;
	return *text == '\0';
}

int segments_compare(const char *left, const char *right)
{
	int day = strncmp(left, right, 10);

	return day || !*left ? day : atoi(left + 11) - atoi(right + 11);
}

static gint compare(gconstpointer a, gconstpointer b)
{
	return segments_compare(*(const char *const *)a, *(const char *const *)b);
}

static bool list_month(GPtrArray *names, const char *folder, const char *month, const char *ending)
{
	char *path = g_build_filename(folder, month, NULL);
	DIR *dir = opendir(path);
	const struct dirent *found;

	while (dir && (found = readdir(dir)) != NULL) {
		const char *entry = found->d_name;
		char *name = g_strndup(entry, strlen(entry) > 4 ? strlen(entry) - 4 : 0);

		if (g_str_has_suffix(entry, ending) && strlen(name) < SEGMENT_NAME &&
		    strlen(name) > 11 && name[10] == '.' && strncmp(name, month, 7) == 0 &&
		    strspn(name + 11, "0123456789") == strlen(name + 11))
			g_ptr_array_add(names, name);
		else
			g_free(name);
	}
	g_free(path);
	return dir && closedir(dir) == 0;
}

/* A month that cannot be read now is no month without files: whoever went on without them would
 * begin another archive of the same name. */
GPtrArray *segments_list_of(const char *folder, const char *ending)
{
	DIR *dir = opendir(folder);
	GPtrArray *names;
	const struct dirent *found;
	int error = 0;

	if (!dir)
		return NULL;
	names = g_ptr_array_new_with_free_func(g_free);
	while (!error && (found = readdir(dir)) != NULL)
		if (is_digits(found->d_name, "0000-00") &&
		    !list_month(names, folder, found->d_name, ending))
			error = errno;
	closedir(dir);
	g_ptr_array_sort(names, compare);
	if (!error)
		return names;
	g_ptr_array_unref(names);
	errno = error;
	return NULL;
}

GPtrArray *segments_list(const char *folder)
{
	return segments_list_of(folder, ".gwa");
}

/* --- COMMIT --- */

bool commit_read(struct commit *commit, const struct keys *keys, const unsigned char *octets,
		 size_t len)
{
	uint64_t time;
	size_t fixed;

	if (len < COMMIT_FIXED + SIGNATURE_SIZE)
		return false;
	memcpy(&commit->link.number, octets, sizeof commit->link.number);
	memcpy(&commit->count, octets + 8, sizeof commit->count);
	commit->link.number = le64toh(commit->link.number);
	commit->count = le32toh(commit->count);
	memcpy(commit->before, octets + 16, HASH_SIZE);
	memcpy(&time, octets + 48, sizeof time);
	commit->time = (int64_t)le64toh(time);
	commit->hashes = octets + COMMIT_FIXED;
	fixed = COMMIT_FIXED + (size_t)commit->count * HASH_SIZE;
	if (len != fixed + SIGNATURE_SIZE)
		return false;
	SHA256(octets, fixed, commit->link.hash);
	commit->is_signed = keys && keys_verify(keys, gw_str_n(octets, fixed), octets + fixed);
	return true;
}

bool commit_fits(const struct commit *commit, const struct record *record)
{
	static const unsigned char zeros[SLOT_SIZE];

	return record->flags == RECORD_PLAIN && record->time == commit->time &&
	       record->body_len == 0 && memcmp(record->octets + 6, zeros, 2) == 0 &&
	       memcmp(record->octets + 20, zeros, 4) == 0 &&
	       memcmp(record->octets + RECORD_SLOT, zeros, SLOT_SIZE) == 0;
}

static GByteArray *commit_make(const struct segment *segment, int64_t now, const GByteArray *hashes)
{
	uint64_t time = htole64((uint64_t)now);
	uint64_t number = htole64(segment->link.number + 1);
	uint32_t count = htole32((uint32_t)(hashes->len / HASH_SIZE));
	GByteArray *out = g_byte_array_sized_new(COMMIT_FIXED + hashes->len + SIGNATURE_SIZE);

	g_byte_array_set_size(out, COMMIT_FIXED);
	memset(out->data, 0, COMMIT_FIXED);
	memcpy(out->data, &number, sizeof number);
	memcpy(out->data + 8, &count, sizeof count);
	memcpy(out->data + 16, segment->link.hash, HASH_SIZE);
	memcpy(out->data + 48, &time, sizeof time);
	g_byte_array_append(out, hashes->data, hashes->len);
	return out;
}

/* --- where a file ends --- */

/* A batch: its records from `from` on, its COMMIT, and where that ends. */
struct found {
	uint64_t from, commit, end;
	struct link link;
};

/* The records have the hashes that the COMMIT says. */
static bool is_whole(int file, uint64_t at, const struct commit *commit)
{
	unsigned char hash[HASH_SIZE];
	struct record record;
	uint32_t i;

	for (i = 0; i < commit->count; i++) {
		if (record_read(file, at, &record) != 1 || !record_hash(file, at, &record, hash) ||
		    memcmp(hash, commit->hashes + (size_t)i * HASH_SIZE, HASH_SIZE) != 0)
			return false;
		at += record_size(&record);
	}
	return true;
}

/* Reads the COMMIT at `at`. False: it is none. */
static bool read_commit(int file, const struct keys *keys, uint64_t at, const struct record *record,
			GByteArray *octets, struct commit *commit)
{
	g_byte_array_set_size(octets, 0);
	return record->kind == RECORD_COMMIT && record->flags & RECORD_PLAIN &&
	       record_meta(file, at, record, NULL, NULL, octets) == OPENED &&
	       commit_read(commit, keys, octets->data, octets->len) && commit_fits(commit, record);
}

/* A COMMIT behind `count` records. */
static bool is_batch(int file, uint64_t at, const struct record *record, uint32_t count,
		     struct link *link)
{
	GByteArray *octets = g_byte_array_new();
	struct commit commit;
	bool is = read_commit(file, NULL, at, record, octets, &commit) && commit.count == count;

	if (is)
		*link = commit.link;
	g_byte_array_unref(octets);
	return is;
}

/* Goes from record to record, without a look at what is in them, and finds the last two batches:
 * whatever was written before the last sync is on disk, so only the last can be torn. */
static int find_last(int file, uint64_t size, struct found last[2])
{
	uint64_t at = 0, from = 0;
	uint32_t count = 0;
	struct record record;
	struct link link;
	int got;

	while ((got = record_read(file, at, &record)) == 1) {
		uint64_t next = at + record_size(&record);

		if (next > size)
			break;
		if (record.kind == RECORD_COMMIT) {
			if (!is_batch(file, at, &record, count, &link))
				break;
			last[0] = last[1];
			last[1] = (struct found){ from, at, next, link };
			from = next;
		}
		count = record.kind == RECORD_COMMIT ? 0 : count + 1;
		at = next;
	}
	return got < 0 ? -1 : 0;
}

/* What a look at a whole batch tells: TORN has not the records that its COMMIT names, or not all of
 * its COMMIT; FOREIGN has them, and another key signed it. */
enum look { SOUND, TORN, FOREIGN };

static enum look look_at(int file, const struct keys *keys, const struct found *found)
{
	GByteArray *octets = g_byte_array_new();
	struct record record;
	struct commit commit;
	enum look look = TORN;

	if (record_read(file, found->commit, &record) == 1 &&
	    read_commit(file, keys, found->commit, &record, octets, &commit) &&
	    is_whole(file, found->from, &commit))
		look = commit.is_signed ? SOUND : FOREIGN;
	g_byte_array_unref(octets);
	return look;
}

/* The last COMMIT behind `at` that the archive's key signed: what stands before it was confirmed
 * to somebody, whatever became of it. False: there is none. */
static bool find_signed(int file, const struct keys *keys, uint64_t at, uint64_t size,
			struct found *found)
{
	GByteArray *octets = g_byte_array_new();
	struct record record;
	struct commit commit;
	bool is = false;

	while ((at = record_next(file, at, size)) < size) {
		if (record_read(file, at, &record) == 1 && at + record_size(&record) <= size &&
		    read_commit(file, keys, at, &record, octets, &commit) && commit.is_signed) {
			*found = (struct found){ at, at, at + record_size(&record), commit.link };
			is = true;
		}
		at++;
	}
	g_byte_array_unref(octets);
	return is;
}

int segment_end(int file, const struct keys *keys, uint64_t *end, struct link *link, bool *damaged)
{
	struct found last[2] = { 0 }, good;
	enum look look = SOUND;
	struct stat status;

	if (fstat(file, &status) != 0 || find_last(file, (uint64_t)status.st_size, last) != 0)
		return -1;
	if (last[1].end)
		look = look_at(file, keys, &last[1]);
	/* a signature alone that is wrong is damage where the key fits the batch before it */
	if (look == FOREIGN && (!last[0].end || look_at(file, keys, &last[0]) == FOREIGN)) {
		errno = EKEYREJECTED;
		return -1;
	}
	good = look == SOUND ? last[1] : last[0];
	*damaged = find_signed(file, keys, good.end, (uint64_t)status.st_size, &good);
	*end = good.end;
	if (good.end)
		*link = good.link;
	return 0;
}

/* --- opening --- */

static int sync_folder(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = dir < 0 || fsync(dir) != 0 ? errno : 0;

	if (dir >= 0)
		close(dir);
	return error;
}

static int create(struct segment *segment, const char *name)
{
	char path[SEGMENT_PATH], *month = g_strdup_printf("%s/%.7s", segment->folder, name);
	int file, error = mkdir(month, 0700) != 0 && errno != EEXIST ? errno : 0;

	segment_path(path, segment->folder, name);
	file = error ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (!error)
		error = file < 0 ? errno : sync_folder(month);
	if (!error)
		error = sync_folder(segment->folder);
	g_free(month);
	if (error && file >= 0)
		close(file);
	if (error)
		return error;
	segment_close(segment);
	segment->file = file;
	segment->end = 0;
	snprintf(segment->name, sizeof segment->name, "%s", name);
	return 0;
}

/* The newest file with a batch in it has the link; the newest of all is written on, unless it is
 * damaged: then it stays as it is, and the next batch begins another. */
static int take_last(struct segment *segment, const GPtrArray *names)
{
	char path[SEGMENT_PATH];
	guint i;
	int error = 0;

	for (i = names->len; i-- > 0 && !error && segment->link.number == 0;) {
		uint64_t end = 0;
		bool damaged = false;
		int file;

		segment_path(path, segment->folder, names->pdata[i]);
		file = open(path, O_RDWR | O_CLOEXEC);
		if (file < 0 ||
		    segment_end(file, segment->keys, &end, &segment->link, &damaged) != 0)
			error = errno;
		if (i == names->len - 1 && !error) {
			segment->file = damaged ? -1 : file;
			segment->end = end;
			segment->damaged = damaged;
			snprintf(segment->name, sizeof segment->name, "%s",
				 (const char *)names->pdata[i]);
		}
		if (file >= 0 && file != segment->file)
			close(file);
	}
	return error;
}

static int cut_tail(struct segment *segment)
{
	struct stat status;

	if (segment->file < 0)
		return 0;
	if (fstat(segment->file, &status) != 0)
		return errno;
	segment->torn = (uint64_t)status.st_size - segment->end;
	if (segment->torn == 0)
		return 0;
	return ftruncate(segment->file, (off_t)segment->end) != 0 || fsync(segment->file) != 0
		       ? errno
		       : 0;
}

int segment_open(struct segment *segment, const char *folder, const struct keys *keys)
{
	GPtrArray *names;
	int error;

	*segment = (struct segment){ .folder = folder, .keys = keys, .file = -1 };
	names = segments_list(folder);
	if (!names)
		return errno ? errno : EIO;
	error = take_last(segment, names);
	/* the newest file has no batch yet, or none any more; what is before it is in a bucket */
	if (!error && !segment->link.number)
		stubs_link(folder, keys, &segment->link);
	g_ptr_array_unref(names);
	if (!error)
		error = cut_tail(segment);
	if (error)
		segment_close(segment);
	return error;
}

void segment_close(struct segment *segment)
{
	if (segment->file >= 0)
		close(segment->file);
	segment->file = -1;
	press_destroy(segment->press);
	segment->press = NULL;
}

/* The file of today, or, where the clock went back, of the last day there was. */
static int turn_to(struct segment *segment, int64_t now)
{
	char name[SEGMENT_NAME];
	unsigned nth = 0;
	int error = EEXIST;

	segment_name(name, now, 0);
	if (segment->file >= 0 && strncmp(name, segment->name, 10) <= 0)
		return 0;
	if (segment->name[0] && strncmp(name, segment->name, 10) <= 0) {
		nth = (unsigned)atoi(segment->name + 11) + 1;
		snprintf(name, sizeof name, "%.10s.%u", segment->name, nth % 10000000);
	}
	for (; error == EEXIST && nth < 10000000; nth++) {
		snprintf(name + 11, sizeof name - 11, "%u", nth);
		error = create(segment, name);
	}
	return error;
}

/* --- batches --- */

static struct press *press_of(struct segment *segment, int level)
{
	if (segment->press && segment->press->level != level) {
		press_destroy(segment->press);
		segment->press = NULL;
	}
	if (!segment->press)
		segment->press = record_press(level);
	return segment->press;
}

void batch_begin(struct batch *batch, struct segment *segment, int64_t now, int level)
{
	*batch = (struct batch){ .segment = segment, .hashes = g_byte_array_new() };
	bulk_init(&batch->near, NULL);
	batch->error = turn_to(segment, now); /* before: it may close the segment */
	batch->press = press_of(segment, level);
	if (!batch->press && !batch->error)
		batch->error = ENOMEM;
	batch->at = segment->end;
}

static void flush(struct batch *batch)
{
	if (!batch->error)
		batch->error = bulk_write(&batch->near, batch->segment->file, batch->at);
	batch->at += batch->near.len;
	bulk_clear(&batch->near);
}

void batch_add(struct batch *batch, enum record_kind kind, int64_t time, struct gw_str meta,
	       const struct source *body)
{
	unsigned char hash[HASH_SIZE];
	bool plain = kind == RECORD_NOTICE;

	if (batch->error)
		return;
	if (!record_make(&batch->near, plain ? NULL : batch->segment->keys, kind, time, meta, body,
			 batch->press, hash))
		batch->error = EIO;
	g_byte_array_append(batch->hashes, hash, HASH_SIZE);
	if (batch->near.len > BATCH_NEAR)
		flush(batch);
}

void batch_add_made(struct batch *batch, const struct bulk *record,
		    const unsigned char hash[HASH_SIZE])
{
	struct gw_str octets = bulk_text(record);

	if (batch->error)
		return;
	if (octets.ptr) {
		bulk_add(&batch->near, octets.ptr, octets.len);
	} else {
		flush(batch);
		if (!batch->error)
			batch->error = bulk_write(record, batch->segment->file, batch->at);
		batch->at += record->len;
	}
	g_byte_array_append(batch->hashes, hash, HASH_SIZE);
	if (batch->near.len > BATCH_NEAR)
		flush(batch);
}

void batch_add_copy(struct batch *batch, int file, uint64_t at, uint64_t size,
		    const unsigned char hash[HASH_SIZE])
{
	unsigned char piece[65536];
	uint64_t done;
	size_t len;

	for (done = 0; done < size && !batch->error; done += len) {
		len = size - done < sizeof piece ? (size_t)(size - done) : sizeof piece;
		if (file_read(file, at + done, piece, len) != (long)len)
			batch->error = EIO;
		bulk_add(&batch->near, piece, len);
		if (batch->near.len > BATCH_NEAR)
			flush(batch);
	}
	g_byte_array_append(batch->hashes, hash, HASH_SIZE);
}

static void add_commit(struct batch *batch, int64_t now, struct link *link)
{
	struct segment *segment = batch->segment;
	GByteArray *octets = commit_make(segment, now, batch->hashes);
	unsigned char signature[SIGNATURE_SIZE], hash[HASH_SIZE];

	link->number = segment->link.number + 1;
	SHA256(octets->data, octets->len, link->hash);
	if (!keys_sign(segment->keys, gw_str_n(octets->data, octets->len), signature))
		batch->error = EIO;
	g_byte_array_append(octets, signature, sizeof signature);
	if (!batch->error &&
	    !record_make(&batch->near, NULL, RECORD_COMMIT, now,
			 gw_str_n(octets->data, octets->len), NULL, batch->press, hash))
		batch->error = EIO;
	g_byte_array_unref(octets);
}

/* After a failed sync nobody knows what of the file is on disk: it is left, and the next batch goes
 * into another. After a failed write only its beginning is there, and is taken away. */
static void take_back(struct batch *batch)
{
	struct segment *segment = batch->segment;

	if (segment->file >= 0 && ftruncate(segment->file, (off_t)segment->end) != 0)
		segment_close(segment);
}

static void finish(struct batch *batch)
{
	bulk_finish(&batch->near);
	g_byte_array_unref(batch->hashes);
}

int batch_end(struct batch *batch, int64_t now)
{
	struct segment *segment = batch->segment;
	struct link link = { 0 };

	if (!batch->error)
		add_commit(batch, now, &link);
	flush(batch);
	if (!batch->error && fdatasync(segment->file) != 0) {
		batch->error = errno;
		take_back(batch);
		segment_close(segment);
	} else if (batch->error) {
		take_back(batch);
	} else {
		segment->link = link;
		segment->end = batch->at;
	}
	finish(batch);
	return batch->error;
}

void batch_cancel(struct batch *batch)
{
	take_back(batch);
	finish(batch);
}
