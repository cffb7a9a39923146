/* ticks.h - whether an instance is the one in use: the gateway ticks that one each second, and one
 * that a reload has replaced no more. All of it from any thread. */
#ifndef HTTP_TICKS_H
#define HTTP_TICKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct ticks {
	_Atomic int64_t last; /* seconds, monotonic */
};

static inline int64_t ticks_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static inline void ticks_come(struct ticks *ticks)
{
	atomic_store(&ticks->last, ticks_now());
}

/* None came for so many seconds. */
static inline bool ticks_missing(const struct ticks *ticks, int64_t seconds)
{
	return ticks_now() - atomic_load(&ticks->last) >= seconds;
}

#endif
