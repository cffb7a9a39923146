/* s3_part.h - what becomes an object: some whole batches of one file of the archive.
 *
 * Its octets are those of the file, with each record's key (its slot, record.h) as zeros. Hashes
 * and signatures leave the slot out, so the object proves all that the file does, and is nothing
 * that `forget` would have to reach: it may be locked for years. The slots are an object of their
 * own beside it, which is written anew when keys were destroyed:
 *
 *     "GWK1", four zeros, number of slots (8), then for each: its record's place in the file (8),
 *     slot (64)
 *
 * Keys of objects, below the prefix: data/2026-11-28.0/000000000000000-000000000004711 (from, end)
 * and the same below keys/. */
#ifndef ARCHIVE_S3_PART_H
#define ARCHIVE_S3_PART_H

#include "reader.h"

#define S3_KEY 96
#define S3_KEYS_MOST (64u << 20) /* octets of slots */
#define S3_UNTIL_FOREVER (-1)

/* A span of a file. */
struct s3_span {
	char name[SEGMENT_NAME];
	uint64_t from, end;
};

void s3_key_write(char out[S3_KEY], const char *kind, const struct s3_span *span);
/* False: it is none of that kind ("data", "keys"). */
bool s3_key_read(const char *key, const char *kind, struct s3_span *span);

/* What a bucket has of an archive. */
struct s3_found {
	struct s3_span span;
	char etag[80];
	uint64_t size;
};

struct s3_part {
	struct s3_span span;
	GArray *slots;   /* uint64_t: records that have one, in order */
	GArray *notices; /* uint64_t: notices of keys or files that are gone */
	int64_t until;   /* ms: the latest that mail in it is kept to; 0: it has none */
	bool damaged;    /* behind it is what cannot be read, or is no batch that was signed */
};
void s3_part_init(struct s3_part *part);
void s3_part_finish(struct s3_part *part);

/* Finds the whole batches from `from` on: the first, and more while all are not over `most` octets.
 * Each is checked against its COMMIT; where `keys` is not NULL, also who signed it, and `until` is
 * read. span.end stays `from` where there is none up to `limit`. False: the file cannot be read. */
bool s3_part_find(struct s3_part *part, struct reader *reader, const char *name, uint64_t from,
		  uint64_t limit, uint64_t most);
/* Its octets as they are uploaded; NULL: the file cannot be read. */
GBytes *s3_part_read(const struct s3_part *part, int file, uint64_t at, size_t len);

/* The slots of all records in the span, as they are in the file, or its stub, now; those at `gone`
 * (uint64_t, sorted; may be NULL) as zeros. NULL: it cannot be read. */
GBytes *s3_slots_read(const char *folder, const struct s3_span *span, const GArray *gone);
/* An object of slots without those at `gone`; NULL: it is none. */
GBytes *s3_slots_blank(GBytes *object, const GArray *gone);
/* Calls for each slot; false: that is no such object. */
bool s3_slots_each(const void *octets, size_t len,
		   bool (*each)(void *arg, uint64_t at, const unsigned char *slot), void *arg);

#endif
