/* stub.h - what stays here of a file whose octets are in the bucket alone: the head of each record,
 * with its key, and in full what the archive says of itself (COMMITs, notices). With it the archive
 * is proved and searched, and keys are destroyed, as before; the octets of mail are fetched.
 *
 * FOLDER/2026-11/2026-11-28.0.gws is made of 2026-11-28.0.gwa, which then goes. Where both are
 * there, the archive was cut off between the two: the .gwa counts.
 *
 *     offset  octets
 *          0       4  "GWS1"
 *          4       4  octets of the target's name
 *          8       8  size of the file that it stands for
 *         16       8  number of rows
 *         24       8  number of spans
 *         32 16 each  spans: the objects of the bucket that have the octets (from, end)
 *            144 each  rows, one a record, in order: its place in the file (8), where it stands in
 *                     full here (8; 0: only the head is here), its hash (32; zeros: a COMMIT, or a
 *                     notice), head (96)
 *                     the target's name, records in full */
#ifndef ARCHIVE_STUB_H
#define ARCHIVE_STUB_H

#include "segment.h"

struct stub_span {
	uint64_t from, end;
};

struct stub {
	int file; /* -1: none is open */
	char name[SEGMENT_NAME];
	char *target;
	uint64_t size, rows, spans;
};

struct stub_row {
	uint64_t at, where;
	unsigned char hash[HASH_SIZE];
	uint64_t here; /* of the head in the stub's file */
};

/* --- all that the archive has --- */

/* As segments_list(), with those of which only the stub is here. */
GPtrArray *holdings_list(const char *folder);
/* The stubs alone. */
GPtrArray *stubs_list(const char *folder);
void stub_path(char out[SEGMENT_PATH], const char *folder, const char *name);

/* The link of the last batch that any stub has, signed by that key. False: none has one. */
bool stubs_link(const char *folder, const struct keys *keys, struct link *link);

/* --- one --- */

/* False: errno; EBADMSG: it is damaged. `stub` is to be closed in any case. */
bool stub_open(struct stub *stub, const char *folder, const char *name);
void stub_close(struct stub *stub);
/* The nth row. */
bool stub_row(const struct stub *stub, uint64_t nth, struct stub_row *row);
/* Number of the first row at `at` or behind it; the number of rows: there is none. */
uint64_t stub_find(const struct stub *stub, uint64_t at);
/* The object that has the octets from `at` on. */
bool stub_span(const struct stub *stub, uint64_t at, struct stub_span *span);

/* --- making it: with stub_lock(), which keeps those away who destroy keys --- */

void stub_lock(void);
void stub_unlock(void);
/* Of `file`, all of whose records are in batches, to be found in objects of `target` (struct
 * stub_span, in order). On disk when it gives 0; else errno. */
int stub_make(const char *folder, const char *name, int file, const GArray *spans,
	      const char *target);
/* The .gwa goes, its keys first: they are in the stub now. */
int stub_take_over(const char *folder, const char *name);
/* Ends what stub_take_over() was cut off in. */
void stub_clean(const char *folder);

/* --- the records of a file, whether it is here or a stub --- */

struct heads {
	int file;
	bool is_stub;
	struct stub stub;
	uint64_t at;   /* place of the record in the archive's file */
	uint64_t here; /* where record_read() finds its head in `file`, and a plain record all of
			  itself */
	uint64_t next, size;
	uint64_t nth;                  /* row of the next */
	unsigned char hash[HASH_SIZE]; /* of a stub's record, unless it is in full here */
};

/* False: errno. `heads` is to be closed in any case. */
bool heads_open(struct heads *heads, const char *folder, const char *name, bool writes);
void heads_close(struct heads *heads);
/* Goes on with the record at `at`, or in a stub with the first from there on. */
void heads_seek(struct heads *heads, uint64_t at);
/* False: there is none any more; `next` is `size` where nothing stands in the way. */
bool heads_next(struct heads *heads, struct record *record);

#endif
