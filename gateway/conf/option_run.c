#include "conf/option_private.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 32

struct run {
	char *line, *why;
	size_t size, why_size, held;
	int wait_ms;
	int64_t until;
	pid_t pid;
	int out;
};

__attribute__((format(printf, 2, 3))) static int fail(struct run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->why, run->why_size, format, args);
	va_end(args);
	return -1;
}

/* Words at blanks and nothing more: what needs a shell can be a script. */
static int split_words(char *command, char *words[WORDS_MAX + 1])
{
	int count = 0;
	char *save;

	for (char *word = strtok_r(command, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (count == WORDS_MAX)
			return -1;
		words[count++] = word;
	}
	words[count] = NULL;
	return count;
}

/* In a process group of its own, so that what it starts can be ended with it. */
static int spawn(struct run *run, char **words, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t signals;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	sigemptyset(&signals);
	posix_spawnattr_setsigmask(&attr, &signals);
	sigaddset(&signals, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &signals);
	rc = posix_spawn(&run->pid, words[0], &actions, &attr, words, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* 1 when there is something, 0 when time is up. */
static int wait_for(const struct run *run, int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	int64_t left;
	int rc = -1;

	while (rc < 0 && (left = run->until - clock_monotonic()) > 0)
		rc = poll(&ready, 1, (int)left);
	return rc > 0;
}

/* Reads to the end of the output, so that the program can finish, and keeps its beginning. */
static int read_output(struct run *run)
{
	char rest[512];

	for (;;) {
		size_t room = run->size - 1 - run->held;
		ssize_t got;
		if (!wait_for(run, run->out))
			return -1;
		got = read(run->out, room ? run->line + run->held : rest,
			   room ? room : sizeof(rest));
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0 && room)
			run->held += (size_t)got;
	}
}

static int wait_for_exit(struct run *run)
{
	int fd = pidfd_open(run->pid, 0);
	int in_time = fd < 0 || wait_for(run, fd);

	if (fd >= 0)
		close(fd);
	return in_time ? 0 : -1;
}

static int judge(struct run *run, int status)
{
	run->line[run->held] = '\0';
	run->line[strcspn(run->line, "\r\n")] = '\0';
	if (WIFSIGNALED(status))
		return fail(run, "was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return fail(run, "gave exit status %d", WEXITSTATUS(status));
	if (!run->line[0])
		return fail(run, "printed nothing on its first line");
	return 0;
}

static int collect(struct run *run)
{
	bool late = read_output(run) != 0 || wait_for_exit(run) != 0;
	int status = 0;

	if (late)
		kill(-run->pid, SIGKILL);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	return late ? fail(run, "did not end within %d ms", run->wait_ms) : judge(run, status);
}

static int run_words(struct run *run, char **words)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return fail(run, "cannot be run: %s", strerrordesc_np(errno));
	rc = spawn(run, words, ends[1]);
	close(ends[1]);
	run->out = ends[0];
	rc = rc == 0 ? collect(run) : fail(run, "cannot be run: %s", strerrordesc_np(rc));
	close(ends[0]);
	return rc;
}

int option_run(const char *command, int wait_ms, char *line, size_t size, char *why,
	       size_t why_size)
{
	struct run run = { .line = line,
			   .why = why,
			   .size = size,
			   .why_size = why_size,
			   .wait_ms = wait_ms,
			   .until = clock_monotonic() + wait_ms };
	char *copy = strdup(command), *words[WORDS_MAX + 1];
	int count, rc;

	if (!copy)
		return fail(&run, "cannot be run: out of memory");
	count = split_words(copy, words);
	if (count < 1)
		rc = fail(&run, count ? "has too many arguments" : "names no program");
	else if (words[0][0] != '/')
		rc = fail(&run, "must be an absolute path");
	else
		rc = run_words(&run, words);
	free(copy);
	return rc;
}
