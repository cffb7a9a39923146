/* log_memory_file.c - the files that the queue of the log lies in: what they are called, and which
 * of them nobody needs any more. The next start with the same journal takes its own and removes it
 * at its end, so that only those stay whose journals are gone. */
#include "base/log_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <unistd.h>

#define PLACE "/dev/shm" /* where shm_open() has its files */
#define PREFIX "gateway-log-"

void log_memory_name(char name[LOG_MEMORY_NAME], const struct stat *folder)
{
	snprintf(name, LOG_MEMORY_NAME, "/" PREFIX "%llx-%llx", (unsigned long long)folder->st_dev,
		 (unsigned long long)folder->st_ino);
}

/* Whether the folder that the file tells of is still the one it is named after. One that tells of
 * none is about to be used. */
static bool has_journal(int fd, const char *entry)
{
	char folder[sizeof(((struct log_memory *)0)->folder)], name[LOG_MEMORY_NAME];
	ssize_t got = pread(fd, folder, sizeof(folder) - 1, offsetof(struct log_memory, folder));
	struct stat st;

	folder[got > 0 ? got : 0] = '\0';
	if (!folder[0])
		return true;
	if (stat(folder, &st) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	log_memory_name(name, &st);
	return strcmp(name + 1, entry) == 0;
}

/* The place is everybody's: only what is our own and locked by nobody goes. What is kept is not
 * locked here for a moment either, because its owner may be about to do it. */
static void sweep_one(int place, const char *entry)
{
	int fd = openat(place, entry, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !has_journal(fd, entry) && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(place, entry, 0);
	close(fd);
}

void log_memory_sweep(void)
{
	DIR *dir = opendir(PLACE);

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
			sweep_one(dirfd(dir), entry->d_name);
	closedir(dir);
}
