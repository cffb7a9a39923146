/* crowd.h - how many recipients have had mail alike, a while back: a table of fixed size that
 * forgets what was quiet the longest. */
#ifndef CLASSIFY_CROWD_H
#define CLASSIFY_CROWD_H

#include <gateway/module.h>

struct crowd;

/* Freed with the instance; NULL: no memory. */
struct crowd *crowd_make(struct gw_call *call);

/* What mail alike has in common: its client, its author, its subject without case, digits, blanks
 * and "Re:". */
uint64_t crowd_key(const struct crowd *crowd, struct gw_str client, struct gw_str from,
		   struct gw_str subject);

/* Recipients of mail alike within the last `within` ms, these ones too; they count from now on
 * where `counts` is set. */
int64_t crowd_size(struct crowd *crowd, uint64_t key, int64_t now, int64_t within, int64_t rcpts,
		   bool counts);

#endif
