/* asked.h - the words of a search. */
#ifndef ARCHIVE_ASKED_H
#define ARCHIVE_ASKED_H

#include "index.h"

/* "--sender a@example.com --since 2026-11-01"; what is not named stays as it is. False: `why`. The
 * texts are the words' own. */
bool asked_read(struct query *query, struct gw_list words, char *why, size_t size);
/* The same of words (char *) that were kept. */
bool asked_again(struct query *query, const GPtrArray *words, char *why, size_t size);
/* "2026-11-05", or with a time; ms. `end`: of a day its end. -1: it is none. */
int64_t asked_time(const char *text, bool end);

#endif
