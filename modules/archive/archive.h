/* archive.h - what the admin set, and what an instance has. */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

#include "indexer.h"
#include "job.h"
#include "reader.h"
#include "s3.h"

#include <gateway/module.h>

#include <pthread.h>
#include <stdatomic.h>

enum on_error { ERROR_TEMPFAIL, ERROR_WAIT, ERROR_CONTINUE };

#define KEEP_FOREVER (-1)

struct archive_rule {
	struct gw_list client, type, domain;
	int64_t keep; /* days */
};

struct archive_conf {
	struct gw_str folder, key_file, sign_file, spill;
	int64_t on_error, delay, level, keep;
	struct gw_groups rules;
	struct s3_conf s3;
};

/* A mail that is handed out part by part. */
struct shown {
	char *key;
	struct bulk octets;
};

struct archive {
	/* both or none: NULL before the first worker began, and where it cannot be opened */
	struct store *_Atomic store;
	struct indexer *_Atomic indexer;
	atomic_bool failing; /* as it was told last */
	bool told_torn, told_damage;
	char told_spill[SEGMENT_NAME]; /* the damaged file of the spill that was told of last */
	struct s3 *s3;                 /* NULL: there is no bucket */
	atomic_bool stopping;          /* nothing is fetched any more */
	struct s3_fetching indexing;   /* for the indexer, of what is in the bucket alone */
	atomic_bool is_asked;          /* the archive waits for what is in the bucket */
	atomic_uint ticks;             /* of all workers, while it is not open */
	pthread_mutex_t opening;       /* of who opens it, and of why it could not be */
	char why[160];                 /* "": nobody tried */
	char day[11]; /* of the last batch, and its link: for whom the tick comes */
	struct link link;

	/* the main thread's */
	struct index *index;
	struct reader reader;
	bool is_reading;
	struct shown shown;
	struct fetch *fetch; /* a mail that is on its way from the bucket; NULL: none */
	struct job *job;     /* NULL: none */
	unsigned job_number;
	int64_t job_uid; /* who began it */
};

#endif
