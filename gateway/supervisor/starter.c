/* starter.c - who started the daemon, and waits until it serves. */
#include "supervisor/supervisor_private.h"

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

/* Of its starter the daemon keeps nothing but stderr, and that until it serves: who waits for the
 * end of a pipe would wait for the daemon's. Gives where the descriptor is now. */
static int keep_only(struct supervisor *supervisor, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC),
	    kept = STDERR_FILENO + 1 + supervisor->adopted;
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (fd != kept && dup3(fd, kept, O_CLOEXEC) != kept)
		return fd;
	close_range((unsigned)kept + 1, ~0u, 0);
	return kept;
}

/* Its parent leaves when the gateway serves, with its exit code otherwise. */
int starter_detach(struct supervisor *supervisor)
{
	int ends[2];
	char byte;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t child = fork();
	if (child == 0) {
		setsid();
		return keep_only(supervisor, ends[1]);
	}
	close(ends[1]);
	_exit(child > 0 && read(ends[0], &byte, 1) == 1 ? byte : EX_OSERR);
}

/* What is said from now on stands in the log file. */
static void let_go_of_stderr(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return;
	dup2(null, STDERR_FILENO);
	close(null);
}

void starter_tell(struct supervisor *supervisor, int code)
{
	char byte = (char)code;
	if (supervisor->ready < 0)
		return;
	ssize_t sent = write(supervisor->ready, &byte, 1);
	(void)sent;
	close(supervisor->ready);
	supervisor->ready = -1;
	if (code == EX_OK)
		let_go_of_stderr();
}
