#include "supervisor/state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "pid"

enum { OF_SUPERVISOR, OF_SERVING }; /* the bytes */

static int file = -1; /* open for as long as the lock is wanted */

/* Of the open file, not of the process: a lock is not lost when somebody else in the process closes
 * the file. */
static int lock(int fd, int how, int byte)
{
	struct flock range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1
	};
	return fcntl(fd, how, &range);
}

static int open_file(int folder)
{
	return openat(folder, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0644);
}

static int open_folder(const char *state)
{
	if (mkdir(state, 0700) != 0 && errno != EEXIST)
		return -1;
	return open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int refuse(const char *state, int folder)
{
	fprintf(stderr, "gatewayd: %s: %s\n", state, strerror(errno));
	if (folder >= 0)
		close(folder);
	return -1;
}

static int refuse_second(const char *state, int folder)
{
	char pid[24] = "";
	ssize_t len = pread(file, pid, sizeof(pid) - 1, 0);
	pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
	fprintf(stderr, "gatewayd: %s is in use by process %s\n", state, *pid ? pid : "?");
	close(file); /* the other's: what it says is not ours to empty */
	file = -1;
	close(folder);
	return -1;
}

int state_lock_supervisor(const char *state)
{
	char pid[24];
	int folder = open_folder(state), len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	file = folder < 0 ? -1 : open_file(folder);
	if (file < 0)
		return refuse(state, folder);
	if (lock(file, F_OFD_SETLK, OF_SUPERVISOR) != 0)
		return refuse_second(state, folder);
	fchmod(file, 0644); /* who checks a configuration as another user sees the lock */
	/* For people and scripts alone: a disk too full for it is no reason to stay down. */
	if (ftruncate(file, 0) != 0 || pwrite(file, pid, (size_t)len, 0) != len)
		fprintf(stderr, "gatewayd: %s/" FILE_NAME ": %s\n", state, strerror(errno));
	return folder;
}

void state_unlock(int folder)
{
	/* Emptied and not removed: who waits for the lock of this file must find that it is the one
	 * that others open. */
	if (file >= 0 && ftruncate(file, 0) == 0)
		close(file);
	if (folder >= 0)
		close(folder);
	file = -1;
}

bool state_is_locked(const char *state)
{
	struct flock range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = OF_SUPERVISOR, .l_len = 1
	};
	char path[4096];
	snprintf(path, sizeof(path), "%s/" FILE_NAME, state);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); /* maybe root's */
	bool locked = fd >= 0 && fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
	if (fd >= 0)
		close(fd);
	return locked;
}

int state_lock_serving(int folder)
{
	/* The lock of the supervisor is the supervisor's: it has to go when that one dies. */
	close(file);
	file = open_file(folder);
	if (file >= 0 && lock(file, F_OFD_SETLKW, OF_SERVING) == 0)
		return 0;
	fprintf(stderr, "gatewayd: the lock of the state folder: %s\n", strerror(errno));
	return -1;
}
