/* write.c - a built group reaches the disk: written, synced, ref in the index, answered; and what
 * happens when it does not. */
#include "spool/spool_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "spool/append.h"
#include "spool/disk.h"
#include "spool/gather.h"
#include "spool/group.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/refcount.h"
#include "spool/scan.h"
#include "spool/segment.h"

#include <errno.h>
#include <stdlib.h>

static void note(struct spool *spool, struct spool_append *append)
{
	struct record_ref ref = { (enum record_type)(append->type + RECORD_EXTENT),
				  append->id,
				  { append->extent.segment, append->extent.offset },
				  append_bytes(append),
				  0,
				  append->spans };

	append->spans = NULL;
	switch (append->type) {
	case SPOOL_EXTENT:
		refcount_unreferenced(spool, ref.place, ref.bytes);
		break;
	case SPOOL_MESSAGE:
		refcount_message(spool, &ref, append->from_segment == 0);
		append->extent.offset += (uint32_t)(sizeof(struct message_meta) +
						    append->extent_count * 16 + append->meta.len);
		break;
	case SPOOL_STATE:
		refcount_state(spool, &ref);
		break;
	case SPOOL_FINAL:
		ref.closes = append->extent.segment;
		ref.place.segment = spool->current->number;
		refcount_final(spool, &ref);
		break;
	}
}

static void note_all(struct spool *spool)
{
	struct segment *current = spool->current;

	pthread_mutex_lock(&spool->lock);
	current->end += (uint32_t)spool->group.gather.bytes;
	for (struct spool_append *append = spool->group.members.first; append;
	     append = append->next)
		note(spool, append);
	spool->stats.appends += spool->group.count;
	spool->stats.groups++;
	spool->stats.written += spool->group.gather.bytes;
	spool->current_room = current->size - current->end;
	spool->fail_until = 0;
	if (spool->state == SPOOL_FAILED)
		spool->state = SPOOL_OK;
	pthread_mutex_unlock(&spool->lock);
}

static void note_sync(struct spool *spool, int64_t us)
{
	pthread_mutex_lock(&spool->lock);
	spool->stats.syncs++;
	spool->stats.sync_us_sum += us;
	if (us > spool->stats.sync_us_max)
		spool->stats.sync_us_max = us;
	pthread_mutex_unlock(&spool->lock);
}

/* `end`: of what is written. A sync that failed is never tried again on the same file. */
static int sync_to(struct spool *spool, uint32_t end)
{
	int64_t began = clock_monotonic_us();

	if (!spool->options.unsafe_skip_sync && disk_fdatasync(spool->current->fd) < 0)
		return -1;
	note_sync(spool, clock_monotonic_us() - began);
	spool->synced = end;
	spool->synced_group = spool->group_number;
	spool->unsynced_since = 0;
	return 0;
}

/* --- answers --- */

#define CHAINS 32
struct chain {
	struct worker *worker;
	struct post *first, *last;
};

static void answer_chained(struct chain *chains, size_t *count, struct spool_append *append)
{
	struct chain *chain = NULL;

	for (size_t i = 0; i < *count && !chain; i++)
		if (chains[i].worker == append->worker)
			chain = &chains[i];
	if (!chain && *count == CHAINS) {
		worker_post(append->worker, &append->post);
		return;
	}
	append->post.next = NULL;
	if (!chain) {
		chains[(*count)++] = (struct chain){ append->worker, &append->post, &append->post };
		return;
	}
	chain->last->next = &append->post;
	chain->last = &append->post;
}

void group_answer(struct spool *spool, struct appends *list)
{
	struct chain chains[CHAINS];
	struct spool_append *append;
	size_t count = 0;

	while ((append = appends_take(list))) {
		if (!append->post.run)
			free(append);
		else if (!append->worker)
			append->post.run(&append->post);
		else
			answer_chained(chains, &count, append);
	}
	for (size_t i = 0; i < count; i++)
		worker_post_chain(chains[i].worker, chains[i].first);
}

/* --- failure --- */

/* What was written but not synced may be gone with the failed sync: it is read back, while the page
 * cache has it, and written again as if moved. EXTENTs are not: a message that names one from here
 * on is refused (see `lost`). */
static struct spool_append *salvage_one(const struct scan *scan)
{
	struct spool_append wanted = { .id = scan->head.id,
				       .from_segment = scan->segment,
				       .from_offset = scan->from };
	struct spool_append *append;

	if (scan->head.type != RECORD_STATE && scan->head.type != RECORD_FINAL)
		return NULL;
	wanted.type = (enum spool_type)(scan->head.type - RECORD_EXTENT);
	if (wanted.type == SPOOL_STATE)
		wanted.meta = scan->meta;
	append = append_copy(&wanted);
	if (append && wanted.type == SPOOL_FINAL) {
		struct final_meta meta;
		memcpy(&meta, scan->meta.ptr, sizeof(meta));
		append->extent.segment = meta.segment;
	}
	return append;
}

static void salvage(struct spool *spool, struct segment *segment, uint32_t from,
		    struct appends *out)
{
	struct read_buffer buffer;
	struct scan scan;
	enum scan_result result;

	if (from >= segment->end || read_buffer_init(&buffer))
		return;
	scan_init(&scan, &buffer, segment, from, segment->end);
	while ((result = scan_next(&scan)) != SCAN_END && result != SCAN_FAILED) {
		struct spool_append *append = result == SCAN_RECORD ? salvage_one(&scan) : NULL;
		if (append)
			appends_add(out, append);
	}
	read_buffer_finish(&buffer);
}

/* The next SEAL says where this segment ends, so what failed is not found again even when the file
 * cannot be cut. */
static void leave_segment(struct spool *spool, uint32_t end)
{
	struct segment *segment = spool->current;

	spool->current = NULL;
	spool->unsynced_since = 0;
	pthread_mutex_lock(&spool->lock);
	spool->seal_segment = segment->number;
	spool->seal_length = end;
	spool->seal_key = segment->key;
	segment->sealed = true;
	spool->current_room = 0;
	segment_unpin(spool, segment);
	pthread_mutex_unlock(&spool->lock);
}

static void give_up_segment(struct spool *spool)
{
	struct segment *segment = spool->current;
	struct appends saved;

	appends_init(&saved);
	salvage(spool, segment, spool->synced, &saved);
	appends_prepend(&spool->line, &saved);
	pthread_mutex_lock(&spool->lock);
	segment->lost = spool->synced;
	segment->end = spool->synced;
	pthread_mutex_unlock(&spool->lock);
	spool->seal_hard = disk_ftruncate(segment->fd, spool->synced) < 0;
	leave_segment(spool, spool->synced);
}

#define FAIL_PAUSE_MS 1000

/* Nobody is told of an append without an answer, so it is for us to try again. */
static void refuse_group(struct spool *spool, enum spool_result result)
{
	struct appends again, refused;
	struct spool_append *append;

	appends_init(&again);
	appends_init(&refused);
	while ((append = appends_take(&spool->group.members))) {
		bool completes = append->type == SPOOL_STATE || append->type == SPOOL_FINAL;

		free(append->spans);
		append->spans = NULL;
		append->result = result;
		if (completes && (!append->post.run || result == SPOOL_FULL))
			appends_add(&again, append);
		else
			appends_add(&refused, append);
	}
	appends_prepend(&spool->line, &again);
	group_answer(spool, &refused);
}

static void fail_group(struct spool *spool, int error)
{
	enum spool_result result = error == ENOSPC || error == EDQUOT ? SPOOL_FULL : SPOOL_FAILED;

	log_say(EVENT_SPOOL_FAILED, "%s: segment %u given up at %u: %s", spool->path,
		spool->current->number, spool->synced, strerror(error));
	refuse_group(spool, result);
	give_up_segment(spool);
	pthread_mutex_lock(&spool->lock);
	spool->stats.failed_groups++;
	if (spool->failing)
		spool->fail_until = clock_monotonic() + FAIL_PAUSE_MS;
	spool->fail_result = result;
	if (spool->failing || result == SPOOL_FULL)
		spool->state = result;
	pthread_mutex_unlock(&spool->lock);
	spool->failing = true;
	spool_wake_janitor(spool);
}

/* --- the group --- */

int group_sync(struct spool *spool)
{
	if (!spool->current || !spool->unsynced_since)
		return 0;
	if (sync_to(spool, spool->current->end) == 0)
		return 0;
	appends_init(&spool->group.members);
	fail_group(spool, errno);
	return -1;
}

static enum spool_result may_open(struct spool *spool, uint32_t need)
{
	size_t seal = RECORD_HEAD + seal_size(spool->gap_count) + 64;
	enum spool_result result;

	if (spool->fail_until && clock_monotonic() < spool->fail_until)
		return spool->fail_result;
	result = segment_prepare(spool, need + (uint32_t)seal);
	if (result != SPOOL_OK)
		return result;
	return group_sync(spool) < 0 ? SPOOL_FAILED : SPOOL_OK;
}

/* A segment is left behind only when all of it is on stable storage: recovery takes every bad byte
 * in it for damage. */
enum spool_result group_open_segment(struct spool *spool, uint32_t need)
{
	enum spool_result result = may_open(spool, need);

	if (result != SPOOL_OK)
		return result;
	if (spool->current) {
		spool->seal_hard = false;
		leave_segment(spool, spool->current->end);
	}
	pthread_mutex_lock(&spool->lock);
	spool->current = spool->next;
	spool->next = NULL;
	if (spool->seal_hard || spool->gap_count)
		segment_refer(spool->current, spool->seal_segment, false, true);
	spool->current_room = spool->current->size - spool->current->end;
	pthread_mutex_unlock(&spool->lock);
	spool->synced = spool->current->end;
	spool->group.has_next = false;
	spool_wake_janitor(spool);
	return SPOOL_OK;
}

static int write_group(struct spool *spool)
{
	struct segment *current = spool->current;
	uint32_t end = current->end + (uint32_t)spool->group.gather.bytes;

	if (spool->group_number - spool->synced_group >= RECORD_LAG_MAX)
		spool->group.durable = true;
	if (gather_write(&spool->group.gather, current->fd, current->end) < 0)
		return -1;
	if (!spool->unsynced_since)
		spool->unsynced_since = clock_monotonic();
	return spool->group.durable ? sync_to(spool, end) : 0;
}

static void forget_gaps(struct spool *spool)
{
	free(spool->gaps);
	spool->gaps = NULL;
	spool->gap_count = 0;
}

void group_run(struct spool *spool)
{
	struct appends done;

	appends_init(&done);
	group_build(spool, &done);
	group_answer(spool, &done);
	if (spool->group.count == 0)
		return;
	if (write_group(spool) < 0) {
		fail_group(spool, errno);
		spool->group_number++;
		return;
	}
	note_all(spool);
	forget_gaps(spool);
	spool->group_number++;
	spool->failing = false;
	group_answer(spool, &spool->group.members);
}
