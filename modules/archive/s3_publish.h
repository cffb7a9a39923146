/* s3_publish.h - a file that was fetched whole takes its place: as it is, or as its stub. */
#ifndef ARCHIVE_S3_PUBLISH_H
#define ARCHIVE_S3_PUBLISH_H

#include "s3_restore.h"

/* What is said of the objects from `first` to `end` in the list is of one file: whether that is old
 * enough to be a stub. The newest is written on, and is none. */
bool s3_is_to_be_stub(const struct s3_work *work, const GArray *list, guint first, guint end);

/* `file`, at the path `from`, has `reach` octets. On disk when they give 0; else errno. */
int s3_publish_stub(const struct s3_work *work, int file, uint64_t reach, const GArray *list,
		    guint first, guint end);
int s3_publish_whole(const struct s3_work *work, int file, uint64_t reach, const char *from,
		     const char *name);

#endif
