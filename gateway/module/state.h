/* state.h - named counters and records that outlive the process: one small interface, embedded
 * default SQLite.
 *
 * All is in memory and answered from there; a thread of the store writes changes to STATE/state.db
 * in groups, within a second, and at state_close. A counter's value survives kill -9 from the
 * moment it is given: it stands in STATE/counters too, a file mapped into memory, which is there as
 * long as the process lives and is the next one's to read if it was killed. Names are prefixed by
 * the caller with the owner's name and a NUL-free separator. [any thread] */
#ifndef MODULE_STATE_H
#define MODULE_STATE_H

#include "base/problem.h"

struct state;

/* a damaged file is renamed *.damaged and a new one begun: a warning */
struct state *state_open(const char *path, struct problems *problems);
void state_close(struct state *state);

/* As the services of the same names (gateway/module.h). */
int64_t state_counter_add(struct state *state, struct gw_str owner, struct gw_str name,
			  int64_t period, int64_t add, int64_t limit);
int64_t state_counter_get(struct state *state, struct gw_str owner, struct gw_str name,
			  int64_t period);
int state_record_put(struct state *state, struct gw_str owner, struct gw_str key,
		     struct gw_str value);
long state_record_get(struct state *state, struct gw_str owner, struct gw_str key, void *out,
		      size_t len);
int state_record_drop(struct state *state, struct gw_str owner, struct gw_str key);
int state_record_each(struct state *state, struct gw_str owner, struct gw_str prefix,
		      int (*each)(void *arg, struct gw_str key, struct gw_str value), void *arg);

/* Who is told, on the thread of the store and without its lock, when a record is on disk. Durable:
 * all that was said before the record is too. Not: `why`, and it stays in memory and is tried
 * again. */
struct state_keep {
	struct state_keep *next;
	void (*told)(struct state_keep *keep, bool durable, const char *why);
};

/* As state_record_put(), and `keep`, which the store has until it is told once, in the order of
 * these calls. The disk is asked at once; what comes while it works goes together. -1: nothing is
 * put, nobody is told. */
int state_record_keep(struct state *state, struct gw_str owner, struct gw_str key,
		      struct gw_str value, struct state_keep *keep);

/* Waits until everything said before is on disk, and whoever was to be told has been; 0, or -1 when
 * the disk refuses. */
int state_sync(struct state *state);

#endif
