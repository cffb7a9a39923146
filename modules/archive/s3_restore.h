/* s3_restore.h - an archive out of a bucket: what is not here is fetched, what is here is compared.
 */
#ifndef ARCHIVE_S3_RESTORE_H
#define ARCHIVE_S3_RESTORE_H

#include "s3_upload.h"

/* For a thread of its own. The caller has set the first members, and frees `text`. */
struct s3_work {
	const char *folder;
	struct s3_target *target;
	const struct keys *keys; /* NULL: who signed is not looked at */
	const atomic_bool *stop;
	int64_t now; /* ms; files that are older than `local_days` come as stubs */

	GString *text; /* a line for each fault, and what was done */
	uint64_t faults, files, objects, octets;
};
void s3_work_fault(struct s3_work *work, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Of that kind, in the order of files and places; to be unref'd. NULL: it was told why. */
GArray *s3_found_list(struct s3_work *work, const char *kind);

/* Files that are not here, with their keys, and the holds where there are none. Those that may be
 * stubs come as such; stubs that need not be any longer become files again, with the keys that are
 * here. Nothing else that is here is written over. The uploads rest meanwhile. */
void s3_restore_run(struct s3_work *work);

/* Compares each object, and each key, with what is here. */
void s3_verify_run(struct s3_work *work);

#endif
