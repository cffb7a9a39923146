/* recover_private.h - what the files of a recovery share: recover.c reads the records,
 * recover_known.c knows each segment before that, recover_end.c ends the log. */
#ifndef SPOOL_RECOVER_PRIVATE_H
#define SPOOL_RECOVER_PRIVATE_H

#include "spool/recover.h"
#include "spool/refcount.h"

/* What is known of a segment before its records are read. */
struct known {
	struct segment *segment;
	uint32_t size; /* of the file now */
	bool has_seal; /* its first record is one, about the segment before */
	struct seal_meta seal;
	struct segment_key seal_key;
	struct gap *gaps;    /* of the segment before */
	struct known *about; /* which has the SEAL about this one */
	uint32_t records;
};

/* A record or bad range that is not proven yet. */
struct pending {
	struct record_ref ref;
	uint64_t group;
	uint32_t to, data_len, data_crc;
	bool bad;
};

struct recovery {
	struct spool *spool;
	struct problems *problems;
	struct read_buffer buffer;
	struct known *known;
	size_t count;
	struct pending *pending;
	size_t first, end, capacity; /* pending[first..end) */
	uint64_t group, synced;      /* the greatest seen */
	struct place unproven;       /* MESSAGEs from here on are not proven */
	bool no_memory;
};

/* What is not read is not judged: the file stays as it is, for the next start or a person. The
 * second does so where the last read from the buffer failed. */
void recover_keep_unread(struct recovery *recovery, struct segment *segment, const char *why);
void recover_keep_if_unread(struct recovery *recovery, struct segment *segment);

/* recover_known.c: opens and pins all segments (-1: told, or no memory); then learns each one's
 * key, and what a later SEAL says about it. */
int recover_open_all(struct recovery *recovery);
void recover_read_seals(struct recovery *recovery);

/* recover.c: a record counts. */
void recover_apply(struct recovery *recovery, const struct record_ref *ref);

/* recover_end.c: decides on what is not proven, cuts what is torn, and leaves to the writer what
 * the next SEAL has to say. -1: told, or no memory. */
int recover_end(struct recovery *recovery);

#endif
