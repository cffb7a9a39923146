/* private_file.h - a file that its library would make for everybody to read. */
#ifndef COMMON_PRIVATE_FILE_H
#define COMMON_PRIVATE_FILE_H

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes it where it is missing, and takes it from others; SQLite gives its files beside it the same
 * mode. What fails is found by who opens it then. */
static inline void private_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return;
	(void)!fchmod(fd, 0600);
	close(fd);
}

#endif
