/* hang.h - threads of the serving process that no longer turn: each says once a second that it
 * does, and who looks once a second sees who does not.
 *
 * Seconds are counted by who looks, not by a clock: a machine that stood still for a minute has no
 * thread that hung for one. */
#ifndef SUPERVISOR_HANG_H
#define SUPERVISOR_HANG_H

#include "base/event.h"
#include "supervisor/places.h"

#define HANG_MAIN 127 /* the number of the main thread's loop */

struct hangs {
	uint32_t beats[PLACES_MOST];
	uint32_t still[PLACES_MOST];
};

struct hang {
	unsigned worker, seconds;
	struct place place; /* `inside` a module, or not */
};

void hangs_clear(struct hangs *hangs);

/* Once a second. True: *longest is the one that has not turned for the longest, at least two
 * seconds. */
bool hangs_look(struct hangs *hangs, const struct places *places, struct hang *longest);

/* "worker 1 does not turn for 7 s: module probe, hook prepare, message 1AbC..." */
void hang_describe(const struct hang *hang, char *text, size_t size);

/* A line with module, hook and id. */
void hang_log(const struct hang *hang, enum event_id event);

#endif
