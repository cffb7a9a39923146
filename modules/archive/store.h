/* store.h - the archive that this process writes: one writer a folder, which gathers what all
 * workers have, writes it as a batch, syncs once and wakes them.
 *
 * After a reload the old and the new instance have the same store. */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

#include "item.h"
#include "presses.h"

#include <stdatomic.h>

struct store;

struct store_settings {
	const char *folder, *wrap_file, *sign_file;
	const char *spill; /* for copies that nobody waits for, while it cannot be written; NULL or
			      "": memory */
	int64_t delay_ms;  /* how long a batch is waited for */
	int level;         /* of zstd */
};

/* A store for as long as store_close() was not called; NULL: *why, until the next call. One that is
 * there takes the settings from now on, all but another key that signs: that is refused. What waits
 * for a disk when the last closes it goes to another that is open, and has its key; else it is
 * lost: so many mails. */
struct store *store_open(const struct store_settings *settings, const char **why);
size_t store_close(struct store *store);

const char *store_folder(const struct store *store);
/* For files that are made on the way: the folder, or, while that cannot be written, the spill's. */
const char *store_work_folder(struct store *store);
const char *store_spill_folder(struct store *store); /* NULL: none */
/* Those of now; they live as long as the store. */
const struct keys *store_keys(struct store *store);
int store_level(struct store *store);
struct presses *store_presses(struct store *store);

/* Hands the item over. One with a ticket comes back by it, with its error, and is the waiter's
 * then; another is written as soon as that can be, and freed. */
void store_add(struct store *store, struct item *item);
/* Whether so much may be held in memory. */
bool store_has_room(struct store *store, uint64_t octets);

/* Writes all that was added, and waits for it. 0, or errno. For the pool. */
int store_flush(struct store *store);

/* What time it is, ms: threads have no other clock. 0: nobody said so yet. */
void store_set_clock(struct store *store, int64_t now);
int64_t store_clock(struct store *store);

/* A clock that is set ahead would let mail go whose time is not over. `up`: ms since the machine
 * started, which nobody sets. */
#define CLOCK_STEP_MS INT64_C(3600000)
#define CLOCK_DOUBT_MS INT64_C(86400000)
struct watch {
	int64_t clock, up; /* of the last look; 0: there was none */
	int64_t doubt;     /* up to this `up` the clock is not believed */
};
void watch_look(struct watch *watch, int64_t clock, int64_t up);
bool watch_believes(const struct watch *watch, int64_t up);
/* Whether what time it is may decide over mail: not within a day after the clock was set ahead by
 * more than an hour. */
bool store_clock_is_sure(struct store *store);

struct store_state {
	int error; /* of the last batch; 0: it is on disk */
	uint64_t batches, records, waiting;
	uint64_t spilled;                 /* octets that wait in the spill */
	int spill_error;                  /* of what it was asked for last */
	char spill_damaged[SEGMENT_NAME]; /* a file there of which not all can be brought; "" */
	char name[SEGMENT_NAME];          /* up to where it is on disk */
	uint64_t end;
	struct link link;
	uint64_t torn; /* octets that the start has cut off */
	bool damaged;  /* the file that was the newest is: it stays as it is */
};
void store_state(struct store *store, struct store_state *state);
/* Waits until something is written after `batches`, or `ms` passed, or the store ends or `*stop`
 * is set (false); who sets that calls store_wake() after it. */
bool store_wait(struct store *store, uint64_t batches, int64_t ms, const atomic_bool *stop);
void store_wake(struct store *store);

#endif
