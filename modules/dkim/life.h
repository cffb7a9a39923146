/* life.h - the life of each key: from when to when it is meant to sign, what DNS serves of it, and
 * so whether it signs now. What DNS said outlives a restart; one worker asks for all. What workers
 * and the main thread share are the atomics of struct life; the rest is read-only after
 * lives_init(). */
#ifndef DKIM_LIFE_H
#define DKIM_LIFE_H

#include "signer.h"
#include "../common/dkim_record.h"

#include <gateway/module.h>

#include <stdatomic.h>

#define LIFE_TICK_MS 1000 /* between two calls of lives_ask() on a worker */

enum stage {
	STAGE_PREPUBLISHED, /* its time has not come, and DNS does not serve it */
	STAGE_VERIFIED,     /* its time has not come, DNS serves it */
	STAGE_ACTIVE,       /* it signs, or would if DNS served it */
	STAGE_RETIRING,     /* its time is over: mail that it signed is still on its way */
	STAGE_RETIRED,      /* its record may go */
};

struct life {
	_Atomic int record;     /* enum dkim_record: what DNS serves */
	_Atomic int64_t looked; /* ms since 1970 UTC, of the last answer; 0: none since the start */
	_Atomic int64_t due;    /* when it is asked for next */
	/* since life_begins(), life_ends(): instead of the key's; 0: as the key says */
	_Atomic int64_t from, until;
};

struct lives {
	const struct signer *signer; /* outlives it */
	struct life *items;          /* as the signer's keys */
	bool published;              /* a key that DNS does not serve does not sign */
	int64_t check_ms;            /* between two questions */
	int64_t keep_ms;             /* a key is retiring so long */
};

/* With what was known before the restart. False: no memory. */
bool lives_init(struct gw_call *call, struct lives *lives, const struct signer *signer);
void lives_finish(struct lives *lives);

/* "2026-12-01": its first ms, UTC. False: it is no day. */
bool life_day(struct gw_str text, int64_t *ms);

/* From the worker's timer: asks for what is due. `dns`'s answer goes to life_answered(). */
void lives_ask(struct gw_call *call, struct lives *lives);
/* All are due now. */
void lives_hurry(struct lives *lives);
/* Of the key of that number; a change is logged, told as an event, and kept. */
void life_answered(struct gw_call *call, struct lives *lives, size_t number,
		   const struct gw_dns_answer *answer);

/* Whether what a name server answered is this key; UNKNOWN without memory too. [any] */
enum dkim_record life_judge(const struct key *key, const struct gw_dns_answer *answer);

/* Its time begins, or is over, now. */
void life_begins(struct lives *lives, size_t number, int64_t now);
void life_ends(struct lives *lives, size_t number, int64_t now);
int64_t life_from(const struct lives *lives, size_t number);

/* Whether the gateway's resolver serves it. */
bool served_by_resolver(const struct lives *lives, size_t number);

enum stage life_stage(const struct lives *lives, size_t number, int64_t now);
const char *life_stage_word(enum stage);

/* Which of `count` keys from number `first` on sign now, by their numbers, into `out`; with
 * `unknown` set: none, since it is not known yet what DNS serves. Of each algorithm a key whose
 * time is over signs on as long as none that took its place may. */
size_t lives_signing(const struct lives *lives, size_t first, size_t count, int64_t now,
		     size_t out[KEYS_A_DOMAIN], bool *unknown);

#endif
