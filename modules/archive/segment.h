/* segment.h - the archive's files: one or more a day, written in batches.
 *
 * FOLDER/2026-11/2026-11-28.0.gwa holds records (record.h). A batch is some of them and a COMMIT
 * behind, whose description is
 *
 *     offset  octets
 *          0       8  number of the batch, from 1
 *          8       4  records in it
 *         12       4  zeros
 *         16      32  link of the batch before, also over the border of files; zeros: there is none
 *         48       8  time, as in the head
 *         56 32 each  hashes of the records, in their order
 *                 64  Ed25519 signature of all before
 *
 * and the link of the batch is the SHA-256 of all before the signature. So each link stands for
 * everything that was ever archived. A batch counts when its COMMIT is there and fits; what stands
 * behind the last of a file that was cut off while it was written is no batch, and is taken away.
 * A file that is damaged before a COMMIT that counts is never shortened.
 */
#ifndef ARCHIVE_SEGMENT_H
#define ARCHIVE_SEGMENT_H

#include "record.h"

#define SEGMENT_NAME 24 /* "2026-11-28.0", and 9,999,999 a day */
#define SEGMENT_PATH 4096
#define COMMIT_FIXED 56

struct link {
	uint64_t number;
	unsigned char hash[HASH_SIZE];
};

/* Names of all files, in the order in which they were written; to be unref'd. NULL: errno, also
 * where one month alone cannot be read. */
GPtrArray *segments_list(const char *folder);
/* The same of files whose names end otherwise, in four octets: ".gwa". */
GPtrArray *segments_list_of(const char *folder, const char *ending);
/* When the day of a file of that name is over, ms. */
int64_t segment_day_end(const char *name);
/* As strcmp(), of their order. */
int segments_compare(const char *left, const char *right);
void segment_path(char out[SEGMENT_PATH], const char *folder, const char *name);
/* The name of the nth file of the day that `time` is in (UTC). */
void segment_name(char out[SEGMENT_NAME], int64_t time, unsigned nth);

struct commit {
	struct link link;
	unsigned char before[HASH_SIZE];
	int64_t time;
	uint32_t count;
	const unsigned char *hashes;
	bool is_signed; /* by the archive's key; false without keys */
};
/* What a COMMIT says, in octets that live on. False: it is none. */
bool commit_read(struct commit *commit, const struct keys *keys, const unsigned char *octets,
		 size_t len);

/* Whether nothing else stands in the head than a plain record of that time may have. */
bool commit_fits(const struct commit *commit, const struct record *record);

/* Where the last batch of the file ends that was confirmed, and its link; 0: it has none. What
 * stands behind may be cut off: no COMMIT of the archive's key is there. `damaged`: before the end
 * something cannot be read. -1: errno; EKEYREJECTED: its batches are whole, of another key. */
int segment_end(int file, const struct keys *keys, uint64_t *end, struct link *link, bool *damaged);

/* The file that is written. */
struct segment {
	const char *folder;
	const struct keys *keys;
	char name[SEGMENT_NAME];
	int file;
	uint64_t end;        /* of the batches that are on disk */
	struct link link;    /* of the last */
	uint64_t torn;       /* octets that segment_open() took away */
	bool damaged;        /* the newest file was, for segment_open(): it is left as it is */
	struct press *press; /* of the last batch */
};

/* Goes on where the last process ended. 0, or errno; EKEYREJECTED: the archive is of another key,
 * and nothing was touched. */
int segment_open(struct segment *segment, const char *folder, const struct keys *keys);
void segment_close(struct segment *segment);

/* Records that become one batch. For one thread. */
struct batch {
	struct segment *segment;
	struct bulk near; /* records that are not written yet */
	struct press *press;
	GByteArray *hashes;
	uint64_t at; /* behind what was written */
	int error;   /* errno */
};

/* `now`: of which day it is; `level` of zstd. */
void batch_begin(struct batch *batch, struct segment *segment, int64_t now, int level);
void batch_add(struct batch *batch, enum record_kind kind, int64_t time, struct gw_str meta,
	       const struct source *body);
void batch_add_made(struct batch *batch, const struct bulk *record,
		    const unsigned char hash[HASH_SIZE]);
/* A record as it stands in another file. */
void batch_add_copy(struct batch *batch, int file, uint64_t at, uint64_t size,
		    const unsigned char hash[HASH_SIZE]);
/* On disk when it gives 0; else errno, and nothing of it is there. */
int batch_end(struct batch *batch, int64_t now);
/* Nothing of it is there. */
void batch_cancel(struct batch *batch);

#endif
