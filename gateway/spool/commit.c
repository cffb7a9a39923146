/* commit.c - the way in, and the thread that writes. */
#include "spool/internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define SYNC_AFTER_MS 1000
#define HELD_RETRY_MS 50

void list_prepend(struct list *list, struct list *front)
{
	if (!front->first)
		return;
	*front->last = list->first;
	if (list->first)
		front->last = list->last;
	*list = *front;
	if (list->last == &front->first)
		list->last = &list->first;
	list_init(front);
}

/* Only who finds the stack empty wakes the thread: it takes all that is there. */
void append_queue(struct spool *spool, struct spool_append *append)
{
	struct spool_append *head = atomic_load_explicit(&spool->incoming, memory_order_relaxed);

	do
		append->next = head;
	while (!atomic_compare_exchange_weak(&spool->incoming, &head, append));
	if (head)
		return;
	pthread_mutex_lock(&spool->wake_lock);
	pthread_cond_signal(&spool->wake);
	pthread_mutex_unlock(&spool->wake_lock);
}

/* One allocation with the strings behind it; freed with free(). */
struct spool_append *append_copy(const struct spool_append *append)
{
	size_t extents = append->extent_count * sizeof(*append->extents);
	struct spool_append *copy = malloc(sizeof(*copy) + extents + append->meta.len + append->data.len);
	char *at = (char *)(copy + 1);

	if (!copy)
		return NULL;
	*copy = *append;
	if (extents)
		memcpy(at, append->extents, extents);
	copy->extents = (struct spool_extent *)(void *)at;
	if (append->meta.len)
		memcpy(at + extents, append->meta.ptr, append->meta.len);
	copy->meta.ptr = at + extents;
	if (append->data.len)
		memcpy(at + extents + append->meta.len, append->data.ptr, append->data.len);
	copy->data.ptr = at + extents + append->meta.len;
	copy->post.run = NULL;
	append_checksum(copy);
	return copy;
}

void spool_append(struct spool *spool, struct spool_append *append)
{
	append_prepare(append);
	if (append->post.run) {
		append_queue(spool, append);
		return;
	}
	append = append_copy(append);
	if (append)
		append_queue(spool, append);
	else
		log_say(LOG_FAIL, "spool-failed", "%s: no memory for a record, it is not written", spool->path);
}

/* What came since, in the order it came. */
static void take_incoming(struct spool *spool)
{
	struct spool_append *append = atomic_exchange(&spool->incoming, NULL), *ordered = NULL;

	while (append) {
		struct spool_append *next = append->next;
		append->next = ordered;
		ordered = append;
		append = next;
	}
	while (ordered) {
		append = ordered;
		ordered = ordered->next;
		list_add(&spool->line, append);
	}
}

static void sleep_ms(struct spool *spool, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&spool->wake, &spool->wake_lock, &until);
}

static void wait_for_work(struct spool *spool)
{
	int64_t ms = -1;

	if (spool->unsynced_since)
		ms = spool->unsynced_since + SYNC_AFTER_MS - clock_monotonic();
	if (spool->held.first)
		ms = HELD_RETRY_MS;
	pthread_mutex_lock(&spool->wake_lock);
	if (!atomic_load(&spool->incoming) && !spool->stop) {
		if (ms < 0 && !spool->unsynced_since)
			pthread_cond_wait(&spool->wake, &spool->wake_lock);
		else if (ms > 0)
			sleep_ms(spool, ms);
	}
	pthread_mutex_unlock(&spool->wake_lock);
}

/* Worth it only under load: then a few microseconds bring more messages under one sync. */
static void gather_company(struct spool *spool)
{
	struct timespec wait = { 0, (long)spool->options.gather_us * 1000 };

	if (spool->options.gather_us && spool->last_size > 1 && !spool->line.first)
		nanosleep(&wait, NULL);
}

static bool stopping(struct spool *spool)
{
	bool stop;

	pthread_mutex_lock(&spool->wake_lock);
	stop = spool->stop;
	pthread_mutex_unlock(&spool->wake_lock);
	return stop;
}

static void sync_when_due(struct spool *spool)
{
	if (spool->unsynced_since && clock_monotonic() - spool->unsynced_since >= SYNC_AFTER_MS)
		group_sync(spool);
}

/* What waits for room when the spool is closed cannot be written; it was not answered. */
static void drop_held(struct spool *spool)
{
	for (struct spool_append *append = spool->held.first; append; append = append->next)
		append->result = SPOOL_FULL;
	group_answer(spool, &spool->held);
}

static void turn(struct spool *spool)
{
	take_incoming(spool);
	list_prepend(&spool->line, &spool->held);
	while (spool->line.first) {
		group_run(spool);
		take_incoming(spool);
	}
	sync_when_due(spool);
}

void *commit_run(void *arg)
{
	struct spool *spool = arg;

	for (;;) {
		bool stop = stopping(spool);

		turn(spool);
		if (stop && !atomic_load(&spool->incoming))
			break;
		wait_for_work(spool);
		gather_company(spool);
	}
	group_sync(spool);
	turn(spool);
	group_sync(spool);
	drop_held(spool);
	return NULL;
}
