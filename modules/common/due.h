/* due.h - when it is time for what was put off: times are ms of the calendar, which may be set
 * back. */
#ifndef COMMON_DUE_H
#define COMMON_DUE_H

#include <stdbool.h>
#include <stdint.h>

/* Nothing is put off by more than `most`: what lies further ahead was put off by a clock that has
 * been set back since. */
static inline bool is_due(int64_t due, int64_t now, int64_t most)
{
	return now >= due || due - now > most;
}

#endif
