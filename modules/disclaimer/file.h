/* file.h - a file that the configuration names, read as a whole at the start. */
#ifndef DISCLAIMER_FILE_H
#define DISCLAIMER_FILE_H

#include <stddef.h>

/* What is in it, ended by a NUL that `len` does not count, up to `most` octets. NULL: `why` says
 * what is wrong, with the path. To be freed with g_free(). */
char *file_read(const char *path, size_t most, size_t *len, char *why, size_t size);

#endif
