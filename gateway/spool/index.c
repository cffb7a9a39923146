/* index.c - id -> place. Entries lie in chunks and never move; the slots of the hash are four bytes
 * each, so that a queued message costs 45 to 51 bytes here. */
#include "spool/index.h"

#include "spool/record.h"
#include "spool/segment.h"

#include <stdlib.h>

#define CHUNK_BITS 12
#define CHUNK (1u << CHUNK_BITS)
#define NO_HANDLE UINT32_MAX

static uint32_t slot_of(const struct index *index, uint64_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15u) >> (64 - index->slot_bits));
}

static uint32_t slot_mask(const struct index *index)
{
	return (1u << index->slot_bits) - 1;
}

struct entry *index_at(const struct index *index, uint32_t handle)
{
	return &index->chunks[handle >> CHUNK_BITS][handle & (CHUNK - 1)];
}

int index_init(struct index *index)
{
	memset(index, 0, sizeof(*index));
	index->slot_bits = 10;
	index->free = NO_HANDLE;
	index->slots = calloc((size_t)1 << index->slot_bits, sizeof(*index->slots));
	return index->slots ? 0 : -1;
}

void index_finish(struct index *index)
{
	for (uint32_t i = 0; i < index->used; i++)
		free(index_at(index, i)->spans);
	for (size_t i = 0; i < index->chunk_count; i++)
		free(index->chunks[i]);
	free(index->chunks);
	free(index->slots);
	memset(index, 0, sizeof(*index));
}

/* The slot that names the id, or the free one where it would go. */
static uint32_t probe(const struct index *index, uint64_t id)
{
	uint32_t at = slot_of(index, id);

	while (index->slots[at] && index_at(index, index->slots[at] - 1)->id != id)
		at = (at + 1) & slot_mask(index);
	return at;
}

struct entry *index_find(const struct index *index, uint64_t id)
{
	uint32_t slot = index->slots[probe(index, id)];
	return slot ? index_at(index, slot - 1) : NULL;
}

static int grow_slots(struct index *index)
{
	uint32_t *old = index->slots;
	uint32_t *slots = calloc((size_t)2 << index->slot_bits, sizeof(*slots));

	if (!slots)
		return -1;
	index->slots = slots;
	index->slot_bits++;
	for (uint32_t i = 0; i < index->used; i++) {
		uint64_t id = index_at(index, i)->id;
		if (id)
			slots[probe(index, id)] = i + 1;
	}
	free(old);
	return 0;
}

static int grow_chunks(struct index *index)
{
	struct entry **chunks = realloc(index->chunks, (index->chunk_count + 1) * sizeof(*chunks));

	if (!chunks)
		return -1;
	index->chunks = chunks;
	chunks[index->chunk_count] = calloc(CHUNK, sizeof(**chunks));
	if (!chunks[index->chunk_count])
		return -1;
	index->chunk_count++;
	return 0;
}

int index_reserve(struct index *index, size_t more)
{
	while (index->count + more > ((size_t)3 << index->slot_bits) / 4)
		if (grow_slots(index))
			return -1;
	while (index->count + more > index->chunk_count * CHUNK)
		if (grow_chunks(index))
			return -1;
	return 0;
}

struct entry *index_add(struct index *index, uint64_t id)
{
	struct entry *entry;
	uint32_t handle;

	if (index_reserve(index, 1))
		return NULL;
	handle = index->free;
	if (handle == NO_HANDLE)
		handle = index->used++;
	else
		index->free = index_at(index, handle)->message.offset;
	entry = index_at(index, handle);
	memset(entry, 0, sizeof(*entry));
	index->slots[probe(index, id)] = handle + 1;
	entry->id = id;
	index->count++;
	return entry;
}

/* Moves later ones of the run forward, so that no tombstones are needed. */
static void close_gap(struct index *index, uint32_t gap)
{
	uint32_t mask = slot_mask(index), at = gap;

	for (;;) {
		uint32_t home;

		at = (at + 1) & mask;
		if (!index->slots[at])
			break;
		home = slot_of(index, index_at(index, index->slots[at] - 1)->id);
		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		index->slots[gap] = index->slots[at];
		gap = at;
	}
	index->slots[gap] = 0;
}

void index_remove(struct index *index, struct entry *entry)
{
	uint32_t slot = probe(index, entry->id);
	uint32_t handle = index->slots[slot] - 1;

	close_gap(index, slot);
	free(entry->spans);
	memset(entry, 0, sizeof(*entry));
	entry->message.offset = index->free;
	index->free = handle;
	index->count--;
}

static struct span *span_for(struct spans *spans, uint32_t segment)
{
	for (uint32_t i = 0; i < spans->count; i++)
		if (spans->span[i].segment == segment)
			return &spans->span[i];
	spans->span[spans->count].segment = segment;
	return &spans->span[spans->count++];
}

static size_t count_changes(const struct spool_extent *extents, size_t count)
{
	size_t changes = 1;

	for (size_t i = 1; i < count; i++)
		changes += extents[i].segment != extents[i - 1].segment;
	return changes;
}

struct spans *spans_make(const struct spool_extent *extents, size_t count, bool *failed)
{
	struct spans *spans;

	*failed = false;
	if (count == 0)
		return NULL;
	spans = calloc(1, sizeof(*spans) + count_changes(extents, count) * sizeof(struct span));
	if (!spans) {
		*failed = true;
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		struct span *span = span_for(spans, extents[i].segment);
		span->bytes += record_align(RECORD_HEAD + (uint64_t)extents[i].length);
		span->extents++;
	}
	return spans;
}
