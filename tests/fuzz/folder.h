/* folder.h - a folder in memory for drivers of code that reads files: FUZZ_DIR says where, its
 * owner removes it. */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline const char *folder_path(void)
{
	static char path[256];
	const char *above = getenv("FUZZ_DIR");

	if (!path[0]) {
		snprintf(path, sizeof(path), "%s/fuzz-XXXXXX", above ? above : "/dev/shm");
		must(mkdtemp(path) != NULL);
	}
	return path;
}

/* Removes the files of a folder, and of its folders. */
static inline void folder_clear(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *item;
	char below[512];

	while (dir && (item = readdir(dir))) {
		if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%.200s", path, item->d_name);
		if (item->d_type == DT_DIR)
			folder_clear(below);
		else
			unlink(below);
	}
	if (dir)
		closedir(dir);
}

static inline void folder_write(const char *name, const void *bytes, size_t len)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder_path(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

#endif
