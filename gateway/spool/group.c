/* group.c - which appends make the next commit group: what may be written at all, and what there is
 * room for. */
#include "spool/group.h"

#include "base/log.h"
#include "spool/append.h"
#include "spool/gather.h"
#include "spool/header.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/refcount.h"
#include "spool/segment.h"
#include "spool/spool_private.h"

#include <stdlib.h>

static bool extent_lost(const struct spool *spool, const struct spool_extent *extent)
{
	const struct segment *segment = segment_find(&spool->segments, extent->segment);
	return !segment || segment->gone || extent->offset >= segment->lost;
}

static bool extents_lost(const struct spool *spool, const struct spool_append *append)
{
	for (size_t i = 0; i < append->extent_count; i++)
		if (extent_lost(spool, &append->extents[i]))
			return true;
	return false;
}

static bool same_place(struct place place, const struct spool_append *append)
{
	return place.segment == append->from_segment && place.offset == append->from_offset;
}

/* A copy is written only while what it copies is still what counts. */
static bool move_stale(const struct spool *spool, const struct spool_append *append)
{
	const struct entry *entry = index_find(&spool->index, append->id);

	if (append->type == SPOOL_FINAL)
		return !segment_exists(&spool->segments, append->extent.segment);
	if (append->type == SPOOL_EXTENT)
		return !entry;
	return !entry ||
	       !same_place(append->type == SPOOL_MESSAGE ? entry->message : entry->state, append);
}

static bool make_room_in_index(struct spool *spool, struct spool_append *append)
{
	bool failed;

	append->spans = spans_make(append->extents, append->extent_count, &failed);
	return !failed && index_reserve(&spool->index, spool->group.messages + 1) == 0;
}

/* Where the message is that a FINAL closes. One that was accounted while it waited for room
 * remembers. */
static void find_closed(struct spool *spool, struct spool_append *append)
{
	const struct entry *entry = index_find(&spool->index, append->id);

	if (entry)
		append->extent.segment = entry->message.segment;
}

enum verdict { VERDICT_WRITE, VERDICT_SKIP, VERDICT_FAILED };

/* Written it could not be read again: a record has an end to its size, whoever asked for more. */
static bool too_large(const struct spool *spool, const struct spool_append *append)
{
	if (append_fits(append))
		return false;
	log_say(EVENT_SPOOL_FAILED, "%s: a %s is too large for a record, it is not written",
		spool->path, record_name((unsigned)append->type + RECORD_EXTENT));
	return true;
}

static enum verdict judge(struct spool *spool, struct spool_append *append)
{
	if (append->from_segment && move_stale(spool, append))
		return VERDICT_SKIP;
	if (append->type == SPOOL_FINAL && !append->from_segment)
		find_closed(spool, append);
	if (append->type != SPOOL_MESSAGE)
		return VERDICT_WRITE;
	if (extents_lost(spool, append) || !make_room_in_index(spool, append))
		return VERDICT_FAILED;
	return VERDICT_WRITE;
}

/* --- building --- */

static bool waits_for_room(const struct spool_append *append)
{
	bool completes = append->type == SPOOL_STATE || append->type == SPOOL_FINAL;
	return completes && (!append->from_segment || !append->post.run);
}

static uint32_t reserve_of(const struct segment *segment)
{
	uint32_t reserve = segment->size / 16;
	return reserve > (4u << 20) ? 4u << 20 : reserve;
}

/* With no segment after this one, the last of it is for what completes deliveries. */
static uint32_t room_for(struct spool *spool, const struct spool_append *append)
{
	struct segment *current = spool->current;
	uint64_t used = current->end + spool->group.gather.bytes, keep = 0;

	if (!waits_for_room(append) && !spool->group.has_next)
		keep = reserve_of(current);
	return current->size > used + keep ? (uint32_t)(current->size - used - keep) : 0;
}

static size_t small_bytes(const struct spool_append *append)
{
	size_t extents = append->extent_count * sizeof(*append->extents);
	size_t bytes = 2 * RECORD_HEAD + 64 + GATHER_COPY;

	bytes += append->meta.len <= GATHER_COPY ? append->meta.len : 0;
	bytes += append->data.len <= GATHER_COPY ? append->data.len : 0;
	return bytes + (extents <= GATHER_COPY ? extents : 0);
}

/* A copy must not come after a newer record of its message that it knows nothing of. */
static bool starts_new_group(struct spool *spool, const struct spool_append *append)
{
	if (spool->group.count == 0)
		return false;
	if (append->from_segment && !spool->group.only_moves)
		return true;
	return !gather_fits(&spool->group.gather, small_bytes(append));
}

/* The next record is the first of its segment: a SEAL goes before it. */
static bool is_first(const struct spool *spool)
{
	return spool->current->end == segment_begin(spool->current) &&
	       spool->group.gather.bytes == 0;
}

static void join(struct spool *spool, struct spool_append *append)
{
	struct group *group = &spool->group;

	if (is_first(spool))
		group_encode_seal(spool);
	group_encode(spool, append);
	append->result = SPOOL_OK;
	appends_add(&group->members, append);
	group->count++;
	group->messages += append->type == SPOOL_MESSAGE;
	group->durable = group->durable || append->durable;
	group->only_moves = group->only_moves && append->from_segment;
}

static void refuse(struct appends *done, struct spool_append *append, enum spool_result result)
{
	free(append->spans);
	append->spans = NULL;
	append->result = result;
	appends_add(done, append);
}

static uint32_t bytes_needed(const struct spool *spool, const struct spool_append *append)
{
	bool first = spool->current && is_first(spool);
	uint32_t seal = record_align(RECORD_HEAD + seal_size(spool->gap_count));

	return append_bytes(append) + (first ? seal : 0);
}

/* Waiting for room; the message is over all the same, and its segments may make that room. */
static void hold(struct spool *spool, struct spool_append *append)
{
	if (append->type == SPOOL_FINAL) {
		pthread_mutex_lock(&spool->lock);
		find_closed(spool, append);
		refcount_close(spool, append->id);
		pthread_mutex_unlock(&spool->lock);
	}
	appends_add(&spool->held, append);
}

/* The message's segment went while its FINAL waited: there is nothing left to close. */
static bool closed_without(struct spool *spool, const struct spool_append *append)
{
	return append->type == SPOOL_FINAL && append->extent.segment &&
	       !segment_exists(&spool->segments, append->extent.segment);
}

static void no_room(struct spool *spool, struct appends *done, struct spool_append *append,
		    enum spool_result result)
{
	if (waits_for_room(append) && result == SPOOL_FULL)
		hold(spool, append);
	else if (waits_for_room(append) && !append->post.run)
		hold(spool, append);
	else
		refuse(done, append, result);
}

/* Takes one append off the line. False: the group is full, it stays. */
static bool place_one(struct spool *spool, struct appends *done)
{
	struct spool_append *append = spool->line.first;
	enum spool_result result;
	enum verdict verdict;

	if (starts_new_group(spool, append))
		return false;
	if (too_large(spool, append)) {
		refuse(done, appends_take(&spool->line), SPOOL_FAILED);
		return true;
	}
	if (!spool->current || room_for(spool, append) < bytes_needed(spool, append)) {
		if (spool->group.count)
			return false;
		result = group_open_segment(spool, append_bytes(append));
		if (result != SPOOL_OK) {
			no_room(spool, done, appends_take(&spool->line), result);
			return true;
		}
	}
	appends_take(&spool->line);
	pthread_mutex_lock(&spool->lock);
	verdict = closed_without(spool, append) ? VERDICT_SKIP : judge(spool, append);
	pthread_mutex_unlock(&spool->lock);
	if (verdict == VERDICT_WRITE)
		join(spool, append);
	else
		refuse(done, append, verdict == VERDICT_SKIP ? SPOOL_OK : SPOOL_FAILED);
	return true;
}

/* Moves appends from the line to the group until it is full; those that cannot be written go to
 * `done` with the reason. */
void group_build(struct spool *spool, struct appends *done)
{
	struct group *group = &spool->group;

	gather_clear(&group->gather);
	appends_init(&group->members);
	group->count = group->messages = 0;
	group->durable = false;
	group->only_moves = true;
	pthread_mutex_lock(&spool->lock);
	group->has_next = spool->next != NULL;
	pthread_mutex_unlock(&spool->lock);
	while (spool->line.first && place_one(spool, done))
		;
}
