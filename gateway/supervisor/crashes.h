/* crashes.h - how often the serving process died while a message was in a module, by id; in memory
 * and in the file STATE/crashes, so that neither the serving process nor the supervisor forgets. */
#ifndef SUPERVISOR_CRASHES_H
#define SUPERVISOR_CRASHES_H

#include "supervisor/places.h"

#define CRASHES_MOST 256  /* messages remembered; the oldest makes room */
#define CRASHES_TO_HOLD 2 /* a message is not tried again after this many */

struct crash {
	uint64_t id;
	unsigned count;
	char instance[PLACE_NAME + 1]; /* the last one it died in */
	char hook[16];
};

struct crashes {
	struct crash items[CRASHES_MOST]; /* oldest first */
	size_t count;
	int folder; /* descriptor of STATE; -1: only in memory */
};

/* Reads the file; lines that make no sense are left out. */
void crashes_load(struct crashes *crashes, int folder);

/* One more; gives how many it are now. */
unsigned crashes_add(struct crashes *crashes, const struct place *place);

/* What was to be held is on hold: whoever releases it gets one more try, not two. */
void crashes_settle(struct crashes *crashes);

#endif
