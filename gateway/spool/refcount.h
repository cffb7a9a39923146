/* refcount.h - what each record means for the index and the segments. Under the spool's `lock`. */
#ifndef SPOOL_REFCOUNT_H
#define SPOOL_REFCOUNT_H

#include "spool/index.h"
#include "spool/record.h"

struct record_ref {
	enum record_type type;
	uint64_t id;
	struct place place;
	uint32_t bytes;
	uint32_t closes;     /* FINAL: the segment of its MESSAGE */
	struct spans *spans; /* MESSAGE: taken over */
};
/* A record is needed no more, or is needed. */
void refcount_unreferenced(struct spool *spool, struct place place, uint32_t bytes);
void refcount_referenced(struct spool *spool, uint32_t segment, uint32_t bytes);

/* A record was written, or found: the index names it, and what it takes the place of is needed no
 * more. `unreferenced`: its extents were counted when they were written. -1: no memory. */
int refcount_message(struct spool *spool, const struct record_ref *ref, bool unreferenced);
void refcount_state(struct spool *spool, const struct record_ref *ref);
void refcount_final(struct spool *spool, const struct record_ref *ref);
/* The message is gone without a FINAL: its records are needed no more. */
void refcount_close(struct spool *spool, uint64_t id);

#endif
