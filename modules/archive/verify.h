/* verify.h - proves that the archive is what was written: every octet, every object, every file. */
#ifndef ARCHIVE_VERIFY_H
#define ARCHIVE_VERIFY_H

#include "segment.h"

#include <stdatomic.h>

struct verify {
	const char *folder;
	const struct keys *keys;
	const char *wanted;  /* a link, in hexadecimal digits, that has to be met; or NULL */
	struct link reached; /* what is known to be on disk; number 0: nothing is known */
	const atomic_bool *stop;

	GString *text; /* a line for each fault, and what was seen */
	uint64_t faults, records, destroyed, batches;
	uint64_t away;    /* records of which only the head is here */
	struct link link; /* of the last batch */
	bool met;         /* `wanted` */
};

/* Blocks for as long as it takes to read the archive. The caller has set the first members, and
 * frees `text`. */
void verify_run(struct verify *verify);

#endif
