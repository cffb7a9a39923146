/* janitor.c - the thread that keeps a segment prepared, removes those that nothing needs, and
 * compacts those kept by a few. */
#include "spool/janitor.h"

#include "base/clock.h"
#include "base/log.h"
#include "spool/disk.h"
#include "spool/header.h"
#include "spool/segment.h"
#include "spool/spool_private.h"

#include <errno.h>
#include <time.h>

#define IDLE_MS 1000
#define FULL_MS 200
#define COMPACT_RETRY_MS 10000 /* then twice as long each time, up to 64 times */

void janitor_measure(struct spool *spool)
{
	struct statvfs fs;

	if (disk_fstatvfs(spool->dir, &fs) < 0)
		return;
	pthread_mutex_lock(&spool->lock);
	spool->free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	/* A file system without a bound on inodes says 0 of 0. */
	spool->free_inodes = fs.f_files ? (int64_t)fs.f_favail : INT64_MAX;
	pthread_mutex_unlock(&spool->lock);
}

/* Nothing in it is needed, and none of its records is needed to keep an older segment's messages
 * closed. */
static struct segment *find_dead(struct spool *spool)
{
	for (size_t i = 0; i < spool->segments.count; i++) {
		struct segment *segment = spool->segments.items[i];

		if (segment->sealed && !segment->aside && !segment->gone && !segment->unread &&
		    segment->needed == 0 && !segment_blocked(&spool->segments, segment, false))
			return segment;
	}
	return NULL;
}

void janitor_reclaim(struct spool *spool)
{
	struct segment *segment;

	do {
		pthread_mutex_lock(&spool->lock);
		segment = find_dead(spool);
		pthread_mutex_unlock(&spool->lock);
	} while (segment && segment_remove(spool, segment) == 0);
}

static bool worth_compacting(const struct spool *spool, const struct segment *segment, int64_t now)
{
	uint64_t live;

	if (now < segment->compact_at)
		return false;
	if (!segment->sealed || segment->aside || segment->gone || segment->kept ||
	    segment->unread || segment->unreferenced > 0)
		return false;
	if (segment_blocked(&spool->segments, segment, true))
		return false;
	live = segment->live + segment_finals_bytes(&spool->segments, segment);
	return live < (segment->end - segment_begin(segment)) / 4;
}

static struct segment *find_sparse(struct spool *spool)
{
	struct segment *found = NULL;
	int64_t now = clock_monotonic();

	pthread_mutex_lock(&spool->lock);
	for (size_t i = 0; !found && i < spool->segments.count; i++)
		if (worth_compacting(spool, spool->segments.items[i], now))
			found = spool->segments.items[i];
	pthread_mutex_unlock(&spool->lock);
	return found;
}

/* Damage is remembered until the next start, another failure for a while: the other segments must
 * have their turn. */
static void put_off(struct spool *spool, struct segment *segment, bool damaged)
{
	unsigned doubled = segment->failures < 6 ? segment->failures : 6;

	pthread_mutex_lock(&spool->lock);
	segment->kept = segment->kept || damaged;
	segment->failures++;
	segment->compact_at = clock_monotonic() + ((int64_t)COMPACT_RETRY_MS << doubled);
	pthread_mutex_unlock(&spool->lock);
	log_say(damaged ? EVENT_SPOOL_KEPT : EVENT_SPOOL_NOT_COMPACTED,
		"%s: segment %u stays as it is: %s", spool->path, segment->number,
		damaged ? "something in it is damaged and still needed"
			: "it could not be copied now");
}

static void compact(struct spool *spool)
{
	struct segment *segment = find_sparse(spool);
	int result = segment ? compact_segment(spool, segment) : 0;

	if (result < 0)
		put_off(spool, segment, result == SPOOL_DAMAGED);
	else if (segment)
		janitor_reclaim(spool);
}

bool janitor_rest(struct spool *spool, bool full)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (full ? FULL_MS : IDLE_MS) % 1000 * 1000000L;
	until.tv_sec += (full ? FULL_MS : IDLE_MS) / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&spool->wake_lock);
	while (!spool->janitor_stop && !spool->janitor_hurry)
		if (pthread_cond_timedwait(&spool->janitor_wake, &spool->wake_lock, &until) ==
		    ETIMEDOUT)
			break;
	spool->janitor_hurry = false;
	stop = spool->janitor_stop;
	pthread_mutex_unlock(&spool->wake_lock);
	return !stop;
}

bool janitor_turn(struct spool *spool)
{
	janitor_reclaim(spool);
	bool full = segment_prepare(spool, 0) != SPOOL_OK;
	janitor_measure(spool);
	if (!full)
		compact(spool);
	return full;
}
