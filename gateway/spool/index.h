/* index.h - where the records of a queued message lie, by its id. Under the spool's `lock`. */
#ifndef SPOOL_INDEX_H
#define SPOOL_INDEX_H

#include "spool/spool.h"

struct place {
	uint32_t segment, offset; /* segment 0: none */
};

/* A message's extents, summed up by segment. */
struct span {
	uint32_t segment, bytes, extents;
};
struct spans {
	uint32_t count;
	struct span span[];
};

struct entry {
	uint64_t id;
	struct place message, state;
	uint32_t message_bytes, state_bytes;
	struct spans *spans;
};

struct index {
	struct entry **chunks;
	size_t chunk_count;
	uint32_t *slots; /* handle + 1; 0: free */
	uint32_t slot_bits, free, used;
	uint64_t count;
};

int index_init(struct index *index);
void index_finish(struct index *index);
struct entry *index_find(const struct index *index, uint64_t id);
int index_reserve(struct index *index, size_t more);       /* the next `more` adds cannot fail */
struct entry *index_add(struct index *index, uint64_t id); /* NULL: no memory */
/* The entry is no longer used; others stay where they are. */
void index_remove(struct index *index, struct entry *entry);
struct entry *index_at(const struct index *index, uint32_t handle); /* 0..used; id 0: not in use */
/* NULL with *failed: no memory; NULL: no extents. */
struct spans *spans_make(const struct spool_extent *extents, size_t count, bool *failed);

#endif
