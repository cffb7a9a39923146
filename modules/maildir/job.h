/* job.h - a delivery as work for the disk: which copies go into which folders, and what came of
 * them. */
#ifndef MAILDIR_JOB_H
#define MAILDIR_JOB_H

#include "box.h"

enum split { SPLIT_NONE, SPLIT_RECIPIENT };

struct config {
	bool trace;
	int64_t split;
};

struct copy {
	char *folder;
	char *front; /* the fields that go before the message */
	int error;   /* errno; 0: stored as `name` */
	char name[BOX_NAME_MAX];
};

/* Has everything that the disk work needs, so that it runs without the call. */
struct job {
	struct letter letter;
	size_t count; /* of copies: one for all recipients, or one for each */
	struct copy copies[];
};

/* NULL: no memory */
struct job *job_create(const struct config *config, struct gw_str path,
		       struct gw_delivery *delivery);
void job_free(void *job);
void job_run(void *job); /* blocks: on a pool thread */

/* The copy that the nth recipient has. */
const struct copy *job_copy(const struct job *job, size_t nth);

#endif
