/* spool.h - what is on disk: an append-only log in segments, with group commit.
 *
 * Invariants, kept here and by queue/: a message answered 250 is on disk until every recipient is
 * final; a recipient is final only after a positive record of it.
 *
 * Appends come from any thread. One commit thread gathers all that wait, gives them places, writes
 * them with as few calls as it can, calls fdatasync once if any of them asked for it, and posts the
 * answers: one wake-up a worker for each group. The format is in FORMAT.md beside this file. */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "base/arena.h"
#include "base/problem.h"
#include "loop/worker.h"

#include <stdio.h>

struct spool;

/* The bounds of the option, of what is written, and (the upper one) of what recovery must be able
 * to read. */
#define SPOOL_SEGMENT_MIN (INT64_C(1) << 20)
#define SPOOL_SEGMENT_MAX (INT64_C(1) << 30)

struct spool_options {
	/* the folder; made (0700) where it is missing, its parent must exist */
	const char *path;
	int64_t segment_size; /* bytes preallocated for a segment; at most SPOOL_SEGMENT_MAX */
	/* new messages are refused while the file system has fewer bytes free than this */
	int64_t min_free;
	int64_t min_free_inodes;
	/* how long a sync may be put off at most while messages are expected, see spool_expect; 0:
	 * not at all */
	unsigned gather_us;
	/* for the tests' control run alone: not reachable by configuration */
	bool unsafe_skip_sync;
};

/* A message found by recovery. Strings are valid during the call. */
struct spool_found {
	uint64_t id;
	struct gw_str envelope; /* as given to the append of the message */
	struct gw_str state;    /* the last state appended, or empty */
	uint64_t size;          /* octets of content */
};
typedef void spool_found_fn(void *arg, const struct spool_found *found);

/* Opens the folder (one process at a time: a second gets a problem that names the first's pid),
 * recovers, and starts the threads. `found` is called for each message that is not final, in this
 * thread, before spool_open returns. A torn tail is cut; a damaged record in the middle is copied
 * to quarantine/, logged, and its message never sent. Killed while recovering, it recovers again.
 * NULL: what is wrong is in `problems`. */
struct spool *spool_open(const struct spool_options *options, spool_found_fn *found, void *arg,
			 struct problems *problems);

/* Writes and syncs what is queued, answers it, ends the threads. What was appended can be read and
 * abandoned until spool_close; what is appended from here on is not written. NULL is fine. */
void spool_stop(struct spool *spool);

/* Stops it, where it was not, and frees: after all that was loaded from it. NULL is fine. */
void spool_close(struct spool *spool);

/* Reads a spool without changing it and says on `out` what is in it and what is wrong; gives the
 * number of damaged records, or -1 when it is no spool or is in use. */
int spool_check(const char *path, FILE *out);

/* --- writing --- */

enum spool_result { SPOOL_OK, SPOOL_FULL /* 452 */, SPOOL_FAILED /* 451 */ };

/* A run of a message's content in the log. */
struct spool_extent {
	uint32_t segment, offset; /* of the record */
	uint32_t length;          /* octets of content */
	uint32_t crc;             /* CRC-32C of them */
};
#define SPOOL_EXTENT_MAX (1u << 20) /* octets of one extent, and of a message's tail */

enum spool_type {
	/* data: a run of content, before the message that it belongs to. Not yet part of the queue
	 */
	SPOOL_EXTENT,
	/* meta: the envelope; extents: what went before; data: the rest of the content. It is
	   queued from here on */
	SPOOL_MESSAGE,
	SPOOL_STATE, /* meta: the whole state of a queued message; the last one counts */
	SPOOL_FINAL, /* the message is done; its space may go */
};

/* One append, in memory the caller owns; from spool_append to post.run the spool owns it and what
 * it points to. */
struct spool_append {
	/* run on `worker` with the answer below; run NULL: nobody is told and the spool copies what
	 * it needs */
	struct post post;
	struct worker *worker; /* NULL: run is called in the spool's own thread and may not block */
	enum spool_type type;
	/* answer when it is on stable storage; else when it is written. A MESSAGE always is */
	bool durable;
	uint64_t id;
	struct gw_str meta, data;
	/* MESSAGE: as answered to the extents' appends, in order */
	const struct spool_extent *extents;
	size_t extent_count;
	struct spool_append *next;   /* the spool's */
	uint32_t meta_crc, data_crc; /* the spool's */
	/* the spool's: of the record that this one takes the place of; 0: none */
	uint32_t from_segment, from_offset;
	void *spans; /* the spool's */
	/* the answer */
	enum spool_result result;
	struct spool_extent extent; /* EXTENT: where it is; MESSAGE: where its tail is */
};

/* Queues an append. A failed write or sync answers SPOOL_FAILED to every append of its group; the
 * segment is then given up for a new one and what failed is not found by any later recovery. No
 * room: SPOOL_FULL for EXTENT and MESSAGE; STATE and FINAL have a reserve and wait for room when
 * that is used up too. [any thread] */
void spool_append(struct spool *spool, struct spool_append *append);

/* So many more (or fewer) messages are on their way in, past their MAIL: it is worth a moment's
 * wait to have them share a sync. [any thread] */
void spool_expect(struct spool *spool, int change);

/* A message whose extents were appended will not come (the client left, 554, or its own append was
 * refused): their space may go. Once for each extent that was answered SPOOL_OK. [any thread] */
void spool_abandon(struct spool *spool, uint64_t id, const struct spool_extent *extents,
		   size_t count);

/* May a new message of about `size` octets be taken now? Answers from memory, refreshed every
 * second and whenever a write met a full disk. [any thread] */
enum spool_result spool_room(struct spool *spool, int64_t size);

/* --- reading --- */

/* Why nothing was read; all below zero. Only damage is for ever. */
enum spool_error {
	/* what is on the disk is not what was written: logged, a person must look */
	SPOOL_DAMAGED = -1,
	/* the disk failed, or memory, or descriptors: nothing is known of the message, ask again
	   later */
	SPOOL_UNREADABLE = -2,
	SPOOL_GONE = -3, /* no such message */
};

/* The octets of a message: extents in the log, then a tail in memory or in the log. A value; copies
 * may be read by several. */
struct spool_content {
	struct spool *spool;
	uint64_t id;
	uint64_t size;
	const struct spool_extent *extents;
	size_t extent_count;
	struct gw_str tail; /* ptr NULL: in the log, at tail_at */
	struct spool_extent tail_at;
};

/* Reads at most `len` octets at `offset` into `out`; fewer only at the end. SPOOL_DAMAGED,
 * SPOOL_UNREADABLE. Blocks on the disk when the page cache has it not. [any thread] */
long spool_read(const struct spool_content *content, uint64_t offset, void *out, size_t len);

/* Like spool_read without a copy where it can: gives a piece at `offset` that is at most `len`
 * long, in `scratch` (of `len` bytes) or in memory. 0 at the end, below as above. */
long spool_piece(const struct spool_content *content, uint64_t offset, char *scratch, size_t len,
		 struct gw_str *piece);

/* Checks every octet against its checksum: 0; SPOOL_DAMAGED (logged with id and place);
 * SPOOL_UNREADABLE. */
int spool_verify(const struct spool_content *content);

/* Finds a queued message again: envelope, state and content, in the arena. Its segments stay until
 * the arena is finished. 0; SPOOL_DAMAGED and SPOOL_UNREADABLE (logged); SPOOL_GONE. [any thread]
 */
int spool_load(struct spool *spool, uint64_t id, struct arena *arena, struct gw_str *envelope,
	       struct gw_str *state, struct spool_content *content);

struct spool_stats {
	uint64_t messages, segments, bytes;       /* queued; on disk */
	uint64_t appends, groups, syncs, written; /* since the start */
	uint64_t failed_groups, compacted, damaged;
	int64_t free_bytes, free_inodes;
	int64_t sync_us_max, sync_us_sum;
	enum spool_result state; /* what spool_room answers to a small message */
};
void spool_stats(struct spool *spool, struct spool_stats *stats); /* [any thread] */

#endif
