/* commit.c - the way in, and the thread that writes. */
#include "spool/spool_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "spool/append.h"
#include "spool/group.h"
#include "spool/record.h"
#include "spool/wake.h"

#include <errno.h>
#include <stdlib.h>

#define SYNC_AFTER_MS 1000
#define HELD_RETRY_MS 50

void appends_prepend(struct appends *list, struct appends *front)
{
	if (!front->first)
		return;
	*front->last = list->first;
	if (list->first)
		front->last = list->last;
	*list = *front;
	if (list->last == &front->first)
		list->last = &list->first;
	appends_init(front);
}

void append_queue(struct spool *spool, struct spool_append *append)
{
	struct spool_append *head = atomic_load_explicit(&spool->incoming, memory_order_relaxed);
	bool urgent = append->durable || append->post.run;

	if (urgent)
		atomic_fetch_add(&spool->waiting, 1);
	do
		append->next = head;
	while (!atomic_compare_exchange_weak(&spool->incoming, &head, append));
	wake_for(spool, urgent);
}

/* One allocation with the strings behind it; freed with free(). */
struct spool_append *append_copy(const struct spool_append *append)
{
	size_t extents = append->extent_count * sizeof(*append->extents);
	struct spool_append *copy = malloc(sizeof(*copy) + extents + append->meta.len +
					   append->data.len);
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
		log_say(EVENT_SPOOL_FAILED, "%s: no memory for a record, it is not written",
			spool->path);
}

/* What came since, in the order it came. */
static void take_incoming(struct spool *spool)
{
	atomic_store(&spool->waiting, 0);
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
		appends_add(&spool->line, append);
	}
}

/* How long there is nothing to do if nothing comes: -1: for ever. */
static int64_t spare_time(const struct spool *spool)
{
	if (spool->held.first)
		return HELD_RETRY_MS;
	return spool->unsynced_since ? spool->unsynced_since + SYNC_AFTER_MS - clock_monotonic()
				     : -1;
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

static void write_all(struct spool *spool)
{
	take_incoming(spool);
	appends_prepend(&spool->line, &spool->held);
	while (spool->line.first) {
		group_run(spool);
		wait_for_batch(spool);
		take_incoming(spool);
	}
	sync_when_due(spool);
}

/* What somebody waits for is his own memory. */
void commit_forget(struct spool *spool)
{
	struct spool_append *append;

	take_incoming(spool);
	while ((append = appends_take(&spool->line)))
		if (!append->post.run)
			free(append);
}

bool commit_turn(struct spool *spool)
{
	bool stop = stopping(spool);

	write_all(spool);
	return !stop || atomic_load(&spool->incoming);
}

void commit_rest(struct spool *spool)
{
	wait_for_work(spool, spare_time(spool));
	wait_for_batch(spool);
}

void commit_finish(struct spool *spool)
{
	group_sync(spool);
	write_all(spool);
	group_sync(spool);
	drop_held(spool);
}
