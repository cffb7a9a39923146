/* ledger.h - what limits have counted. Ledgers are found by name and live as long as the process
 * has an instance of the module, so that a reload counts on. */
#ifndef QUOTA_LEDGER_H
#define QUOTA_LEDGER_H

#include "limit.h"
#include "pace.h"

struct ledger;

#define LOOK_AGAIN_MS 10000 /* who waits for others to arrive asks again then, if nobody calls */

/* Why there is no room. */
enum shortage {
	SHORT_OF_ROOM,   /* the limit is reached */
	SHORT_OF_ANSWER, /* it would be, if all that is on its way arrives */
	SHORT_OF_PACE,   /* too much in this minute */
};

struct view {
	int64_t used, reserved, handed_in;
	int64_t began, opens;
	/* messages that may go in this minute; 0: none, or there is no such limit */
	int64_t pace_room;
	bool full; /* the daily limit is reached */
};

/* --- the book of all --- */
bool ledgers_open(const struct gw_call *call); /* an instance begins; true: it is the first */
/* one ends; true: it was the last, and nothing was on its way */
bool ledgers_close(void);
/* since the first began: a text that no other run has */
const char *ledgers_run(void);
/* NULL: no memory */
struct ledger *ledger_of(struct gw_call *call, struct limit *limit, struct gw_str client);
/* Each ledger of a limit. */
void ledger_each(const struct limit *limit, void (*each)(void *arg, const struct applied *applied),
		 void *arg);

/* empty: it is for all the limit is for */
struct gw_str ledger_client(const struct ledger *ledger);
struct gw_str ledger_wait_key(const struct ledger *ledger); /* where mail waits for room */
struct gw_str ledger_rate_key(const struct ledger *ledger);

/* --- one --- */
void ledger_view(const struct gw_call *call, const struct applied *applied, struct view *view);

/* Takes room for a message to so many recipients, at `now`; how many of them it was enough for. 0:
 * none, and why. dry: only looks. */
int64_t ledger_take(const struct gw_call *call, const struct applied *applied, int64_t now,
		    int64_t rcpts, bool dry, enum shortage *why);
/* Of what was taken at `when` so much is no longer on its way, and `back` of that was not used: in
 * what the limit counts. */
void ledger_settle(const struct gw_call *call, const struct applied *applied, int64_t when,
		   int64_t amount, int64_t back);
/* the message is through */
void ledger_landed(const struct gw_call *call, const struct applied *applied, bool sent);

/* How many may be called back: as many as there is room for again, and all when they
 * have to go another way. 0 where nobody asked in vain while mail was on its way; a little longer,
 * since who asks may come to the key only after it was opened. */
size_t ledger_let_go(const struct gw_call *call, const struct applied *applied);

/* What a client hands in is counted until it is final. False: with it there would be more than the
 * limit. dry: only looks. */
bool ledger_hand_in(const struct gw_call *call, const struct applied *applied, int64_t amount,
		    bool dry);
void ledger_final(const struct applied *applied, int64_t amount);

#endif
