/* s3_fetch.h - octets of files of which only a stub is here, out of the bucket: by ranges of the
 * objects that the stub names. For one thread, which it blocks. */
#ifndef ARCHIVE_S3_FETCH_H
#define ARCHIVE_S3_FETCH_H

#include "reader.h"
#include "s3_target.h"

#define FETCH_AHEAD ((uint64_t)1024 * 1024) /* who reads one mail after another */
#define FETCH_ONE ((uint64_t)64 * 1024)     /* what left is mostly right behind what arrived */

struct s3_fetch {
	struct remote remote; /* for a reader */
	struct s3_target *target;
	/* octets that are asked for at least, as far as the object goes: what follows is mostly
	 * wanted next */
	uint64_t ahead;

	char name[SEGMENT_NAME]; /* the file of what came last, */
	uint64_t from;           /* its place there */
	GBytes *near;            /* NULL: none */
};

void s3_fetch_init(struct s3_fetch *fetch, struct s3_target *target, uint64_t ahead);
void s3_fetch_finish(struct s3_fetch *fetch);

#endif
