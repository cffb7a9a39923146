/* s3_list.h - what there is in a bucket: objects, and versions of one. */
#ifndef ARCHIVE_S3_LIST_H
#define ARCHIVE_S3_LIST_H

#include "s3_target.h"

/* An object as a list has it. */
struct s3_object {
	const char *key, *etag; /* without the prefix; without quotes */
	uint64_t size;
};
/* All objects whose key begins so, in their order. False: `answer` says why. */
bool s3_list(struct s3_target *target, const char *begin,
	     void (*each)(void *arg, const struct s3_object *object), void *arg,
	     struct s3_answer *answer);
/* Takes an object away, with all its versions but the one that counts (`all`: with that too).
 * False: `answer` says why. */
bool s3_purge(struct s3_target *target, const char *key, bool all, struct s3_answer *answer);

#endif
