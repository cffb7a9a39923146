/* bulk.h - octets of any number: in memory while they are few, else in a file without a name. */
#ifndef ARCHIVE_BULK_H
#define ARCHIVE_BULK_H

#include <gateway/str.h>

#include <glib.h>

#define BULK_MEMORY ((size_t)1024 * 1024)

struct bulk {
	const char *folder; /* for the file; NULL: everything stays in memory */
	GByteArray *bytes;  /* NULL: they are in the file */
	int file;
	uint64_t len;
	int error; /* errno; what was added since then is lost */
};

void bulk_init(struct bulk *bulk, const char *folder);
void bulk_finish(struct bulk *bulk);
void bulk_clear(struct bulk *bulk);

void bulk_add(struct bulk *bulk, const void *octets, size_t len);
/* Over octets that are there. */
void bulk_patch(struct bulk *bulk, uint64_t at, const void *octets, size_t len);
/* Fewer than `len` only at the end; -1 with errno. */
long bulk_read(const struct bulk *bulk, uint64_t at, void *out, size_t len);
/* All of them, where they are in memory; else ptr NULL. */
struct gw_str bulk_text(const struct bulk *bulk);
/* 0, or errno. */
int bulk_write(const struct bulk *bulk, int file, uint64_t at);

/* pread and pwrite of everything. */
long file_read(int file, uint64_t at, void *out, size_t len);
int file_write(int file, uint64_t at, const void *octets, size_t len);

#endif
