/* tour.h - all messages of all workers, each looked at once, a few at a time: between two steps a
 * worker serves whom else it has to.
 *
 * Which messages there are is noted at the start; one that is gone when its turn comes is passed
 * over, one that came later is not met. Every worker goes from its oldest message to its newest,
 * all of them at the same time. */
#ifndef ADMIN_TOUR_H
#define ADMIN_TOUR_H

#include "queue/queue.h"

struct id_list {
	uint64_t *ids; /* free() */
	size_t count, room;
	bool failed; /* no memory: some are missing */
};
void id_list_add(struct id_list *list, uint64_t id);
void id_list_sort(struct id_list *list);                   /* each once */
bool id_list_has(const struct id_list *list, uint64_t id); /* sorted */

struct tour_part;

struct tour {
	/* One message, on its worker; it may be gone afterwards. False: this worker has seen
	 * enough. */
	bool (*visit)(struct tour *tour, struct worker *worker, unsigned number,
		      struct queue_entry *entry);
	void (*done)(struct tour *tour); /* main: nobody works on it any more */
	const struct id_list *only;      /* these, of which each worker has some; NULL: all */
	/* notes what waits for it, or is on its way to it: tour_is_near; NULL: no */
	const char *relay;
	/* its visits give orders to the queue: it is over when they stand in the messages' states
	 */
	bool orders;
	const _Atomic bool *abandoned; /* ends early when it becomes true; NULL: never */
	/* tour.c's */
	struct tour_part *parts;
	_Atomic unsigned left;
	struct post done_post;
};

/* -1: no memory, nothing will be called. */
int tour_begin(struct tour *tour);
bool tour_is_near(const struct tour *tour, unsigned number, uint64_t id);
bool tour_failed(const struct tour *tour); /* some were not looked at for want of memory */
void tour_finish(struct tour *tour);

#endif
