/* notices.h - what the archive says of itself, in records that everybody may read: whose keys were
 * destroyed and why, and which files were removed. Without one, neither may be missing.
 *
 *     {"what": "forgotten" | "expired", "by": UID, "records": [["2026-11-28.0", 4711], ...]}
 *     {"what": "removed", "file": "2026-11-28.0", "first": N, "before": HEX, "last": N,
 *      "link": HEX}
 *     {"what": "hold" | "unhold", "by": UID, "name": NAME} */
#ifndef ARCHIVE_NOTICES_H
#define ARCHIVE_NOTICES_H

#include "segment.h"

#include <gateway/module.h>

#include <stdatomic.h>

/* A file that is no more: what stood between the batches around it. */
struct removed {
	char name[SEGMENT_NAME];
	struct link before, last; /* before.number: of the batch before its first */
};

struct notices {
	GHashTable *destroyed; /* "2026-11-28.0:4711" */
	GArray *removed;       /* struct removed */
};

/* Of all files. False: the folder cannot be read, or `stop` (NULL: never) was set. */
bool notices_read(struct notices *notices, const char *folder, const atomic_bool *stop);
void notices_finish(struct notices *notices);
bool notices_has(const struct notices *notices, const char *name, uint64_t at);
/* The file that followed this batch; NULL: none was removed there. */
const struct removed *notices_after(const struct notices *notices, const struct link *link);

/* Of a record; NULL: it is none. To be freed. */
struct gw_json_value *notice_read(int file, uint64_t at, const struct record *record);

#endif
