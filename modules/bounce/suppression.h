/* suppression.h - whom no mail goes to, by client and type of mail. On disk in the store, and in
 * memory for those who ask at each recipient. [any] */
#ifndef BOUNCE_SUPPRESSION_H
#define BOUNCE_SUPPRESSION_H

#include "rows.h"

/* Of an address, whose capitals mean nothing. */
struct suppression {
	int64_t number; /* 0: to be given */
	const char *address;
	const char *client, *type; /* "": all of them */
	const char *reason;        /* of the taxonomy, or an admin's word */
	int64_t since, until;      /* ms since 1970 UTC; until 0: until somebody takes it back */
	const char *by;            /* "bounce", "admin" */
	int64_t bounce;            /* its number; 0: none */
};
#define SUPPRESSION_REASON 32 /* octets, with the NUL */

/* Why the address gets none of this client's mail of this type, as is true now; false: it does.
 * What bounces said counts with `learned` alone. */
struct suppressed_why {
	int64_t since;
	char reason[SUPPRESSION_REASON];
};
bool suppression_find(struct store *store, struct gw_str address, struct gw_str client,
		      struct gw_str type, bool learned, int64_t now, struct suppressed_why *why);

/* Says it, in place of what was said of this address, client and type. The number of it; -1: it
 * cannot be written. */
int64_t suppression_add(struct store *store, const struct suppression *suppression);

/* client, type NULL: any. How many there were; -1. */
int suppression_remove(struct store *store, const char *address, const char *client,
		       const char *type);

/* Which; NULL: any. */
struct suppression_query {
	const char *address, *client, *type, *reason, *by;
	int64_t after, limit;
};
/* Those behind number `after`, in the order in which they were said: 0, with the page; -1. */
int suppression_list(struct store *store, const struct suppression_query *query, struct page *page,
		     void (*each)(void *arg, const struct suppression *suppression), void *arg);

/* How many there are in memory. */
size_t suppression_count(struct store *store);

#endif
