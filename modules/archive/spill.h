/* spill.h - copies that nobody waits for, while the archive cannot be written: on another disk, in
 * files of the archive's own form (segment.h; sealed and signed as there), until they are brought
 * into it. So a kill does not take them. For the writer's thread. */
#ifndef ARCHIVE_SPILL_H
#define ARCHIVE_SPILL_H

#include "item.h"

struct spill;

struct spill *spill_create(const char *folder);
void spill_destroy(struct spill *spill); /* NULL is fine; what is in its folder stays there */
const char *spill_folder(const struct spill *spill);

/* Octets that wait there, also from an earlier process. */
uint64_t spill_waiting(struct spill *spill);

/* Those of the items that have no ticket, on disk when it gives 0: they are `spilled` then. */
int spill_put(struct spill *spill, const struct keys *keys, struct item *items, int64_t now,
	      int level);
/* Brings some of it into `to`, whose archive is `folder`, for as long as mail may wait for that:
 * each batch once, whenever it was cut off. 0, or errno: the rest waits. */
int spill_bring(struct spill *spill, const struct keys *keys, struct segment *to,
		const char *folder, int64_t now, int level);
/* The last file of which not all could be brought: it stays there, under another name. "": none. */
const char *spill_damaged(const struct spill *spill);

#endif
