/* internal.h - what the files of the spool share. Nobody else includes it.
 *
 * Threads: callers, the commit thread (the only one that writes records), the janitor (prepares,
 * reclaims, compacts). `lock` covers the index, the table of segments, `next`, `state` and the
 * counters; no disk access under it but opening a segment to read. `prepare_lock` is taken before
 * `lock` by who makes a segment. What is marked [commit] is that thread's alone. */
#ifndef SPOOL_INTERNAL_H
#define SPOOL_INTERNAL_H

#include "spool/spool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

/* --- record.c: the format of a record, see FORMAT.md --- */

#define RECORD_MAGIC 0x4c505347u
#define RECORD_VERSION 2
#define RECORD_VERSION_UNSALTED 1
#define RECORD_HEAD 48u
#define RECORD_MAX (1u << 29)
#define RECORD_LAG_MAX 60000u
/* What recovery reads of a file: all that the format's offsets reach. More than the writer makes,
 * since what it does not read it may not judge. */
#define SEGMENT_READ_MAX 0xfffff000u
_Static_assert(SPOOL_SEGMENT_MAX <= SEGMENT_READ_MAX, "whatever is written can be read");
_Static_assert(RECORD_MAX <= SPOOL_SEGMENT_MAX / 2, "the largest record has a segment to go to");

enum record_type { RECORD_SEAL = 1, RECORD_EXTENT, RECORD_MESSAGE, RECORD_STATE, RECORD_FINAL };

/* What each record of a segment carries. A record whose octets somebody outside has chosen does
 * not: he knows no salt. */
struct segment_key {
	uint32_t number, version; /* 0: not known, nothing is a record */
	uint32_t salt[2];         /* version 1: the magic and the number */
};

struct record_head {
	uint32_t salt_low;
	uint8_t type, version;
	/* group - lag is the last group that was on stable storage when this was written */
	uint16_t lag;
	uint32_t salt_high, meta_len;
	uint64_t group, id;
	uint32_t data_len, meta_crc, data_crc, head_crc;
};

/* The meta of a MESSAGE is this, the extents, and the envelope. */
struct message_meta {
	uint64_t size;
	uint32_t extent_count, zero;
};

/* The meta of a FINAL: where the MESSAGE was that it closes. */
struct final_meta {
	uint32_t segment, zero;
};

/* The meta of a SEAL is this, the gaps (ranges before `length` that were torn), and since version 2
 * the key of that segment. */
struct seal_meta {
	uint32_t segment, length; /* of the segment before, 0 if none */
	uint32_t gap_count, zero;
};
struct gap {
	uint32_t from, to;
};
static inline size_t seal_size(size_t gaps)
{
	return sizeof(struct seal_meta) + gaps * sizeof(struct gap) + sizeof(struct segment_key);
}

static inline uint32_t record_align(uint64_t size)
{
	return (uint32_t)((size + 7) & ~(uint64_t)7);
}
static inline uint32_t record_size(const struct record_head *head)
{
	return record_align((uint64_t)RECORD_HEAD + head->meta_len + head->data_len);
}
/* Completes a head: its checksum is good at this place alone. */
void record_seal(struct record_head *head, const struct segment_key *key, uint32_t offset);
bool record_valid(const struct record_head *head, const struct segment_key *key, uint32_t offset);
/* The parts of a MESSAGE's meta; false: they do not fit each other. */
bool record_message(struct gw_str meta, struct message_meta *message, const char **extents,
		    struct gw_str *envelope);
struct spool_extent record_extent(const char *extents, size_t at);
const char *record_name(unsigned type);

/* --- segment.c: files of the log --- */

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
	uint32_t size;   /* of the file, when it was made */
	uint32_t end;    /* of the valid records */
	uint32_t lost;   /* records from here on were given up */
	uint64_t live;   /* bytes of records that are needed */
	uint32_t needed; /* count of them */
	uint32_t loose;  /* EXTENTs among them that belong to no message yet */
	bool sealed;     /* no longer written */
	bool aside;      /* refused: neither read nor removed */
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

/* --- header.c: the head of a segment --- */

#define SEGMENT_HEADER 8192u
struct segment_key segment_key_old(uint32_t number);
int segment_key_make(struct segment_key *key, uint32_t number);
/* Both copies; the caller syncs them with the file, before any record. */
int segment_header_write(int fd, const struct segment_key *key);
/* 1: `key` is what the header says, of whatever version; 0: there is none that is whole;
 * SPOOL_UNREADABLE with errno. */
int segment_header_read(const struct segment *segment, struct segment_key *key);
bool segment_begins_old(const struct segment *segment); /* with a record of version 1 */
/* Where the first record lies, or would. */
static inline uint32_t segment_begin(const struct segment *segment)
{
	return segment->key.version == RECORD_VERSION_UNSALTED ? 0 : SEGMENT_HEADER;
}

#define SEGMENT_NAME 16
char *segment_name(uint32_t number, char text[SEGMENT_NAME]);
uint32_t segment_number(const char *name); /* 0: no name of a segment */
struct segment *segment_add(struct segments *segments, uint32_t number);
struct segment *segment_find(const struct segments *segments, uint32_t number);
bool segment_exists(const struct segments *segments, uint32_t number);
void segment_drop(struct segments *segments, struct segment *segment);
void segments_finish(struct segments *segments);
int segment_refer(struct segment *segment, uint32_t to, bool is_final, bool hard);
uint64_t segment_finals_bytes(const struct segments *segments, const struct segment *segment);
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

/* --- index.c: id -> place --- */

struct place {
	uint32_t segment, offset; /* segment 0: none */
};

/* A message's extents, summed up by segment. */
struct span {
	uint32_t segment, bytes, extents;
};
struct spans {
	uint32_t count;
	struct span span[];
};

struct entry {
	uint64_t id;
	struct place message, state;
	uint32_t message_bytes, state_bytes;
	struct spans *spans;
};

struct index {
	struct entry **chunks;
	size_t chunk_count;
	uint32_t *slots; /* handle + 1; 0: free */
	uint32_t slot_bits, free, used;
	uint64_t count;
};

int index_init(struct index *index);
void index_finish(struct index *index);
struct entry *index_find(const struct index *index, uint64_t id);
int index_reserve(struct index *index, size_t more); /* the next `more` adds cannot fail */
struct entry *index_add(struct index *index, uint64_t id);
void index_remove(struct index *index, struct entry *entry);
struct entry *index_at(const struct index *index, uint32_t handle); /* 0..used; id 0: not in use */
/* NULL with *failed: no memory; NULL: no extents. */
struct spans *spans_make(const struct spool_extent *extents, size_t count, bool *failed);

/* --- refcount.c: what each record means for the index and the segments. Under `lock` --- */

struct noted {
	enum record_type type;
	uint64_t id;
	struct place place;
	uint32_t bytes;
	uint32_t closes;     /* FINAL: the segment of its MESSAGE */
	struct spans *spans; /* MESSAGE: taken over */
};
void refcount_unreferenced(struct spool *spool, struct place place, uint32_t bytes);
void refcount_referenced(struct spool *spool, uint32_t segment, uint32_t bytes);
int refcount_message(struct spool *spool, const struct noted *noted, bool loose);
void refcount_state(struct spool *spool, const struct noted *noted);
void refcount_final(struct spool *spool, const struct noted *noted);
void refcount_close(struct spool *spool, uint64_t id);

/* --- scan.c: the records of a segment in order --- */

struct window {
	int fd;
	char *bytes;
	uint64_t start;
	size_t len;
	int error; /* errno of a read that failed; what could not be read is zeros */
};
#define WINDOW_SIZE (1u << 20)
/* Nothing but what may be there of a header. */
bool segment_never_used(struct window *window, uint32_t size);
int window_init(struct window *window);
void window_finish(struct window *window);
void window_file(struct window *window, int fd);
/* `len` bytes at `offset`, zeros where the file ends; NULL: no memory. Valid until the next call.
 */
const char *window_at(struct window *window, uint64_t offset, size_t len);

enum scan_result { SCAN_END, SCAN_RECORD, SCAN_BAD, SCAN_FAILED };
struct scan {
	struct window *window;
	struct segment_key key;
	uint32_t segment, at, limit;
	struct record_head head; /* RECORD; BAD: of a record whose meta is bad, else its id is 0 */
	struct gw_str meta;
	uint32_t from, to; /* the record's or the bad range */
};
/* A pinned segment's. */
void scan_init(struct scan *scan, struct window *window, const struct segment *segment,
	       uint32_t from, uint32_t limit);
enum scan_result scan_next(struct scan *scan);

/* --- commit.c, group.c --- */

#define GATHER_IOV 1024
#define GATHER_SCRATCH (512u << 10)
#define GATHER_COPY 2048u
#define GROUP_BYTES (16u << 20)

struct list {
	struct spool_append *first, **last;
};
static inline void list_init(struct list *list)
{
	list->first = NULL;
	list->last = &list->first;
}
static inline void list_add(struct list *list, struct spool_append *append)
{
	append->next = NULL;
	*list->last = append;
	list->last = &append->next;
}
static inline struct spool_append *list_take(struct list *list)
{
	struct spool_append *append = list->first;
	if (append) {
		list->first = append->next;
		if (!list->first)
			list->last = &list->first;
	}
	return append;
}
void list_prepend(struct list *list, struct list *front); /* empties `front` */

/* Pieces of a group on their way into one write. */
struct gather {
	struct iovec iov[GATHER_IOV];
	int count;
	char *scratch;
	size_t used;
	uint64_t bytes;
};
void gather_clear(struct gather *gather);
bool gather_fits(const struct gather *gather, size_t small_bytes);
void gather_add(struct gather *gather, const void *bytes, size_t len);
int gather_write(struct gather *gather, int fd, uint64_t offset);

struct group {
	struct gather gather;
	struct list members;
	size_t count, messages;
	bool durable, only_moves, has_next;
};

void append_checksum(struct spool_append *append);
void append_prepare(struct spool_append *append);
uint32_t append_bytes(const struct spool_append *append);
bool append_fits(const struct spool_append *append); /* a record of that size can be read again */
void append_queue(struct spool *spool, struct spool_append *append);
struct spool_append *append_copy(const struct spool_append *append);
/* Writes all that waits and answers it; false: the spool is closing, and nothing waits. [commit] */
bool commit_turn(struct spool *spool);
void commit_forget(struct spool *spool); /* what was appended after the last turn */
void commit_rest(struct spool *spool);   /* until there is something to do [commit] */
void commit_finish(
	struct spool *spool); /* the last turn: what cannot be written is refused [commit] */
void group_build(struct spool *spool, struct list *done);                 /* [commit] */
void group_run(struct spool *spool);                                      /* [commit] */
int group_sync(struct spool *spool);                                      /* [commit] */
void group_answer(struct spool *spool, struct list *list);                /* [commit] */
enum spool_result group_open_segment(struct spool *spool, uint32_t need); /* [commit] */
void group_encode(struct spool *spool, struct spool_append *append);      /* [commit] */
void group_encode_seal(struct spool *spool);                              /* [commit] */

/* --- recover.c, replay.c, quarantine.c --- */

int recover_run(struct spool *spool, spool_found_fn *found, void *arg, struct problems *problems);
/* Calls `found` for each queued message, in the order of the log, and drops those that are not
 * whole. */
int announce(struct spool *spool, struct window *window, struct place unproven,
	     spool_found_fn *found, void *arg);
/* Copies the range to quarantine/ (where it is not already) and logs it. */
void quarantine(struct spool *spool, uint32_t segment, uint32_t from, uint32_t to, uint64_t id,
		const char *why);

/* --- read.c --- */

/* The latest state, empty where it is damaged. 1; 0: it was moved meanwhile; SPOOL_UNREADABLE. */
int state_load(struct spool *spool, const struct entry *entry, struct arena *arena,
	       struct gw_str *state);

/* --- janitor.c, compact.c --- */

/* Removes, prepares, measures, compacts; true: the disk is full. */
bool janitor_turn(struct spool *spool);
/* Waits until there is something to do; false: the spool is closed. */
bool janitor_rest(struct spool *spool, bool full);
void janitor_measure(struct spool *spool);
void janitor_reclaim(struct spool *spool);
/* 0; SPOOL_DAMAGED: what it needs is not all readable, and never will be; another below 0:
 * something failed for now. */
int compact_segment(struct spool *spool, struct segment *segment);

/* --- */

struct spool {
	struct spool_options options;
	char *path;
	int dir, lock_file;
	bool is_stopped; /* nothing is written any more */
	bool dry;        /* spool_check: nothing is changed */
	FILE *report;    /* then: where damage is told */

	pthread_mutex_t lock, prepare_lock;
	struct segments segments;
	struct index index;
	struct segment *next; /* prepared */
	uint32_t last_number;
	enum spool_result state;
	int64_t free_bytes, free_inodes;
	/* no message is tried before: monotonic ms. Written by the commit thread */
	int64_t fail_until;
	enum spool_result fail_result; /* what the last failure answers until then */
	uint32_t current_room;         /* what the current segment still takes of messages */
	struct spool_stats stats;
	int64_t retry_at; /* under prepare_lock: no segment is prepared before; monotonic ms */
	enum spool_result retry_result;

	/* the way in */
	_Atomic(struct spool_append *) incoming;
	_Atomic unsigned waiting; /* appends in there that somebody waits for */
	_Atomic int expected;     /* spool_expect() */
	_Atomic int slumber;      /* enum slumber: what the commit thread sleeps for */
	pthread_mutex_t wake_lock;
	pthread_cond_t wake, janitor_wake;
	bool stop, janitor_stop;
	bool janitor_hurry;

	/* [commit] */
	struct segment *current;
	uint32_t synced; /* of current: end of what is on stable storage */
	uint64_t group_number, synced_group;
	int64_t unsynced_since; /* 0: nothing */
	unsigned patience_us;   /* of the next wait_for_company */
	bool failing;           /* no group succeeded since one failed */
	struct list line, held;
	struct group group;
	/* what the next SEAL says */
	uint32_t seal_segment, seal_length;
	struct segment_key seal_key;
	bool seal_hard; /* the file could not be cut there */
	struct gap *gaps;
	size_t gap_count;

	pthread_t commit_thread, janitor_thread;
};

/* What wakes the commit thread. An append that nobody waits for rides with the next group, or goes
 * out within LAZY_MS. */
enum slumber { SLUMBER_NONE, SLUMBER_ANY, SLUMBER_URGENT, SLUMBER_COMPANY };
#define LAZY_MS 2
#define COMPANY 8 /* appends that share a sync: it is not put off for more */

void wake_for(struct spool *spool, bool urgent); /* wake.c: an append was queued */
/* wake.c: until there is some, at most ms; -1: for ever */
void wait_for_work(struct spool *spool, int64_t ms);
void wait_for_company(struct spool *spool);

/* threads.c: from now on turns are taken, until threads_stop; -1 with errno: they are not. */
int threads_start(struct spool *spool);
void threads_stop(struct spool *spool);

void spool_wake_janitor(struct spool *spool);
int spool_list(struct spool *spool, struct problems *problems);
struct spool *spool_new(const struct spool_options *options, struct problems *problems);
void spool_free(struct spool *spool);

#endif
