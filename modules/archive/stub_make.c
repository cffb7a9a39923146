/* stub_make.c - a file of the archive becomes a stub. */
#include "stub.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD ".gwo" /* a .gwa whose keys are in its stub */

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;

void stub_lock(void)
{
	pthread_mutex_lock(&changing);
}

void stub_unlock(void)
{
	pthread_mutex_unlock(&changing);
}

struct making {
	int from, to;
	uint64_t size;
	uint64_t rows, rows_at; /* that are written; where the next goes */
	uint64_t plain_at;      /* where the next record in full goes */
	GByteArray *batch;      /* rows of which the COMMIT is not met yet */
	GByteArray *meta;
};

static void add_number(GByteArray *out, uint64_t number)
{
	uint64_t octets = htole64(number);

	g_byte_array_append(out, (const guint8 *)&octets, sizeof octets);
}

/* --- a record --- */

static int copy(const struct making *making, uint64_t from, uint64_t len, uint64_t to)
{
	unsigned char piece[16384];
	int error = 0;

	while (len && !error) {
		size_t part = len < sizeof piece ? (size_t)len : sizeof piece;

		error = file_read(making->from, from, piece, part) == (long)part
				? file_write(making->to, to, piece, part)
				: EBADMSG;
		from += part;
		to += part;
		len -= part;
	}
	return error;
}

static int add_row(struct making *making, uint64_t at, const struct record *record)
{
	static const unsigned char zeros[HASH_SIZE];
	bool plain = record->flags & RECORD_PLAIN;
	uint64_t size = record_size(record);
	int error = plain ? copy(making, at, size, making->plain_at) : 0;

	add_number(making->batch, at);
	add_number(making->batch, plain ? making->plain_at : 0);
	g_byte_array_append(making->batch, zeros, sizeof zeros);
	g_byte_array_append(making->batch, record->octets, RECORD_HEAD);
	making->plain_at += plain ? size : 0;
	return error;
}

/* The hashes are those that the COMMIT has: whoever asks for a stub has compared them. */
static int end_batch(struct making *making, uint64_t at, const struct record *record)
{
	const guint row = 16 + HASH_SIZE + RECORD_HEAD;
	struct commit commit;
	uint32_t i;
	int error;

	if (record_meta(making->from, at, record, NULL, NULL, making->meta) != OPENED ||
	    !commit_read(&commit, NULL, making->meta->data, making->meta->len) ||
	    (uint64_t)(commit.count + 1) * row != making->batch->len)
		return EBADMSG;
	for (i = 0; i < commit.count; i++)
		memcpy(making->batch->data + (size_t)i * row + 16,
		       commit.hashes + (size_t)i * HASH_SIZE, HASH_SIZE);
	error = file_write(making->to, making->rows_at, making->batch->data, making->batch->len);
	making->rows_at += making->batch->len;
	g_byte_array_set_size(making->batch, 0);
	return error;
}

/* `count`: only how many there are. */
static int walk(struct making *making, bool count)
{
	struct record record;
	uint64_t at;
	int error = 0;

	for (at = 0; at < making->size && !error; at += record_size(&record)) {
		if (record_read(making->from, at, &record) != 1 ||
		    record_size(&record) > making->size - at)
			return EBADMSG;
		making->rows += count;
		if (!count)
			error = add_row(making, at, &record);
		if (!count && !error && record.kind == RECORD_COMMIT)
			error = end_batch(making, at, &record);
	}
	return error ? error : making->batch->len ? EBADMSG : 0;
}

/* --- all of it --- */

static int write_head(struct making *making, const GArray *spans, const char *target)
{
	GByteArray *out = g_byte_array_new();
	uint32_t len = htole32((uint32_t)strlen(target));
	uint64_t target_at;
	guint i;
	int error;

	g_byte_array_append(out, (const guint8 *)"GWS1", 4);
	g_byte_array_append(out, (const guint8 *)&len, sizeof len);
	add_number(out, making->size);
	add_number(out, making->rows);
	add_number(out, spans->len);
	for (i = 0; i < spans->len; i++) {
		add_number(out, g_array_index(spans, struct stub_span, i).from);
		add_number(out, g_array_index(spans, struct stub_span, i).end);
	}
	making->rows_at = out->len;
	target_at = out->len + making->rows * (16 + HASH_SIZE + RECORD_HEAD);
	making->plain_at = target_at + strlen(target);
	error = file_write(making->to, 0, out->data, out->len);
	g_byte_array_unref(out);
	return error ? error : file_write(making->to, target_at, target, strlen(target));
}

static int sync_month(const char *folder, const char *name)
{
	char *month = g_strdup_printf("%s/%.7s", folder, name);
	int dir = open(month, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = dir < 0 || fsync(dir) != 0 ? errno : 0;

	if (dir >= 0)
		close(dir);
	g_free(month);
	return error;
}

static int publish(int file, const char *fresh, const char *folder, const char *name)
{
	char path[SEGMENT_PATH];
	int error = fsync(file) != 0 ? errno : 0;

	stub_path(path, folder, name);
	if (!error && rename(fresh, path) != 0)
		error = errno;
	return error ? error : sync_month(folder, name);
}

int stub_make(const char *folder, const char *name, int file, const GArray *spans,
	      const char *target)
{
	struct making making = { .from = file,
				 .batch = g_byte_array_new(),
				 .meta = g_byte_array_new() };
	char *month = g_strdup_printf("%s/%.7s", folder, name);
	char *fresh = g_strdup_printf("%s/%s.gws.new", month, name);
	struct stat status;
	int error = fstat(file, &status) != 0 ? errno : 0;

	making.size = error ? 0 : (uint64_t)status.st_size;
	if (!error && mkdir(month, 0700) != 0 && errno != EEXIST)
		error = errno;
	making.to = error ? -1 : open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (!error && making.to < 0)
		error = errno;
	if (!error)
		error = walk(&making, true);
	if (!error)
		error = write_head(&making, spans, target);
	if (!error)
		error = walk(&making, false);
	if (!error)
		error = publish(making.to, fresh, folder, name);
	if (making.to >= 0)
		close(making.to);
	if (error)
		unlink(fresh);
	g_byte_array_unref(making.batch);
	g_byte_array_unref(making.meta);
	g_free(month);
	g_free(fresh);
	return error;
}

/* --- the file goes --- */

/* Whoever finds its octets on the disk later finds no keys that were destroyed since. */
static int wipe(const char *path)
{
	int file = open(path, O_RDWR | O_CLOEXEC), error = file < 0 ? errno : 0;
	struct record record;
	uint64_t at = 0;

	for (; !error && record_read(file, at, &record) == 1; at += record_size(&record))
		if (!(record.flags & RECORD_PLAIN))
			error = record_destroy(file, at);
	if (!error && fdatasync(file) != 0)
		error = errno;
	if (file >= 0)
		close(file);
	return error ? error : unlink(path) != 0 ? errno : 0;
}

int stub_take_over(const char *folder, const char *name)
{
	char path[SEGMENT_PATH], old[SEGMENT_PATH + 8];
	int error;

	segment_path(path, folder, name);
	snprintf(old, sizeof old, "%.*s" OLD, (int)strlen(path) - 4, path);
	if (rename(path, old) != 0)
		return errno;
	/* what is behind this the next start does again */
	error = sync_month(folder, name);
	return error ? error : wipe(old);
}

void stub_clean(const char *folder)
{
	GPtrArray *names = segments_list_of(folder, OLD);
	guint i;

	for (i = 0; names && i < names->len; i++) {
		char *path = g_strdup_printf("%s/%.7s/%s" OLD, folder, (char *)names->pdata[i],
					     (char *)names->pdata[i]);

		wipe(path);
		g_free(path);
	}
	if (names)
		g_ptr_array_unref(names);
}
