/* compact.c - a segment that a few old records keep is emptied: what is needed of it is appended
 * again, then it goes.
 *
 * A copy of a record is made by an ordinary append that names the record it replaces; the commit
 * thread writes it only while that is still the one that counts, so a message that ends meanwhile
 * does not come back. */
#include "spool/spool_private.h"

#include "base/crc32c.h"
#include "base/list.h"
#include "spool/append.h"
#include "spool/header.h"
#include "spool/index.h"
#include "spool/janitor.h"
#include "spool/move.h"
#include "spool/record.h"
#include "spool/scan.h"
#include "spool/segment.h"

#include <stdlib.h>

#define BATCH_COUNT 256
#define BATCH_BYTES (4u << 20)

struct compaction {
	struct spool *spool;
	struct segment *segment;
	struct move_batch batch;
	struct move *moves, **last; /* appended, not yet waited for */
	bool damaged;               /* something needed cannot be read, and never will be */
	size_t count, bytes;
};

static bool entry_of(struct spool *spool, uint64_t id, struct entry *entry)
{
	const struct entry *found;

	pthread_mutex_lock(&spool->lock);
	found = index_find(&spool->index, id);
	if (found)
		*entry = *found;
	pthread_mutex_unlock(&spool->lock);
	return found != NULL;
}

static bool is_before(struct place a, struct place b)
{
	return a.segment < b.segment || (a.segment == b.segment && a.offset < b.offset);
}

/* A STATE counts only behind the MESSAGE, so it follows a copy of it. A newer one that is written
 * meanwhile is behind it anyway. */
static void state_follows(struct compaction *compaction, struct move *message)
{
	struct spool *spool = compaction->spool;
	struct entry entry;

	if (!entry_of(spool, message->append.id, &entry) || !entry.state.segment ||
	    !is_before(entry.state, entry.message))
		return;
	message->state = move_create(&compaction->batch, SPOOL_STATE, entry.id, entry.state);
	if (!message->state ||
	    state_load(spool, &entry, &message->state->arena, &message->state->append.meta) <= 0)
		compaction->batch.failed = true;
	else
		move_submit(spool, message->state);
}

/* Waits for all that was appended. -1: some of it failed. */
static int settle(struct compaction *compaction)
{
	move_wait(&compaction->batch);
	for (struct move *move = compaction->moves; move; move = move->next)
		if (move->append.type == SPOOL_MESSAGE)
			state_follows(compaction, move);
	move_wait(&compaction->batch);
	while (compaction->moves) {
		struct move *move = compaction->moves;
		compaction->moves = move->next;
		move_destroy(compaction->spool, move);
	}
	compaction->last = &compaction->moves;
	compaction->count = compaction->bytes = 0;
	return compaction->batch.failed ? -1 : 0;
}

static int add_move(struct compaction *compaction, struct move *move)
{
	*compaction->last = move;
	compaction->last = &move->next;
	compaction->count++;
	compaction->bytes += move->append.data.len + move->append.meta.len;
	move_submit(compaction->spool, move);
	return compaction->count >= BATCH_COUNT || compaction->bytes >= BATCH_BYTES
		       ? settle(compaction)
		       : 0;
}

/* --- one kind of record each --- */

static int read_data(struct compaction *compaction, struct arena *arena,
		     const struct spool_extent *extent, struct gw_str *data)
{
	struct segment *segment = segment_hold(compaction->spool, extent->segment);
	char *bytes = arena_alloc(arena, extent->length + 1u);
	int result = segment && bytes ? segment_read(segment, bytes, extent->length,
						     (uint64_t)extent->offset + RECORD_HEAD)
				      : SPOOL_UNREADABLE;

	if (segment)
		segment_release(compaction->spool, segment);
	if (result == 0 && crc32c(0, bytes, extent->length) != extent->crc)
		result = SPOOL_DAMAGED;
	compaction->damaged = compaction->damaged || result == SPOOL_DAMAGED;
	*data = gw_str_n(bytes, extent->length);
	return result;
}

/* One at a time: an extent is a megabyte, and must be synced before the MESSAGE's copy that names
 * it is written. */
static int move_extent(struct compaction *compaction, struct move *owner,
		       struct spool_extent *extent)
{
	struct place from = { extent->segment, extent->offset };
	struct move *move = move_create(&compaction->batch, SPOOL_EXTENT, owner->append.id, from);
	int result = -1;

	if (!move)
		return -1;
	if (read_data(compaction, &move->arena, extent, &move->append.data) == 0) {
		move_submit(compaction->spool, move);
		move_wait(&compaction->batch);
		result = compaction->batch.failed ? -1 : 0;
	}
	if (result == 0 && move->append.extent.segment) {
		*extent = move->append.extent;
		owner->moved[owner->moved_count++] = *extent;
	}
	move_destroy(compaction->spool, move);
	return result;
}

static int move_extents(struct compaction *compaction, struct move *move,
			struct spool_content *content)
{
	struct spool_extent *extents = (struct spool_extent *)content->extents;

	move->moved = arena_alloc(&move->arena, (content->extent_count + 1) * sizeof(*move->moved));
	if (!move->moved)
		return -1;
	for (size_t i = 0; i < content->extent_count; i++)
		if (extents[i].segment == compaction->segment->number &&
		    move_extent(compaction, move, &extents[i]) < 0)
			return -1;
	return 0;
}

static int fill_message(struct compaction *compaction, struct move *move)
{
	struct spool_content content;
	struct gw_str state;
	int result = spool_load(compaction->spool, move->append.id, &move->arena,
				&move->append.meta, &state, &content);

	compaction->damaged = compaction->damaged || result == SPOOL_DAMAGED;
	if (result < 0)
		return -1;
	if (read_data(compaction, &move->arena, &content.tail_at, &move->append.data) < 0)
		return -1;
	if (move_extents(compaction, move, &content) < 0)
		return -1;
	move->append.extents = content.extents;
	move->append.extent_count = content.extent_count;
	return 0;
}

static int move_message(struct compaction *compaction, uint64_t id)
{
	struct entry entry;
	struct move *move;

	if (!entry_of(compaction->spool, id, &entry))
		return 0;
	move = move_create(&compaction->batch, SPOOL_MESSAGE, id, entry.message);
	if (!move)
		return -1;
	if (fill_message(compaction, move) == 0)
		return add_move(compaction, move);
	move_destroy(compaction->spool, move);
	return entry_of(compaction->spool, id, &entry) ? -1 : 0;
}

static int move_state(struct compaction *compaction, const struct scan *scan)
{
	struct place place = { scan->segment, scan->from };
	struct move *move = move_create(&compaction->batch, SPOOL_STATE, scan->head.id, place);

	if (!move)
		return -1;
	move->append.meta = arena_str(&move->arena, scan->meta);
	if (move->append.meta.ptr)
		return add_move(compaction, move);
	move_destroy(compaction->spool, move);
	return -1;
}

static int move_final(struct compaction *compaction, const struct scan *scan, uint32_t closes)
{
	struct place place = { scan->segment, scan->from };
	struct move *move = move_create(&compaction->batch, SPOOL_FINAL, scan->head.id, place);

	if (!move)
		return -1;
	move->append.extent.segment = closes;
	return add_move(compaction, move);
}

static bool is_at(struct place place, const struct scan *scan)
{
	return place.segment == scan->segment && place.offset == scan->from;
}

static bool has_span(const struct entry *entry, uint32_t segment)
{
	for (uint32_t i = 0; entry->spans && i < entry->spans->count; i++)
		if (entry->spans->span[i].segment == segment)
			return true;
	return false;
}

/* Whether the index still needs the record. */
static bool is_needed(struct spool *spool, const struct scan *scan, uint32_t closes)
{
	const struct entry *entry;
	bool needed = false;

	pthread_mutex_lock(&spool->lock);
	entry = index_find(&spool->index, scan->head.id);
	if (scan->head.type == RECORD_FINAL)
		needed = closes != scan->segment && segment_exists(&spool->segments, closes);
	else if (entry && scan->head.type == RECORD_STATE)
		needed = is_at(entry->state, scan);
	else if (entry && scan->head.type == RECORD_MESSAGE)
		needed = is_at(entry->message, scan);
	else if (entry && scan->head.type == RECORD_EXTENT)
		needed = has_span(entry, scan->segment);
	pthread_mutex_unlock(&spool->lock);
	return needed;
}

/* Then the index does not yet say whether its next record is needed. */
static bool is_on_the_way(const struct compaction *compaction, uint64_t id)
{
	for (const struct move *move = compaction->moves; move; move = move->next)
		if (move->append.id == id)
			return true;
	return false;
}

static int move_record(struct compaction *compaction, const struct scan *scan)
{
	struct final_meta final = { 0, 0 };

	if (is_on_the_way(compaction, scan->head.id) && settle(compaction) < 0)
		return -1;
	if (scan->head.type == RECORD_FINAL && scan->meta.len >= sizeof(final))
		memcpy(&final, scan->meta.ptr, sizeof(final));
	if (!is_needed(compaction->spool, scan, final.segment))
		return 0;
	if (scan->head.type == RECORD_FINAL)
		return move_final(compaction, scan, final.segment);
	if (scan->head.type == RECORD_STATE)
		return move_state(compaction, scan);
	return move_message(compaction, scan->head.id);
}

/* 0; SPOOL_UNREADABLE: not all was moved. */
static int move_records(struct compaction *compaction)
{
	struct segment *segment = compaction->segment;
	enum scan_result result = SCAN_END;
	struct read_buffer buffer;
	struct scan scan;
	int failed = 0;

	if (read_buffer_init(&buffer) < 0)
		return SPOOL_UNREADABLE;
	scan_init(&scan, &buffer, segment, segment_begin(segment), segment->end);
	while (!failed && ((result = scan_next(&scan)) == SCAN_RECORD || result == SCAN_BAD))
		failed = result == SCAN_RECORD && move_record(compaction, &scan) < 0;
	failed = failed || result == SCAN_FAILED || buffer.error;
	read_buffer_finish(&buffer);
	return settle(compaction) < 0 || failed ? SPOOL_UNREADABLE : 0;
}

/* FINALs that close messages elsewhere are copied; the references to those segments go with them.
 */
static void forget_finals(struct spool *spool, struct segment *segment)
{
	pthread_mutex_lock(&spool->lock);
	segment->ref_count = 0;
	spool->stats.compacted++;
	pthread_mutex_unlock(&spool->lock);
}

/* Whatever is still needed after all that is readable was moved lies in a damaged range. */
static bool leaves_something(struct spool *spool, const struct segment *segment)
{
	bool leaves;

	pthread_mutex_lock(&spool->lock);
	leaves = segment->needed > 0;
	pthread_mutex_unlock(&spool->lock);
	return leaves;
}

int compact_segment(struct spool *spool, struct segment *segment)
{
	struct compaction compaction = { .spool = spool, .segment = segment };
	int result;

	compaction.last = &compaction.moves;
	if (segment_hold(spool, segment->number) == NULL)
		return SPOOL_UNREADABLE;
	pthread_mutex_init(&compaction.batch.lock, NULL);
	pthread_cond_init(&compaction.batch.done, NULL);
	result = move_records(&compaction);
	if (compaction.damaged || (result == 0 && leaves_something(spool, segment)))
		result = SPOOL_DAMAGED;
	else if (result == 0)
		forget_finals(spool, segment);
	pthread_mutex_destroy(&compaction.batch.lock);
	pthread_cond_destroy(&compaction.batch.done);
	segment_release(spool, segment);
	return result;
}
