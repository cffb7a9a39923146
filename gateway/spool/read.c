/* read.c - from the log to memory. */
#include "spool/spool_private.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/recover.h"
#include "spool/segment.h"

#include <stdlib.h>

static void log_damage(uint64_t id, uint32_t segment, uint32_t offset, const char *why)
{
	struct log_line *line = log_open(EVENT_SPOOL_DAMAGED);

	log_id(line, id);
	log_int(line, KEY_SEGMENT, segment);
	log_int(line, KEY_OFFSET, offset);
	log_text(line, KEY_REASON, why);
	log_close(line);
}

/* Whoever asked for it says so to people, once. */
static void log_unreadable(uint64_t id, uint32_t segment)
{
	struct log_line *line = log_open(EVENT_SPOOL_UNREADABLE);

	log_id(line, id);
	log_int(line, KEY_SEGMENT, segment);
	log_text(line, KEY_TEXT, "the message cannot be read now");
	log_close(line);
}

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

static int read_pinned(const struct segment *segment, struct place place, struct arena *arena,
		       struct record_head *head, struct gw_str *meta)
{
	int result = segment_read(segment, head, sizeof(*head), place.offset);
	char *bytes;

	if (result < 0)
		return result;
	if (!record_valid(head, &segment->key, place.offset))
		return SPOOL_DAMAGED;
	bytes = arena_alloc(arena, head->meta_len + 1u);
	if (!bytes)
		return SPOOL_UNREADABLE;
	result = segment_read(segment, bytes, head->meta_len, place.offset + RECORD_HEAD);
	if (result < 0)
		return result;
	*meta = gw_str_n(bytes, head->meta_len);
	return crc32c(0, bytes, head->meta_len) == head->meta_crc ? 1 : SPOOL_DAMAGED;
}

/* Head and meta at a place, the meta in the arena. 1; 0: the segment is gone or cannot be opened;
 * below: a spool_error. */
static int read_meta(struct spool *spool, struct place place, struct arena *arena,
		     struct record_head *head, struct gw_str *meta)
{
	struct segment *segment = segment_hold(spool, place.segment);
	int result;

	if (!segment)
		return 0;
	result = read_pinned(segment, place, arena, head, meta);
	segment_release(spool, segment);
	return result;
}

/* --- the segments of a loaded message stay --- */

struct pins {
	struct spool *spool;
	size_t count;
	struct segment *segments[];
};

static void unpin_all(void *arg)
{
	struct pins *pins = arg;

	for (size_t i = 0; i < pins->count; i++)
		segment_release(pins->spool, pins->segments[i]);
}

static bool pin_one(struct pins *pins, uint32_t number)
{
	struct segment *segment;

	if (pins->count && pins->segments[pins->count - 1]->number == number)
		return true;
	segment = segment_hold(pins->spool, number);
	if (segment)
		pins->segments[pins->count++] = segment;
	return segment != NULL;
}

/* 1; 0: compaction was faster; SPOOL_UNREADABLE: no memory. */
static int pin_content(struct spool *spool, struct arena *arena,
		       const struct spool_content *content)
{
	struct pins *pins = arena_alloc(arena, sizeof(*pins) + (content->extent_count + 1) *
								       sizeof(struct segment *));
	bool pinned = true;

	if (!pins || arena_defer(arena, unpin_all, pins) < 0)
		return SPOOL_UNREADABLE;
	pins->spool = spool;
	for (size_t i = 0; pinned && i < content->extent_count; i++)
		pinned = pin_one(pins, content->extents[i].segment);
	return pinned && pin_one(pins, content->tail_at.segment) ? 1 : 0;
}

/* 1, or a spool_error. */
static int take_content(struct spool_content *content, struct arena *arena,
			const struct entry *entry, const struct record_head *head,
			struct gw_str meta, struct gw_str *envelope)
{
	struct spool_extent *extents;
	struct message_meta message;
	const char *raw;

	if (!record_message(meta, &message, &raw, envelope))
		return SPOOL_DAMAGED;
	extents = arena_alloc(arena, (message.extent_count + 1u) * sizeof(*extents));
	if (!extents)
		return SPOOL_UNREADABLE;
	memcpy(extents, raw, message.extent_count * sizeof(*extents));
	content->id = entry->id;
	content->size = message.size;
	content->extents = extents;
	content->extent_count = message.extent_count;
	content->tail_at.segment = entry->message.segment;
	content->tail_at.offset = entry->message.offset + head->meta_len;
	content->tail_at.length = head->data_len;
	content->tail_at.crc = head->data_crc;
	return 1;
}

/* Losing a state can only repeat a delivery; it is no reason to lose the message. */
int state_load(struct spool *spool, const struct entry *entry, struct arena *arena,
	       struct gw_str *state)
{
	struct record_head head;
	int result;

	*state = gw_str_n("", 0);
	if (!entry->state.segment)
		return 1;
	result = read_meta(spool, entry->state, arena, &head, state);
	if (result != SPOOL_DAMAGED)
		return result;
	log_damage(entry->id, entry->state.segment, entry->state.offset,
		   "the state is unreadable, an older one is not known");
	*state = gw_str_n("", 0);
	return 1;
}

static int try_load(struct spool *spool, const struct entry *entry, struct arena *arena,
		    struct gw_str *envelope, struct gw_str *state, struct spool_content *content)
{
	struct record_head head;
	struct gw_str meta;
	int result;

	memset(content, 0, sizeof(*content));
	content->spool = spool;
	result = read_meta(spool, entry->message, arena, &head, &meta);
	if (result <= 0)
		return result;
	result = take_content(content, arena, entry, &head, meta, envelope);
	if (result < 0)
		return result;
	result = pin_content(spool, arena, content);
	return result <= 0 ? result : state_load(spool, entry, arena, state);
}

#define LOAD_TRIES 16

int spool_load(struct spool *spool, uint64_t id, struct arena *arena, struct gw_str *envelope,
	       struct gw_str *state, struct spool_content *content)
{
	struct entry entry;
	int result = 0;

	for (int i = 0; result == 0 && i < LOAD_TRIES; i++) {
		if (!entry_of(spool, id, &entry))
			return SPOOL_GONE;
		result = try_load(spool, &entry, arena, envelope, state, content);
	}
	if (result > 0)
		return 0;
	if (result == SPOOL_DAMAGED)
		log_damage(id, entry.message.segment, entry.message.offset,
			   "the message is unreadable");
	else
		log_unreadable(id, entry.message.segment);
	return result < 0 ? result : SPOOL_UNREADABLE;
}

/* --- pieces --- */

/* Compaction moved the message after the content was taken: the extents have the same lengths
 * elsewhere. */
static bool find_again(const struct spool_content *content, size_t at, struct spool_extent *extent)
{
	struct spool_content now;
	struct gw_str meta, envelope;
	struct record_head head;
	struct entry entry;
	struct arena arena;
	bool found = false;

	arena_init(&arena, 0);
	memset(&now, 0, sizeof(now));
	if (entry_of(content->spool, content->id, &entry) &&
	    read_meta(content->spool, entry.message, &arena, &head, &meta) == 1 &&
	    take_content(&now, &arena, &entry, &head, meta, &envelope) == 1 &&
	    now.extent_count == content->extent_count) {
		*extent = at < now.extent_count ? now.extents[at] : now.tail_at;
		found = true;
	}
	arena_finish(&arena);
	return found;
}

static int read_extent(const struct spool_content *content, size_t at, uint32_t from, void *out,
		       size_t len)
{
	struct spool_extent extent = at < content->extent_count ? content->extents[at]
								: content->tail_at;
	struct segment *segment = segment_hold(content->spool, extent.segment);
	int result;

	for (int i = 0; !segment && i < LOAD_TRIES && find_again(content, at, &extent); i++)
		segment = segment_hold(content->spool, extent.segment);
	if (!segment)
		return SPOOL_UNREADABLE;
	result = segment_read(segment, out, len, (uint64_t)extent.offset + RECORD_HEAD + from);
	segment_release(content->spool, segment);
	return result;
}

/* The extent that holds `offset`, which becomes an offset into it; extent_count is the tail. */
static size_t find_extent(const struct spool_content *content, uint64_t *offset, uint64_t *length)
{
	size_t at;

	for (at = 0; at < content->extent_count && *offset >= content->extents[at].length; at++)
		*offset -= content->extents[at].length;
	if (at < content->extent_count)
		*length = content->extents[at].length;
	else
		*length = content->tail.ptr ? content->tail.len : content->tail_at.length;
	return at;
}

long spool_piece(const struct spool_content *content, uint64_t offset, char *scratch, size_t len,
		 struct gw_str *piece)
{
	uint64_t length;
	size_t at = find_extent(content, &offset, &length);
	int result;

	if (offset >= length)
		return 0;
	len = len < length - offset ? len : (size_t)(length - offset);
	if (at == content->extent_count && content->tail.ptr) {
		*piece = gw_str_n(content->tail.ptr + offset, len);
		return (long)len;
	}
	result = read_extent(content, at, (uint32_t)offset, scratch, len);
	if (result < 0)
		return result;
	*piece = gw_str_n(scratch, len);
	return (long)len;
}

long spool_read(const struct spool_content *content, uint64_t offset, void *out, size_t len)
{
	size_t got = 0;

	while (got < len) {
		struct gw_str piece;
		long n = spool_piece(content, offset + got, (char *)out + got, len - got, &piece);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		if (piece.ptr != (char *)out + got)
			memcpy((char *)out + got, piece.ptr, piece.len);
		got += (size_t)n;
	}
	return (long)got;
}

#define VERIFY_PIECE 65536u

static int extent_verify(const struct spool_content *content, size_t at, char *scratch)
{
	const struct spool_extent *extent = at < content->extent_count ? &content->extents[at]
								       : &content->tail_at;
	uint32_t crc = 0;

	for (uint32_t from = 0; from < extent->length;) {
		uint32_t len = extent->length - from < VERIFY_PIECE ? extent->length - from
								    : VERIFY_PIECE;

		int result = read_extent(content, at, from, scratch, len);

		if (result < 0)
			return result;
		crc = crc32c(crc, scratch, len);
		from += len;
	}
	return crc == extent->crc ? 0 : SPOOL_DAMAGED;
}

static void note_damage(const struct spool_content *content, size_t at)
{
	const struct spool_extent *extent = at < content->extent_count ? &content->extents[at]
								       : &content->tail_at;

	quarantine(content->spool, extent->segment, extent->offset,
		   extent->offset + RECORD_HEAD + extent->length, content->id,
		   "the content's checksum is wrong");
}

int spool_verify(const struct spool_content *content)
{
	size_t count = content->extent_count + (content->tail.ptr ? 0 : 1);
	char *scratch = malloc(VERIFY_PIECE);
	int result = scratch ? 0 : SPOOL_UNREADABLE;

	for (size_t i = 0; result == 0 && i < count; i++) {
		result = extent_verify(content, i, scratch);
		if (result == SPOOL_DAMAGED)
			note_damage(content, i);
	}
	free(scratch);
	return result;
}
