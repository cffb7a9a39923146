#include "spool/disk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int disk_open(const char *folder)
{
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int disk_mkdir(const char *folder)
{
	return mkdir(folder, 0700);
}

int disk_mkdirat(int folder, const char *name)
{
	return mkdirat(folder, name, 0700);
}

int disk_openat(int folder, const char *name, int flags)
{
	return openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int disk_fstatat(int folder, const char *name, struct stat *status)
{
	return fstatat(folder, name, status, AT_SYMLINK_NOFOLLOW);
}

bool disk_exists(int folder, const char *name)
{
	return faccessat(folder, name, F_OK, 0) == 0;
}

int disk_renameat(int folder, const char *from, const char *to)
{
	return renameat(folder, from, folder, to);
}

int disk_unlinkat(int folder, const char *name)
{
	return unlinkat(folder, name, 0);
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int disk_list(int folder, int (*each)(void *arg, const char *name), void *arg)
{
	int error = 0, result = 0, fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *item;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (result == 0 && (errno = 0, item = readdir(dir)))
		if (!is_dot(item->d_name))
			result = each(arg, item->d_name);
	/* half a folder is none: what is not listed would be taken for gone */
	if (result == 0 && (error = errno))
		result = -1;
	closedir(dir);
	if (error)
		errno = error;
	return result;
}

int disk_fstatvfs(int folder, struct statvfs *space)
{
	return fstatvfs(folder, space);
}

int disk_close(int fd)
{
	return close(fd);
}

int disk_flock(int fd, int operation)
{
	return flock(fd, operation);
}

int disk_fstat(int fd, struct stat *status)
{
	return fstat(fd, status);
}

int disk_fallocate(int fd, off_t size)
{
	int error = posix_fallocate(fd, 0, size);

	errno = error;
	return error ? -1 : 0;
}

int disk_ftruncate(int fd, off_t size)
{
	return ftruncate(fd, size);
}

ssize_t disk_pread(int fd, void *out, size_t len, off_t offset)
{
	return pread(fd, out, len, offset);
}

ssize_t disk_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return pwrite(fd, bytes, len, offset);
}

ssize_t disk_pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
	return pwritev(fd, pieces, count, offset);
}

ssize_t disk_write(int fd, const void *bytes, size_t len)
{
	return write(fd, bytes, len);
}

int disk_fdatasync(int fd)
{
	return fdatasync(fd);
}

int disk_fsync(int fd)
{
	return fsync(fd);
}
