/* file.h - what is written to a file by its descriptor. [any thread] */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <gateway/str.h>

/* All of it, however often the system takes a part or is interrupted. 0, or -1 with errno: some of
 * it may be there. Waits for the disk. */
int file_write(int fd, struct gw_str text);

#endif
