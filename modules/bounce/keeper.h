/* keeper.h - what is done beside the mail, on a thread of the store's own: reports to clients that
 * were not handed over before the gateway died are found again, and what is over is forgotten.
 * [any] */
#ifndef BOUNCE_KEEPER_H
#define BOUNCE_KEEPER_H

#include "rows.h"

struct keeper;

/* NULL: no memory. */
struct keeper *keeper_create(struct store *store);
void keeper_destroy(struct keeper *keeper);

/* Says when this process began, the first time: what is owed from before it was lost with another,
 * and waits for no minute. */
void keeper_begin(struct keeper *keeper, int64_t now);

/* The report of that bounce is in the queue, on disk, which is noted with what is written next. */
void keeper_paid(struct keeper *keeper, const struct report_name *name);

/* Once a second. Every minute it looks for what is over, and for reports that are owed for more
 * than a minute, or since before this process. */
struct keeper_work {
	int64_t now, keep;
	bool reflect;
	struct gw_str hostname; /* of this gateway, for the reports */
};
void keeper_tick(struct keeper *keeper, const struct keeper_work *work);

/* A report that is owed, to be handed over now. To be freed with owed_free(). */
struct owed {
	struct sent sent;
	GString *report;
};
struct owed *keeper_take(struct keeper *keeper); /* NULL: none */
void owed_free(struct owed *owed);

/* The store's. */
struct keeper *store_keeper(struct store *store);

#endif
