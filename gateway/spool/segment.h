/* segment.h - files of the log: which there are, and what each is needed for. What is
 * no file's is under the spool's `lock`. */
#ifndef SPOOL_SEGMENT_H
#define SPOOL_SEGMENT_H

#include "spool/record.h"

/* Another segment that must be gone before the one that holds the reference may go. */
struct segment_ref {
	uint32_t segment;
	uint32_t finals; /* FINAL records here of messages there */
	bool hard;       /* also for a reason that compaction cannot carry elsewhere */
};

struct segment {
	uint32_t number;
	struct segment_key key; /* set before anybody else sees the segment, then never changed */
	int fd;                 /* open while it is pinned */
	unsigned pins;
	uint32_t size;         /* of the file, when it was made */
	uint32_t end;          /* of the valid records */
	uint32_t lost;         /* records from here on were given up */
	uint64_t live;         /* bytes of records that are needed */
	uint32_t needed;       /* count of them */
	uint32_t unreferenced; /* EXTENTs among them that belong to no message yet */
	bool sealed;           /* no longer written */
	bool aside;            /* refused: neither read nor removed */
	/* compaction met damage here: it is not tried again before the next start */
	bool kept;
	/* after a compaction that failed for a passing reason: not before; monotonic ms */
	int64_t compact_at;
	unsigned failures; /* of compaction, one behind the other */
	/* holds octets that nobody has read or copied: not cut, not compacted, not removed */
	bool unread;
	bool gone; /* unlinked, here for readers alone */
	struct segment_ref *refs;
	size_t ref_count;
};

struct segments {
	struct segment **items; /* by number */
	size_t count, capacity;
};

#define SEGMENT_NAME 16
char *segment_name(uint32_t number, char text[SEGMENT_NAME]);
uint32_t segment_number(const char *name); /* 0: no name of a segment */
/* By number: added (NULL: no memory), found (NULL: there is none, or it is set aside), forgotten.
 */
struct segment *segment_add(struct segments *segments, uint32_t number);
struct segment *segment_find(const struct segments *segments, uint32_t number);
bool segment_exists(const struct segments *segments, uint32_t number);
void segment_drop(struct segments *segments, struct segment *segment);
void segments_finish(struct segments *segments);
/* This segment may go only when `to` is gone: for a FINAL here of a message there, or a gap. -1: no
 * memory. */
int segment_refer(struct segment *segment, uint32_t to, bool is_final, bool hard);
/* What its FINALs take that are still needed. */
uint64_t segment_finals_bytes(const struct segments *segments, const struct segment *segment);
/* Something that it refers to is still there. */
bool segment_blocked(const struct segments *segments, const struct segment *segment,
		     bool hard_only);
/* Under `lock`: 0, or -1 with errno; while pinned the file can be read, also after it was unlinked.
 */
int segment_pin(struct spool *spool, struct segment *segment);
void segment_unpin(struct spool *spool, struct segment *segment);
/* Pins the segment of that number; NULL: gone or not to be opened. Takes `lock`. */
struct segment *segment_hold(struct spool *spool, uint32_t number);
void segment_release(struct spool *spool, struct segment *segment);
/* Sees that there is a prepared segment with room for a record of `need` bytes; SPOOL_FULL and
 * SPOOL_FAILED: there is none. */
enum spool_result segment_prepare(struct spool *spool, uint32_t need);
/* Unlinks for good; -1: it is still there. */
int segment_remove(struct spool *spool, struct segment *segment);
/* 0; SPOOL_UNREADABLE with errno; SPOOL_DAMAGED: the file ends before. */
int segment_read(const struct segment *segment, void *out, size_t len, uint64_t offset);

#endif
