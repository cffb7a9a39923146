/* replay.c - the last step of recovery: each queued message is looked at once more, in the order of
 * the log, and told. */
#include "spool/spool_private.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/recover.h"
#include "spool/refcount.h"
#include "spool/scan.h"
#include "spool/segment.h"

#include <stdlib.h>

struct announcer {
	struct spool *spool;
	struct read_buffer *buffer, state_window;
	struct place unproven;
	spool_found_fn *found;
	void *arg;
};

static int by_place(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

	if (x->message.segment != y->message.segment)
		return x->message.segment < y->message.segment ? -1 : 1;
	return x->message.offset < y->message.offset ? -1 : x->message.offset > y->message.offset;
}

static struct entry **sorted_entries(const struct index *index, size_t *count)
{
	struct entry **entries = malloc((index->count + 1) * sizeof(*entries));

	*count = 0;
	for (uint32_t i = 0; entries && i < index->used; i++)
		if (index_at(index, i)->id)
			entries[(*count)++] = index_at(index, i);
	if (entries)
		qsort(entries, *count, sizeof(*entries), by_place);
	return entries;
}

/* All segments are pinned while recovery runs. */
static const struct segment *use_segment(struct announcer *announcer, struct read_buffer *buffer,
					 uint32_t number)
{
	const struct segment *segment = segment_find(&announcer->spool->segments, number);

	if (!segment || segment->fd < 0)
		return NULL;
	if (buffer->fd != segment->fd)
		read_buffer_file(buffer, segment->fd);
	return segment;
}

/* The meta of the record at a place where recovery saw one. */
static bool meta_at(struct announcer *announcer, struct read_buffer *buffer, struct place place,
		    struct gw_str *meta)
{
	const struct segment *segment = use_segment(announcer, buffer, place.segment);
	struct record_head head;
	const char *bytes;

	if (!segment)
		return false;
	bytes = read_buffer_at(buffer, place.offset, RECORD_HEAD);
	if (!bytes)
		return false;
	memcpy(&head, bytes, sizeof(head));
	if (!record_valid(&head, &segment->key, place.offset))
		return false;
	bytes = read_buffer_at(buffer, place.offset + RECORD_HEAD, head.meta_len);
	*meta = gw_str_n(bytes, head.meta_len);
	return bytes && crc32c(0, bytes, head.meta_len) == head.meta_crc;
}

/* 1: whole; 0: not; below: not to be read now, which says nothing. */
static int extent_whole(struct announcer *announcer, uint64_t id, const struct spool_extent *extent)
{
	const struct segment *segment = segment_find(&announcer->spool->segments, extent->segment);
	struct record_head head;
	int result;

	if (!segment || segment->fd < 0 ||
	    (uint64_t)extent->offset + RECORD_HEAD + extent->length > segment->end)
		return 0;
	result = segment_read(segment, &head, sizeof(head), extent->offset);
	if (result == SPOOL_UNREADABLE)
		return result;
	if (result < 0 || !record_valid(&head, &segment->key, extent->offset))
		return 0;
	return head.type == RECORD_EXTENT && head.id == id && head.data_len == extent->length &&
	       head.data_crc == extent->crc;
}

static bool extents_whole(struct announcer *announcer, uint64_t id, const char *raw, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct spool_extent extent = record_extent(raw, i);
		if (extent_whole(announcer, id, &extent) == 0)
			return false;
	}
	return true;
}

static bool is_proven(const struct announcer *announcer, struct place place)
{
	const struct place *from = &announcer->unproven;
	return place.segment < from->segment ||
	       (place.segment == from->segment && place.offset < from->offset);
}

/* A message that was answered for is kept for a person to look at; one that was not may still come
 * again from the client. */
static void drop(struct announcer *announcer, struct entry *entry, const char *raw, uint32_t count)
{
	struct spool *spool = announcer->spool;

	if (is_proven(announcer, entry->message)) {
		quarantine(spool, entry->message.segment, entry->message.offset,
			   entry->message.offset + entry->message_bytes, entry->id,
			   "the message is not whole");
		for (uint32_t i = 0; i < count; i++) {
			struct spool_extent extent = record_extent(raw, i);
			uint32_t to = extent.offset +
				      record_align(RECORD_HEAD + (uint64_t)extent.length);

			if (extent_whole(announcer, entry->id, &extent) > 0)
				quarantine(spool, extent.segment, extent.offset, to, entry->id,
					   "part of a message that is not whole");
		}
	}
	refcount_close(spool, entry->id);
}

static struct gw_str state_of(struct announcer *announcer, const struct entry *entry)
{
	struct gw_str state;

	if (!entry->state.segment ||
	    !meta_at(announcer, &announcer->state_window, entry->state, &state))
		return gw_str_n("", 0);
	return state;
}

/* Neither sent nor dropped: the next start may be able to read it. */
static void keep_untold(struct announcer *announcer, const struct entry *entry)
{
	struct segment *segment = segment_find(&announcer->spool->segments, entry->message.segment);
	struct log_line *line = log_open(EVENT_SPOOL_UNREAD);

	if (segment)
		segment->unread = true;
	log_id(line, entry->id);
	log_int(line, KEY_SEGMENT, entry->message.segment);
	log_text(line, KEY_TEXT, "the message cannot be read; the next start tries again");
	log_close(line);
}

static void replay_one(struct announcer *announcer, struct entry *entry)
{
	struct spool_found found = { .id = entry->id };
	struct message_meta meta = { 0, 0, 0 };
	const char *raw = NULL;
	struct gw_str bytes = { NULL, 0 };

	announcer->buffer->error = 0;
	if (!meta_at(announcer, announcer->buffer, entry->message, &bytes) &&
	    announcer->buffer->error) {
		keep_untold(announcer, entry);
		return;
	}
	if (!bytes.ptr || !record_message(bytes, &meta, &raw, &found.envelope)) {
		drop(announcer, entry, NULL, 0);
		return;
	}
	if (!extents_whole(announcer, entry->id, raw, meta.extent_count)) {
		drop(announcer, entry, raw, meta.extent_count);
		return;
	}
	found.size = meta.size;
	found.state = state_of(announcer, entry);
	if (announcer->found)
		announcer->found(announcer->arg, &found);
}

int replay_run(struct spool *spool, struct read_buffer *buffer, struct place unproven,
	       spool_found_fn *found, void *arg)
{
	struct announcer announcer = {
		.spool = spool, .buffer = buffer, .unproven = unproven, .found = found, .arg = arg
	};
	struct entry **entries;
	size_t count;

	if (read_buffer_init(&announcer.state_window) < 0)
		return -1;
	read_buffer_file(buffer, -1);
	entries = sorted_entries(&spool->index, &count);
	for (size_t i = 0; entries && i < count; i++)
		replay_one(&announcer, entries[i]);
	free(entries);
	read_buffer_finish(&announcer.state_window);
	return entries ? 0 : -1;
}
