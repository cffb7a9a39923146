/* append.h - what is to be written, from its caller to its group. */
#ifndef SPOOL_APPEND_H
#define SPOOL_APPEND_H

#include "spool/spool.h"

/* Appends one behind the other. */
struct appends {
	struct spool_append *first, **last;
};
static inline void appends_init(struct appends *list)
{
	list->first = NULL;
	list->last = &list->first;
}
static inline void appends_add(struct appends *list, struct spool_append *append)
{
	append->next = NULL;
	*list->last = append;
	list->last = &append->next;
}
static inline struct spool_append *appends_take(struct appends *list)
{
	struct spool_append *append = list->first;
	if (append) {
		list->first = append->next;
		if (!list->first)
			list->last = &list->first;
	}
	return append;
}
void appends_prepend(struct appends *list, struct appends *front); /* empties `front` */

/* Computed on the caller's thread, so that the commit thread need not look at the data. */
void append_checksum(struct spool_append *append);
void append_prepare(struct spool_append *append);

uint32_t append_bytes(const struct spool_append *append); /* of its record */
bool append_fits(const struct spool_append *append); /* a record of that size can be read again */

/* Gives it to the commit thread. [any thread] */
void append_queue(struct spool *spool, struct spool_append *append);
/* One that is the spool's own, with its octets, since nobody waits for it; NULL: no memory. */
struct spool_append *append_copy(const struct spool_append *append);

#endif
