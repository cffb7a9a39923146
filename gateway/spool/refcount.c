/* refcount.c - what each record means for the index and for the segments that hold it. Used alike
 * by the commit thread as it writes and by recovery as it reads, so that both come to the same
 * state. */
#include "spool/internal.h"

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
		segment->loose++;
}

void refcount_referenced(struct spool *spool, uint32_t number, uint32_t bytes)
{
	struct segment *segment = segment_find(&spool->segments, number);

	release(spool, number, bytes, 1);
	if (segment && segment->loose > 0)
		segment->loose--;
}

/* `loose`: the extents were accounted as they were appended, and now belong to the message. */
static void take_spans(struct spool *spool, const struct spans *spans, bool loose)
{
	for (uint32_t i = 0; spans && i < spans->count; i++) {
		const struct span *span = &spans->span[i];
		struct segment *segment = segment_find(&spool->segments, span->segment);

		if (!segment)
			continue;
		if (loose) {
			segment->loose -= span->extents < segment->loose ? span->extents
									 : segment->loose;
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

int refcount_message(struct spool *spool, const struct noted *noted, bool loose)
{
	struct entry *entry = index_find(&spool->index, noted->id);

	take_spans(spool, noted->spans, loose);
	if (entry)
		replace(spool, entry, noted->place.segment);
	else
		entry = index_add(&spool->index, noted->id);
	if (!entry)
		return -1;
	entry->message = noted->place;
	entry->message_bytes = noted->bytes;
	entry->spans = noted->spans;
	need(spool, noted->place.segment, noted->bytes);
	return 0;
}

void refcount_state(struct spool *spool, const struct noted *noted)
{
	struct entry *entry = index_find(&spool->index, noted->id);

	if (!entry)
		return;
	release(spool, entry->state.segment, entry->state_bytes, 1);
	entry->state = noted->place;
	entry->state_bytes = noted->bytes;
	need(spool, noted->place.segment, noted->bytes);
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

void refcount_final(struct spool *spool, const struct noted *noted)
{
	struct segment *segment = segment_find(&spool->segments, noted->place.segment);

	refcount_close(spool, noted->id);
	if (segment)
		segment_refer(segment, noted->closes, true, false);
}
