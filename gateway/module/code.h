/* code.h - the code of a module as a process runs it: a private copy of its file.
 *
 * A file that is mapped must not change, and the linker takes two files of one name for one. So
 * what is run is a copy that nobody else writes, one for each content: an installed file may be
 * overwritten, replaced or removed while its old code runs on, and a reload gets the new one. Main
 * thread. */
#ifndef MODULE_CODE_H
#define MODULE_CODE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Which content of a file it was. */
struct code_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct code_stamp code_stamp(const struct stat *info);
bool code_stamp_equal(const struct code_stamp *a, const struct code_stamp *b);

/* How many octets the file's own tables say it has: more than there are where it was cut, and the
 * linker would run over its end. 0: it is no ELF file of this machine, which the linker says
 * better. */
off_t code_length(const char *path);

/* The path of a new copy of the file in the folder (made where it is missing), for the caller to
 * free. NULL: errno says why there is none. */
char *code_copy(const char *path, const char *folder);

/* Removes the copies of processes that are gone. */
void code_sweep(const char *folder);

#endif
