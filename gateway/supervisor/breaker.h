/* breaker.h - instances of which the serving process dies again and again. A message that it dies
 * of is held after its second time; where other messages do the same, it is the module that is at
 * fault, and everybody's mail stands still for it. After BREAKER_DEATHS deaths within
 * BREAKER_WINDOW_MS its hooks are not run any more, until the next reload or restart: on_crash of
 * the fragment says what they answer instead. */
#ifndef SUPERVISOR_BREAKER_H
#define SUPERVISOR_BREAKER_H

#include "supervisor/death.h"

#define BREAKER_DEATHS 4
#define BREAKER_WINDOW_MS (5 * 60 * 1000)
#define BREAKER_INSTANCES 32 /* remembered; the one that died longest ago makes room */

struct breaker_row {
	char instance[PLACE_NAME + 1];
	char hook[16];                 /* the last one it died in */
	unsigned deaths;               /* since the gateway was started */
	int64_t times[BREAKER_DEATHS]; /* of the last ones, newest first; monotonic ms */
};

struct breaker {
	struct breaker_row rows[BREAKER_INSTANCES];
	size_t count;
};

/* One death, of which each instance that was in module code is told once. */
void breaker_count(struct breaker *breaker, const struct death *death, int64_t now);

/* NULL: it never died in that instance. */
const struct breaker_row *breaker_row(const struct breaker *breaker, const char *instance);
bool breaker_is_open(const struct breaker_row *row, int64_t now);

#endif
