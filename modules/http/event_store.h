/* event_store.h - what happened and is owed to somebody: events in the order in which they were
 * kept, how far each webhook has them, and those that it never took.
 *
 * SQLite in one file, one connection, any thread. What store_add(), store_told() and store_bury()
 * say is on disk when they return: they are for threads that may wait. */
#ifndef HTTP_EVENT_STORE_H
#define HTTP_EVENT_STORE_H

#include <gateway/module.h>

struct event_store;

/* NULL: *why says why not, until the next call. */
struct event_store *store_open(const char *path, const char **why);
void store_close(struct event_store *store); /* NULL is fine */

/* An event; `json` is an object without its id. */
struct event {
	int64_t number; /* grows; 0: not kept yet */
	int64_t time;   /* ms since 1970 UTC */
	struct gw_str name, client, json;
};

/* "evt_5f0c9a31_42": the same for everybody, at each try, and in no other store. */
void store_event_id(const struct event_store *store, int64_t number, char *out, size_t size);

/* All of them, or none: 0, or -1. */
int store_add(struct event_store *store, const struct event *events, size_t count);
/* The same of records of bounces, which are in it up to `to` by then, and were up to `from` (-1:
 * never yet). 1: they are not at `from` any more, somebody else was here; nothing was added. */
int store_add_bounces(struct event_store *store, const struct event *events, size_t count,
		      int64_t from, int64_t to);
/* How far; -1: that was never said. */
int64_t store_bounces(struct event_store *store);

/* Events behind `after`, oldest first, `most` at most, while `each` wants more; the number of the
 * last that `each` was told, or `after`; -1: it failed. */
int64_t store_each(struct event_store *store, int64_t after, size_t most,
		   bool (*each)(void *arg, const struct event *event), void *arg);
int64_t store_newest(struct event_store *store); /* 0: none; -1: it failed */

/* How it stands with a webhook. */
struct hook_state {
	int64_t cursor; /* it has, or never takes, what is up to here */
	int64_t tries;  /* that failed, of what is next */
	int64_t next;   /* ms: not before */
	int64_t since;  /* ms: when it began to fail; 0: it is fine */
	char error[200];
};
/* One that was never there begins with what comes from now on. False: it failed. */
bool store_hook(struct event_store *store, struct gw_str name, struct hook_state *state);
/* Those that nobody has any more are forgotten: what they were not sent is owed to nobody. */
void store_forget_hooks(struct event_store *store,
			bool (*is_wanted)(const void *arg, struct gw_str name), const void *arg);
/* 0, or -1. The second also sets aside the events of `numbers`, which it will not be sent any more
 * by itself. */
int store_told(struct event_store *store, struct gw_str name, const struct hook_state *state);
int store_bury(struct event_store *store, struct gw_str name, const struct hook_state *state,
	       const int64_t *numbers, size_t count);

/* A dead letter. */
struct dead {
	int64_t number, event, time;
	const char *hook, *name, *why, *json;
	bool due; /* somebody wants it sent again */
};
/* Those behind `after`; of a hook alone where it is not empty, and alone those that are due where
 * `due`. -1: it failed. */
int store_dead_each(struct event_store *store, struct gw_str hook, bool due, int64_t after,
		    size_t most, bool (*each)(void *arg, const struct dead *dead), void *arg);
int64_t store_dead_count(struct event_store *store, struct gw_str hook);
/* Makes one due, or all (0): how many; -1. */
int64_t store_dead_resend(struct event_store *store, int64_t number);
/* Drops one, or all (0), which nobody is sent any more: how many; -1. */
int64_t store_dead_drop(struct event_store *store, int64_t number);
/* Of `numbers`: they were taken, or were not, for `why`. */
int store_dead_told(struct event_store *store, const int64_t *numbers, size_t count, bool taken,
		    const char *why);

/* Forgets what is from before `before`, and the oldest of more than `most`; a part at a time. How
 * many of them some webhook has not had; -1: it failed. `more`: there may be more of them now. */
int64_t store_forget(struct event_store *store, int64_t before, int64_t most, bool *more);
/* The same of dead letters: how many were dropped. */
int64_t store_dead_forget(struct event_store *store, int64_t before, int64_t most, bool *more);

#endif
