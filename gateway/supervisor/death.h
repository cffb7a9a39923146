/* death.h - how a serving process ended, and what its threads were doing. */
#ifndef SUPERVISOR_DEATH_H
#define SUPERVISOR_DEATH_H

#include "base/event.h"
#include "supervisor/crashes.h"

#include <sys/types.h>

#define DEATH_PLACES 16

struct death {
	pid_t pid;
	int status; /* of waitpid */
	struct place places[DEATH_PLACES];
	unsigned counts[DEATH_PLACES]; /* how often it died so during that message */
	size_t places_count;
	unsigned hung; /* seconds, when a thread hung; 0: none did */
};

void death_find(struct death *death, pid_t pid, int status, const struct places *places);
void death_count(struct death *death, struct crashes *crashes);

/* A line for each place, one without where there is none. */
void death_log(const struct death *death, enum event_id event);

/* Instead of what was found: it was killed because a thread hung there for so long. */
void death_blame(struct death *death, const struct place *place, unsigned seconds);

#endif
