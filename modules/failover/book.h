/* book.h - what is remembered of each relay: its failures, whether it is closed, how far it is
 * slowed down.
 *
 * By name, for all instances of the module and all workers, so that a reload forgets nothing; the
 * failures and the closure are also in a record of the state store, so that a restart does not
 * either. */
#ifndef FAILOVER_BOOK_H
#define FAILOVER_BOOK_H

#include "failover.h"
#include "refusal.h"
#include "text.h"
#include "throttle.h"

#include <pthread.h>
#include <stdatomic.h>

#define FAILURES_MAX 30

struct failure {
	int64_t time;
	int64_t code;
	int64_t message; /* whose attempt it was; 0: not known any more */
	/* text: the enhanced code in front, lines parted by '\n'; all of them fit into a record */
	char class[32], stage[12], host[128], text[1400], hint[200];
};
#define FAILURE_BRIEF 400 /* as much of its text is told where there is little room */

/* The closure of a relay; cause 0: it is open. */
struct closure {
	enum gw_cause cause;
	int64_t until;
	bool warned;   /* the warning has gone out, or none is wanted */
	char why[500]; /* "3 failures today, the last: ..." */
};

struct book {
	struct book *next;
	char *name;
	_Atomic int64_t last_success;
	_Atomic int64_t count; /* of failures */
	/* closed or slowed down; these three may be read without the lock */
	_Atomic bool special;
	pthread_mutex_t lock; /* over what follows */
	struct failure failures[FAILURES_MAX];
	struct failure last_error;
	int64_t kept_error, kept_at; /* its time in the record, and when that was written */
	/* when the warning was handed in, or seen in the queue; 0: not since the start */
	int64_t letter_time;
	/* when a closure without a warning was read from the record; 0: there was none */
	int64_t read_time;
	int64_t last_counted; /* what was under way then belongs to the same incident */
	struct closure closure;
	/* in a row, with suspend = "backoff": each is longer than the one before */
	int64_t suspensions;
	/* that one is over: one connection, until a message is taken or a failure counts */
	_Atomic bool trial;
	struct throttle throttle;
	struct refusals refusals;
};

/* The shelf stands while somebody holds it. True: nobody does any more. */
void books_hold(void);
bool books_release(void);

/* The book of that relay, read from its record where it is not on the shelf yet. NULL: no memory.
 */
struct book *book_find(struct gw_call *call, struct gw_str relay);

void book_lock(struct book *book);
void book_unlock(struct book *book);

/* --- under the book's lock --- */
/* from its record, if there is one */
void book_read(struct gw_call *call, struct book *book);
void book_write(const struct gw_call *call, const struct book *book); /* to its record */
/* forgets failures from before */
void book_prune(struct book *book, int64_t since);
void book_add(struct book *book, const struct failure *failure);
void book_clear(struct book *book); /* no failures, open */
bool book_closed(const struct book *book, int64_t now);

/* Drops the records of relays that are not there any more. */
void books_sweep(struct gw_call *call);

#endif
