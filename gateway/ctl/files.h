/* files.h - files that the gateway hands out, part by part, written where gatewayctl was called. */
#ifndef CTL_FILES_H
#define CTL_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#define FILES_NAME_MOST 255

/* What one run has written: the file that it began last, the only one that may grow. All zero when
 * nothing is written yet. */
struct files {
	char name[2 * FILES_NAME_MOST + 2];
	dev_t device;
	ino_t inode;
	long long size;
};

bool files_in(const json_t *answer);

/* Writes the parts in the answer, into the folder that it names, which the caller has to have typed
 * as one of `words`, behind --to or --attachments. A gateway is not trusted with the caller's
 * files: what this run did not begin is neither written over nor appended to. False: it was said
 * why. */
bool files_write(struct files *files, const json_t *answer, char **words);

#endif
