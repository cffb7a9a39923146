/* query.h - the words of a verb: FIELD=VALUE, --field VALUE or --field=VALUE, and flags. */
#ifndef BOUNCE_QUERY_H
#define BOUNCE_QUERY_H

#include <gateway/module.h>

/* One word that a verb knows. */
struct word {
	const char *name;
	bool is_flag;
	/* false: the value is none; it was told by problem() why */
	bool (*take)(struct gw_call *call, void *into, struct gw_str value);
};

/* What is no word of the list goes to `other`, which may be NULL. False: it was told why not. */
bool query_words(struct gw_call *call, struct gw_list words, const struct word *known,
		 bool (*other)(struct gw_call *call, void *into, struct gw_str name,
			       struct gw_str value),
		 void *into);

/* "2026-11-23", "2026-11-23T17:40:01Z", "today", or how long ago: "90m", "2h", "7d". False: it is
 * none, and that was told. */
bool query_time(struct gw_call *call, struct gw_str text, int64_t *ms);

/* A whole number from `least` to `most`. False: it is none, and that was told. */
bool query_number(struct gw_call *call, struct gw_str text, int64_t least, int64_t most,
		  int64_t *number);

#endif
