/* state_private.h - between the memory of the store (state.c, state_counters.c), its thread
 * (state_writer.c) and its file (state_file.c). */
#ifndef MODULE_STATE_PRIVATE_H
#define MODULE_STATE_PRIVATE_H

#include "base/map.h"
#include "module/state.h"
#include "module/state_slots.h"

#include <pthread.h>
#include <time.h>

#define RECORD_MAX ((size_t)64 * 1024)

enum state_kind { STATE_COUNTER, STATE_RECORD };

/* A counter or a record, under owner NUL-free-separator name. */
struct state_entry {
	struct gw_str key; /* first, for the map; its bytes follow the entry */
	enum state_kind kind;
	bool dirty; /* in the list of what is to be written */
	bool gone;  /* a record that was dropped: kept until that is on disk */
	struct state_entry *next_dirty;
	struct state_period periods[PERIODS]; /* of a counter, as slot */
	struct slot_place slot;
	char *value; /* of a record; malloc'd */
	size_t len;
};

/* What is written: a copy, so that the lock is not held while the disk works. */
struct state_change {
	struct state_change *next;
	struct state_entry *entry;
	enum state_kind kind;
	bool gone;
	struct state_period periods[PERIODS];
	size_t key_len, value_len;
	char bytes[]; /* key, value */
};

struct state_file;

struct state {
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	struct str_map counters, records;
	struct state_entry *dirty, **last_dirty;
	struct state_keep *keeps, **last_keep; /* who waits for what is dirty */
	struct state_file *file;
	struct state_slots slots;
	/* calls of state_sync, and how many of them the thread has dealt with */
	uint64_t asked, answered;
	bool failed; /* the last write did */
	bool ending;
	pthread_t thread;
};

/* state.c */
/* in STATE_KEY_MAX octets; len 0: too long */
struct gw_str state_key(char *buffer, struct gw_str owner, struct gw_str name);
/* made where it is not there; NULL: no memory */
struct state_entry *state_entry_get(struct state *state, enum state_kind kind, struct gw_str key);
void state_entry_touch(struct state *state, struct state_entry *entry);
void state_keeps_init(struct state *state);
int state_record_load(struct state *state, struct gw_str key, struct gw_str value);
void state_clear(struct state *state);

/* state_counters.c */
int state_counter_load(struct state *state, struct gw_str key, int64_t period, int64_t value);
/* What a slot has: it is newer than what was loaded, or nobody knows. */
int state_counter_lay_over(struct state *state, struct gw_str key, struct slot_place place,
			   const struct state_period *periods, bool newer);

/* state_writer.c */
int state_writer_start(struct state *state);
void state_writer_stop(struct state *state);

/* state_file.c: the file itself. Opened in the caller's thread, then used by the writer alone. */
enum state_opened { STATE_OPENED, STATE_DAMAGED, STATE_REFUSED };
enum state_opened state_file_open(const char *path, struct state *into, struct state_file **file,
				  char *why, size_t size);
void state_file_close(struct state_file *file);
/* all or nothing */
int state_file_write(struct state_file *file, const struct state_change *changes, char *why,
		     size_t size);

#endif
