/* wake.c - when the commit thread sleeps, for what, and who wakes it.
 *
 * A wake-up costs two switches, a sync a good part of a millisecond: so nobody is woken for a
 * record that nobody waits for, and a sync is put off for a moment while clients are known to be in
 * the middle of a message. */
#include "spool/wake.h"

#include "spool/spool_private.h"

#include <errno.h>
#include <time.h>

static bool company_is_here(struct spool *spool)
{
	return atomic_load(&spool->waiting) >= BATCH_ENOUGH || atomic_load(&spool->expected) <= 0;
}

static bool wakes(struct spool *spool, bool urgent)
{
	switch (atomic_load(&spool->sleep_mode)) {
	case SLEEP_ANY:
		return true;
	case SLEEP_URGENT:
		return urgent;
	case SLEEP_BATCH:
		return urgent && company_is_here(spool);
	default:
		return false;
	}
}

/* The sleeper says that it sleeps, then looks once more, both under the lock; so it is in its wait
 * when the lock is free. The signal is given without it, or the thread would wake into a held lock.
 */
void wake_for(struct spool *spool, bool urgent)
{
	if (!wakes(spool, urgent))
		return;
	pthread_mutex_lock(&spool->wake_lock);
	pthread_mutex_unlock(&spool->wake_lock);
	pthread_cond_signal(&spool->wake);
}

static struct timespec after_us(int64_t us)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += us % 1000000 * 1000;
	until.tv_sec += us / 1000000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return until;
}

/* One sleep, under the lock. False: the time is over. */
static bool sleep_for(struct spool *spool, enum sleep_mode sleep_mode, const struct timespec *until)
{
	int error = 0;

	atomic_store(&spool->sleep_mode, sleep_mode);
	bool come = sleep_mode == SLEEP_ANY      ? atomic_load(&spool->incoming) != NULL
		    : sleep_mode == SLEEP_URGENT ? atomic_load(&spool->waiting) != 0
						 : company_is_here(spool);
	if (!come && !spool->stop)
		error = until ? pthread_cond_timedwait(&spool->wake, &spool->wake_lock, until)
			      : pthread_cond_wait(&spool->wake, &spool->wake_lock);
	atomic_store(&spool->sleep_mode, SLEEP_NONE);
	return error != ETIMEDOUT;
}

void wait_for_work(struct spool *spool, int64_t ms)
{
	struct timespec soon = after_us(LAZY_MS * 1000), until = after_us(ms > 0 ? ms * 1000 : 0);

	if (ms == 0 || atomic_load(&spool->waiting))
		return;
	pthread_mutex_lock(&spool->wake_lock);
	if (!spool->stop && !sleep_for(spool, SLEEP_URGENT, &soon) && !spool->stop)
		sleep_for(spool, SLEEP_ANY, ms < 0 ? NULL : &until);
	pthread_mutex_unlock(&spool->wake_lock);
}

/* A client that stops in the middle of its message must not make all others wait for it time and
 * again: who waited in vain waits half as long the next time, down to a little that still notices
 * when clients are swift again. */
static void learn(struct spool *spool, bool someone_came)
{
	unsigned full = spool->options.gather_us, half = spool->commit_delay_us / 2;

	spool->commit_delay_us = someone_came ? full : half > full / 16 ? half : full / 16;
}

void wait_for_batch(struct spool *spool)
{
	unsigned before = atomic_load(&spool->waiting);
	struct timespec until;

	if (!spool->options.gather_us || !before || company_is_here(spool))
		return;
	until = after_us(spool->commit_delay_us);
	pthread_mutex_lock(&spool->wake_lock);
	while (!spool->stop && !company_is_here(spool) && sleep_for(spool, SLEEP_BATCH, &until))
		;
	pthread_mutex_unlock(&spool->wake_lock);
	learn(spool, atomic_load(&spool->waiting) > before);
}

void spool_expect(struct spool *spool, int change)
{
	atomic_fetch_add(&spool->expected, change);
}
