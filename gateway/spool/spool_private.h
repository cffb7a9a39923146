/* spool_private.h - what the files of this room share of one spool. Nobody else includes it.
 *
 * Threads: callers, the commit thread (the only one that writes records), the janitor (prepares,
 * reclaims, compacts). `lock` covers the index, the table of segments, `next`, `state` and the
 * counters; no disk access under it but opening a segment to read. `prepare_lock` is taken before
 * `lock` by who makes a segment. What is marked [commit] is that thread's alone. */
#ifndef SPOOL_SPOOL_PRIVATE_H
#define SPOOL_SPOOL_PRIVATE_H

#include "spool/group.h"
#include "spool/index.h"
#include "spool/segment.h"

#include <pthread.h>
#include <stdatomic.h>

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
	_Atomic int sleep_mode;   /* enum sleep_mode: what the commit thread sleeps for */
	pthread_mutex_t wake_lock;
	pthread_cond_t wake, janitor_wake;
	bool stop, janitor_stop;
	bool janitor_hurry;

	/* [commit] */
	struct segment *current;
	uint32_t synced; /* of current: end of what is on stable storage */
	uint64_t group_number, synced_group;
	int64_t unsynced_since;   /* 0: nothing */
	unsigned commit_delay_us; /* of the next wait_for_batch */
	bool failing;             /* no group succeeded since one failed */
	struct appends line, held;
	struct group group;
	/* what the next SEAL says */
	uint32_t seal_segment, seal_length;
	struct segment_key seal_key;
	bool seal_hard; /* the file could not be cut there */
	struct gap *gaps;
	size_t gap_count;

	pthread_t commit_thread, janitor_thread;
};

/* The latest state, empty where it is damaged. 1; 0: it was moved meanwhile; SPOOL_UNREADABLE. */
int state_load(struct spool *spool, const struct entry *entry, struct arena *arena,
	       struct gw_str *state);

/* The janitor looks again soon. [any thread] */
void spool_wake_janitor(struct spool *spool);

/* Memory of one, with nothing opened; NULL: told in problems. spool_free gives back all that it has
 * by then. */
struct spool *spool_new(const struct spool_options *options, struct problems *problems);
void spool_free(struct spool *spool);
/* Adds each segment that lies in the folder. -1: told in problems. */
int spool_list(struct spool *spool, struct problems *problems);

#endif
