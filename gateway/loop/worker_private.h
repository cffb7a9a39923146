/* worker_private.h - what the files of loop/ share about a worker; no other room includes it. */
#ifndef LOOP_WORKER_PRIVATE_H
#define LOOP_WORKER_PRIVATE_H

#include "loop/worker.h"

#include "base/buf.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

/* What is put off to the end of a turn: events that arose inside calls first, then the writing, so
 * that what the events append leaves in the same send. */
enum turn_stage { TURN_EVENT, TURN_FLUSH, TURN_STAGES };

struct turn_list {
	struct post *first, **last;
};

/* Something that nobody but the worker owns any more; `end` is called when the worker is destroyed
 * before it ended by itself. */
struct orphan {
	struct orphan *next, **link;
	void (*end)(struct orphan *orphan);
};

struct signal_watch;
struct http;
struct dns;

struct worker {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	unsigned number;
	_Atomic(struct post *) inbox; /* newest first; see inbox.c */
	atomic_bool stop;
	bool turning;      /* events of a turn are being handled */
	int64_t now, wall; /* of this turn; 0: not asked yet */
	struct turn_list later[TURN_STAGES];
	struct buf spare; /* memory for input that no stream uses */
	struct orphan *orphans;
	struct signal_watch *signals;
	struct http *http;         /* its HTTPS requests; NULL: there was none yet */
	struct offload_pool *pool; /* NULL: none */
	struct dns *dns;           /* NULL: none was made for it */
	void *slots[WORKER_SLOTS];
	bool started;
	pthread_t thread;
	void (*began)(struct worker *, void *);
	void *began_arg;
};

/* Runs `post` at the end of this turn, or of the next when that stage is over. Only from the
 * worker's thread. */
void worker_later(struct worker *worker, enum turn_stage stage, struct post *post);

void worker_adopt(struct worker *worker, struct orphan *orphan);
void worker_disown(struct orphan *orphan); /* one never adopted is fine */

/* Takes what was posted and runs it; false: there was nothing. */
bool inbox_run(struct worker *worker);
/* Announces that the worker is about to sleep; false: something was posted, it may not. */
bool inbox_sleep(struct worker *worker);
void inbox_wake(struct worker *worker);

void signals_finish(struct worker *worker);

#endif
