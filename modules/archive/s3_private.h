/* s3_private.h - the uploads of an archive, for their thread and for what is told of them. */
#ifndef ARCHIVE_S3_PRIVATE_H
#define ARCHIVE_S3_PRIVATE_H

#include "s3.h"
#include "s3_upload.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the thread says of itself. */
struct report {
	enum s3_step step;
	unsigned failures; /* in a row */
	int status;
	char why[256];
	char damaged[SEGMENT_NAME];
	char name[SEGMENT_NAME]; /* up to where everything is there */
	uint64_t at, waiting, objects, octets;
	int64_t agreed; /* ms: when the bucket had the same time last */
	uint64_t stubs; /* files of which only those are here */
	char stays[200];
	int64_t there; /* ms: when all was there last; 0: not since the start */
};

struct s3 {
	struct s3 *next; /* among all, under their lock */
	const struct s3_conf *conf;
	char *folder;
	struct store *_Atomic *store;
	struct s3_pump *pump;
	struct s3_asking asking;
	struct s3_target target;

	pthread_t thread;
	bool started, has_worker; /* under the lock */
	atomic_bool stopping;
	atomic_bool may_begin;
	pthread_mutex_t lock;
	struct report report;

	pthread_mutex_t resting; /* held while a step is done */
	atomic_bool look_anew;   /* somebody changed what is there */

	/* who ticks */
	bool told_down, told_late, told_foreign;
	char told_damage[SEGMENT_NAME], told_stays[200];
	int64_t began;
};

#endif
