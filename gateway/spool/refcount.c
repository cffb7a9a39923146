/* refcount.c - what each record means for the index and for the segments that hold it. Used alike
 * by the commit thread as it writes and by recovery as it reads, so that both come to the same
 * state. */
#include "spool/refcount.h"

#include "spool/index.h"
#include "spool/record.h"
#include "spool/segment.h"
#include "spool/spool_private.h"

#include <stdlib.h>

static void need(struct spool *spool, uint32_t number, uint32_t bytes)
{
	struct segment *segment = segment_find(&spool->segments, number);

	if (!segment)
		return;
	segment->live += bytes;
	segment->needed++;
}

static void release(struct spool *spool, uint32_t number, uint64_t bytes, uint32_t records)
{
	struct segment *segment = number ? segment_find(&spool->segments, number) : NULL;

	if (!segment)
		return;
	segment->live -= bytes < segment->live ? bytes : segment->live;
	segment->needed -= records < segment->needed ? records : segment->needed;
}

void refcount_unreferenced(struct spool *spool, struct place place, uint32_t bytes)
{
	struct segment *segment = segment_find(&spool->segments, place.segment);

	need(spool, place.segment, bytes);
	if (segment)
		segment->unreferenced++;
}

void refcount_referenced(struct spool *spool, uint32_t number, uint32_t bytes)
{
	struct segment *segment = segment_find(&spool->segments, number);

	release(spool, number, bytes, 1);
	if (segment && segment->unreferenced > 0)
		segment->unreferenced--;
}

/* `unreferenced`: the extents were accounted as they were appended, and now belong to the message.
 */
static void take_spans(struct spool *spool, const struct spans *spans, bool unreferenced)
{
	for (uint32_t i = 0; spans && i < spans->count; i++) {
		const struct span *span = &spans->span[i];
		struct segment *segment = segment_find(&spool->segments, span->segment);

		if (!segment)
			continue;
		if (unreferenced) {
			segment->unreferenced -= span->extents < segment->unreferenced
							 ? span->extents
							 : segment->unreferenced;
		} else {
			segment->live += span->bytes;
			segment->needed += span->extents;
		}
	}
}

static void drop_message(struct spool *spool, struct entry *entry)
{
	release(spool, entry->message.segment, entry->message_bytes, 1);
	for (uint32_t i = 0; entry->spans && i < entry->spans->count; i++)
		release(spool, entry->spans->span[i].segment, entry->spans->span[i].bytes,
			entry->spans->span[i].extents);
	free(entry->spans);
	entry->spans = NULL;
}

/* A second MESSAGE of one id is a copy made by compaction. The segment with the first must go
 * before the one with the copy, or the FINAL, which waits for the copy's segment, could go while
 * the first is still there. */
static void replace(struct spool *spool, struct entry *entry, uint32_t by)
{
	struct segment *holder = segment_find(&spool->segments, by);

	if (holder)
		segment_refer(holder, entry->message.segment, false, true);
	drop_message(spool, entry);
}

int refcount_message(struct spool *spool, const struct record_ref *ref, bool unreferenced)
{
	struct entry *entry = index_find(&spool->index, ref->id);

	take_spans(spool, ref->spans, unreferenced);
	if (entry)
		replace(spool, entry, ref->place.segment);
	else
		entry = index_add(&spool->index, ref->id);
	if (!entry)
		return -1;
	entry->message = ref->place;
	entry->message_bytes = ref->bytes;
	entry->spans = ref->spans;
	need(spool, ref->place.segment, ref->bytes);
	return 0;
}

void refcount_state(struct spool *spool, const struct record_ref *ref)
{
	struct entry *entry = index_find(&spool->index, ref->id);

	if (!entry)
		return;
	release(spool, entry->state.segment, entry->state_bytes, 1);
	entry->state = ref->place;
	entry->state_bytes = ref->bytes;
	need(spool, ref->place.segment, ref->bytes);
}

void refcount_close(struct spool *spool, uint64_t id)
{
	struct entry *entry = index_find(&spool->index, id);

	if (!entry)
		return;
	drop_message(spool, entry);
	release(spool, entry->state.segment, entry->state_bytes, 1);
	index_remove(&spool->index, entry);
}

void refcount_final(struct spool *spool, const struct record_ref *ref)
{
	struct segment *segment = segment_find(&spool->segments, ref->place.segment);

	refcount_close(spool, ref->id);
	if (segment)
		segment_refer(segment, ref->closes, true, false);
}
