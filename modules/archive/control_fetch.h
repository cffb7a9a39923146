/* control_fetch.h - a mail whose octets are in the bucket alone is read by a thread of its own, and
 * gatewayctl asks again until it is there. One at a time: who wants another waits. */
#ifndef ARCHIVE_CONTROL_FETCH_H
#define ARCHIVE_CONTROL_FETCH_H

#include "archive.h"

struct fetch;

struct fetch_want {
	const char *key; /* what is asked for: the same when it is asked again */
	struct place arrived, left;
	bool has_left; /* as it left; else as it arrived */
	bool meta;     /* its description alone */
};

struct fetched {
	enum opened opened;
	const char *why; /* where it is not OPENED */
	struct record record;
	struct gw_json_value *meta; /* or */
	struct bulk octets;         /* which whoever takes them leaves empty */
};

/* Whether it is to be fetched at all. */
bool fetch_is_needed(struct archive *archive, const struct fetch_want *want);
/* What came; NULL: it was answered that `words`, said again, may find it. It lives until
 * fetch_end(). */
struct fetched *fetch_ask(struct gw_call *call, struct archive *archive,
			  const struct fetch_want *want, struct gw_list words);
/* NULL is fine; ends it where it is. */
void fetch_end(struct archive *archive);

#endif
