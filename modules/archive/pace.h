/* pace.h - how long the index rests between two pieces of work.
 *
 * While mail comes in, the processor is its: the index takes a twentieth of one, and what is
 * gathered meanwhile is written at once. It takes half of one when nothing has come for a moment,
 * when somebody waits for it, and when it has not had everything for a minute: under a load that
 * does not end it would never. */
#ifndef ARCHIVE_PACE_H
#define ARCHIVE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_QUIET_MS 300    /* without a batch: nothing comes */
#define PACE_BEHIND_MS 60000 /* it is late */
#define PACE_REST_MOST_MS 10000

struct pace {
	uint64_t batches;   /* seen last */
	int64_t changed_at; /* ms: when they were others */
	int64_t whole_at;   /* ms: the index has what was there then */
};

/* Times are of one clock that nobody sets, ms. Nothing comes, and nothing is late. */
void pace_begin(struct pace *pace, int64_t now, uint64_t batches);
/* To be called again and again, also while it rests. */
void pace_look(struct pace *pace, int64_t now, uint64_t batches);
/* How long to rest after work that took `worked` ms of the processor; `wanted`: somebody waits. */
int64_t pace_rest(const struct pace *pace, int64_t now, int64_t worked, bool wanted);

#endif
