/* rotate_private.h - what the two steps of a rotation share. */
#ifndef DKIM_ROTATE_PRIVATE_H
#define DKIM_ROTATE_PRIVATE_H

#include "rotate.h"

/* The keys of a domain, when the verb was said. */
struct run {
	struct dkim *dkim;
	size_t first, count;
	const struct key *keys;
	const char *domain;
	int64_t now;
};

/* NULL: it is none of those that are loaded. */
struct key *rotate_key(struct signer *signer, const struct turn *turn);
enum stage rotate_stage(const struct run *run, size_t nth);

/* rotate_begin.c: makes keys that wait, and answers with their records; takes those back. */
void rotate_begin(struct gw_call *call, struct run *run);
void rotate_cancel(struct gw_call *call, struct run *run);

#endif
