/* export.h - mail that leaves the archive as files. */
#ifndef ARCHIVE_EXPORT_H
#define ARCHIVE_EXPORT_H

#include "job.h"
#include "reader.h"
#include "s3.h"

enum export_format { EXPORT_EML, EXPORT_MBOX, EXPORT_MAILDIR, EXPORT_ATTACHMENTS };

struct export
{
	char *folder; /* the archive's */
	const struct keys *keys;
	struct s3 *s3;    /* what is not here is read there; NULL: nowhere */
	GPtrArray *words; /* that the query was read from */
	struct query query;
	enum export_format format;
	bool arrived; /* as they came, not as they left */
};

/* The work of a job; `arg` is a struct export, which export_free() frees. */
void export_work(struct job *job, void *arg);
void export_free(void *arg);

/* A name for a file that harms nobody: no folders, nothing hidden, nothing that steers a terminal.
 * To be freed. */
char *export_safe_name(const char *name, unsigned number);

#endif
