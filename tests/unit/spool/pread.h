/* pread.h - every way to pread() leads to failing_pread(), which who includes this defines. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t failing_pread(int fd, void *out, size_t len, off_t offset);

ssize_t pread(int fd, void *out, size_t len, off_t offset)
{
	return failing_pread(fd, out, len, offset);
}

ssize_t pread64(int fd, void *out, size_t len, off_t offset)
{
	return failing_pread(fd, out, len, offset);
}

ssize_t __pread_chk(int fd, void *out, size_t len, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *out, size_t len, off_t offset, size_t room);

ssize_t __pread_chk(int fd, void *out, size_t len, off_t offset, size_t room)
{
	return len <= room ? failing_pread(fd, out, len, offset) : -1;
}

ssize_t __pread64_chk(int fd, void *out, size_t len, off_t offset, size_t room)
{
	return len <= room ? failing_pread(fd, out, len, offset) : -1;
}
