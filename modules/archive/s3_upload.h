/* s3_upload.h - the archive's way into the bucket: a queue that is the archive's files themselves,
 * from where the state says to where the disk has them.
 *
 *     unknown   the bucket is listed: how far it has this archive is found out
 *     foreign   the bucket has another archive, or more of this one than there is here
 *     behind    a span is chosen, said in the state, uploaded (one PUT, or many parts), its keys
 *               after it, and then the state goes past it
 *     there     notices are looked through, and keys that were destroyed are so in the bucket too;
 *               then files that are old enough are made stubs, one a step
 *
 * Each step is one that may be cut off anywhere, and is done again. For one thread. */
#ifndef ARCHIVE_S3_UPLOAD_H
#define ARCHIVE_S3_UPLOAD_H

#include "s3_list.h"
#include "s3_state.h"

#include <stdatomic.h>

#define S3_PIECE ((uint64_t)8 * 1024 * 1024)
#define S3_TOGETHER_MOST 4 /* spans on their way at a time */

enum s3_step {
	S3_THERE,   /* all that was on disk is in the bucket */
	S3_MORE,    /* something was done */
	S3_FAILED,  /* `why`: to be done again later */
	S3_FOREIGN, /* `why`: until somebody restores, or sets another prefix */
};

struct s3_upload {
	const char *folder;
	struct s3_target *target;
	const struct keys *keys; /* NULL: the archive is not open: nothing is uploaded */
	int64_t now;             /* ms; with the skew of the target */
	struct s3_state state;
	struct reader reader;
	uint64_t piece;          /* of a large object */
	const atomic_bool *stop; /* NULL: it is never given up in a long step */
	bool resumed; /* of the pending spans one may be there: of an earlier process, or failed */

	bool adopted; /* some of what is to be uploaded may be there, of a state that was lost */

	/* as far as the writer has it on disk; "": nobody knows, its files say it */
	char reached[SEGMENT_NAME];
	uint64_t end;

	int status; /* of the answer that failed */
	char why[256];
	char damaged[SEGMENT_NAME]; /* a file of which not all can be uploaded; "" */
	uint64_t objects, octets;   /* that were uploaded */

	uint64_t evicted;         /* files of which only the stub is here since the start */
	char stays[SEGMENT_NAME]; /* up to this file they were looked at, and stay, */
	char stays_why[200];      /* as this says */
};

void s3_upload_init(struct s3_upload *upload, const char *folder, struct s3_target *target);
void s3_upload_finish(struct s3_upload *upload);

enum s3_step s3_upload_step(struct s3_upload *upload);

/* Octets of the archive's files that are not in the bucket. */
uint64_t s3_upload_waiting(const struct s3_upload *upload);

/* --- its parts --- */

bool s3_upload_is_stopped(const struct s3_upload *upload);

/* Takes what failed as `why`. */
enum s3_step s3_upload_fail(struct s3_upload *upload, const struct s3_answer *answer);
enum s3_step s3_upload_broken(struct s3_upload *upload, const char *what);
/* The state as it is now, on disk. */
enum s3_step s3_upload_save(struct s3_upload *upload);
/* Until when the span's object is locked; 0: it is not. */
int64_t s3_lock_until(const struct s3_upload *upload, const struct s3_part *part);

/* As far as the file may be read: the newest has a batch on its way behind it. */
uint64_t s3_limit_of(const struct s3_upload *upload, const char *name);
/* It is newer than what is known to be on disk. */
bool s3_is_later(const struct s3_upload *upload, const char *name);

/* Uploads what waits, or some of it, with its keys: s3_span.c. S3_THERE: nothing does. */
enum s3_step s3_spans_put(struct s3_upload *upload);
/* Uploads the octets of a span: s3_object.c. */
enum s3_step s3_object_put(struct s3_upload *upload, const struct s3_part *part);
/* Whether the object has the octets that the span has here, by its ETag, or by reading it. -1: it
 * is not known, `answer` says why. */
int s3_object_same(struct s3_upload *upload, const struct s3_part *part, const char *etag,
		   struct s3_answer *answer);
/* Uploads the keys of a span. */
enum s3_step s3_slots_put(struct s3_upload *upload, const struct s3_span *span, const GArray *gone);
/* Brings what notices say into the bucket: s3_forget.c. */
enum s3_step s3_forget(struct s3_upload *upload);
/* Finds out how far the bucket has this archive: s3_adopt.c. */
enum s3_step s3_adopt(struct s3_upload *upload);
/* Makes a stub of the next file that need not be here any longer (`local_days`), when the bucket
 * is shown to have all of it: s3_evict.c. */
enum s3_step s3_evict(struct s3_upload *upload);
/* Whether a file of that name is old enough for it. */
bool s3_may_be_stub(const struct s3_conf *conf, const char *name, int64_t now);

#endif
