#include "bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE 65536

long file_read(int file, uint64_t at, void *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(file, (char *)out + done, len - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (long)done;
}

int file_write(int file, uint64_t at, const void *octets, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t put = pwrite(file, (const char *)octets + done, len - done,
				     (off_t)(at + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? errno : EIO;
		done += (size_t)put;
	}
	return 0;
}

void bulk_init(struct bulk *bulk, const char *folder)
{
	*bulk = (struct bulk){ .folder = folder, .bytes = g_byte_array_new(), .file = -1 };
}

void bulk_finish(struct bulk *bulk)
{
	if (bulk->bytes)
		g_byte_array_unref(bulk->bytes);
	if (bulk->file >= 0)
		close(bulk->file);
	*bulk = (struct bulk){ .file = -1 };
}

void bulk_clear(struct bulk *bulk)
{
	const char *folder = bulk->folder;

	if (bulk->file >= 0)
		bulk_finish(bulk);
	if (!bulk->bytes)
		bulk_init(bulk, folder);
	g_byte_array_set_size(bulk->bytes, 0);
	bulk->len = 0;
	bulk->error = 0;
}

/* What is in memory goes into the file. */
static void spill(struct bulk *bulk)
{
	bulk->file = open(bulk->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bulk->error = bulk->file < 0
			      ? errno
			      : file_write(bulk->file, 0, bulk->bytes->data, bulk->bytes->len);
	g_byte_array_unref(bulk->bytes);
	bulk->bytes = NULL;
}

void bulk_add(struct bulk *bulk, const void *octets, size_t len)
{
	if (bulk->error || len == 0)
		return;
	if (bulk->bytes && bulk->folder && bulk->len + len > BULK_MEMORY)
		spill(bulk);
	if (bulk->bytes)
		g_byte_array_append(bulk->bytes, octets, (guint)len);
	else if (!bulk->error)
		bulk->error = file_write(bulk->file, bulk->len, octets, len);
	bulk->len += len;
}

void bulk_patch(struct bulk *bulk, uint64_t at, const void *octets, size_t len)
{
	if (bulk->error)
		return;
	if (bulk->bytes)
		memcpy(bulk->bytes->data + at, octets, len);
	else
		bulk->error = file_write(bulk->file, at, octets, len);
}

long bulk_read(const struct bulk *bulk, uint64_t at, void *out, size_t len)
{
	if (at >= bulk->len)
		return 0;
	if (len > bulk->len - at)
		len = (size_t)(bulk->len - at);
	if (!bulk->bytes)
		return file_read(bulk->file, at, out, len);
	memcpy(out, bulk->bytes->data + at, len);
	return (long)len;
}

struct gw_str bulk_text(const struct bulk *bulk)
{
	if (!bulk->bytes)
		return gw_str_n(NULL, 0);
	return gw_str_n(bulk->len ? (const char *)bulk->bytes->data : "", (size_t)bulk->len);
}

int bulk_write(const struct bulk *bulk, int file, uint64_t at)
{
	char piece[PIECE];
	uint64_t done = 0;
	int error;

	if (bulk->bytes)
		return file_write(file, at, bulk->bytes->data, (size_t)bulk->len);
	while (done < bulk->len) {
		long got = bulk_read(bulk, done, piece, sizeof piece);

		if (got <= 0)
			return got < 0 ? errno : EIO;
		error = file_write(file, at + done, piece, (size_t)got);
		if (error)
			return error;
		done += (uint64_t)got;
	}
	return 0;
}
