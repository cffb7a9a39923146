#include "base/file.h"

#include <errno.h>
#include <unistd.h>

int file_write(int fd, struct gw_str text)
{
	while (text.len) {
		ssize_t put = write(fd, text.ptr, text.len);
		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0)
			text = gw_str_from(text, (size_t)put);
	}
	return 0;
}
