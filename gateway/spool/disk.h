/* disk.h - all that the spool asks of the file system. No other file of this room calls it, so that
 * a test can put another disk in the place of disk.c: one in memory that fails, fills up and loses
 * what was not synced.
 *
 * Each is the system call of that name, with its errno. */
#ifndef SPOOL_DISK_H
#define SPOOL_DISK_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

/* --- folders and names --- */
int disk_open(const char *folder);              /* a folder, to read */
int disk_mkdir(const char *folder);             /* 0700 */
int disk_mkdirat(int folder, const char *name); /* 0700 */
/* of a new file: 0600. Descriptors are not inherited, links not followed */
int disk_openat(int folder, const char *name, int flags);
int disk_fstatat(int folder, const char *name, struct stat *status); /* links not followed */
bool disk_exists(int folder, const char *name);
int disk_renameat(int folder, const char *from, const char *to);
int disk_unlinkat(int folder, const char *name);
/* Names what is in the folder until `each` gives another number than 0, which it returns; -1 with
 * errno: it cannot be listed. */
int disk_list(int folder, int (*each)(void *arg, const char *name), void *arg);
int disk_fstatvfs(int folder, struct statvfs *space);

/* --- files --- */
int disk_close(int fd);
int disk_flock(int fd, int operation);
int disk_fstat(int fd, struct stat *status);
int disk_fallocate(int fd, off_t size); /* from the first octet */
int disk_ftruncate(int fd, off_t size);
ssize_t disk_pread(int fd, void *out, size_t len, off_t offset);
ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t offset);
ssize_t disk_pwritev(int fd, const struct iovec *pieces, int count, off_t offset);
ssize_t disk_write(int fd, const void *bytes, size_t len);
int disk_fdatasync(int fd); /* the octets, and what is needed to find them */
int disk_fsync(int fd);     /* of a folder: its names */

#endif
