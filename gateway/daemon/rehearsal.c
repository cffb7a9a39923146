/* rehearsal.c - start() of a module is the first code of a stranger that runs: it runs in a process
 * that may die of it, before it runs in one that may not. */
#include "daemon/daemon.h"

#include "supervisor/death.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define PATIENCE_S 60 /* a configuration that takes longer to load has a start() that hangs */
#define SAID_MOST 4096

extern char **environ;

/* --- in the process that checks --- */

static volatile sig_atomic_t late;

static void on_alarm(int signal_number)
{
	late = 1;
}

static int wait_patiently(pid_t child)
{
	int status = 0;
	struct sigaction action = { .sa_handler = on_alarm };
	sigaction(SIGALRM, &action, NULL);
	alarm(PATIENCE_S);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		if (late)
			kill(child, SIGABRT); /* the place where it hangs is found as for a crash */
	alarm(0);
	return status;
}

static void tell_death(const struct death *death, const char *folder)
{
	const char *how = late ? "did not return" : "crashed";
	const char *name = sigabbrev_np(WTERMSIG(death->status));
	for (size_t i = 0; i < death->places_count; i++)
		fprintf(stderr, "%s/%s.conf: error: its module %s in %s (SIG%s)\n", folder,
			death->places[i].instance, how, place_hook(&death->places[i]),
			name ? name : "?");
	if (death->places_count == 0)
		fprintf(stderr, "error: reading the configuration %s (SIG%s), in no module\n", how,
			name ? name : "?");
}

int rehearsal_run(int (*body)(const struct arguments *arguments), const struct arguments *arguments)
{
	struct places *places = places_create();
	struct death death;
	fflush(NULL);
	pid_t child = places ? fork() : -1;
	if (child == 0) {
		places_watch(places);
		exit(body(arguments));
	}
	int status = child > 0 ? wait_patiently(child) : 0;
	if (child > 0 && WIFSIGNALED(status)) {
		death_find(&death, child, status, places);
		tell_death(&death, arguments->config);
	}
	places_destroy(places);
	if (child < 0)
		return EX_OSERR;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

/* --- in the process that serves, before a reload --- */

static size_t read_all(int file, char *said, size_t room)
{
	size_t len = 0;
	char rest[512];
	ssize_t got;
	while ((got = len < room ? read(file, said + len, room - len)
				 : read(file, rest, sizeof(rest))) > 0)
		len += len < room ? (size_t)got : 0;
	return len;
}

static int spawn_check(const struct arguments *arguments, int out, pid_t *child)
{
	const char *words[] = {
		"gatewayd",
		"--check",
		"--config",
		arguments->config,
		"--state",
		arguments->state,
		"--modules",
		arguments->modules,
		geteuid() == 0 && arguments->user ? "--user" : NULL,
		arguments->user,
		NULL,
	};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 2);
	int error = posix_spawn(child, "/proc/self/exe", &actions, NULL, (char *const *)words,
				environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* What it said last is the reason. */
static char *last_line(char *said, size_t len)
{
	while (len && said[len - 1] == '\n')
		len--;
	said[len] = '\0';
	char *start = memrchr(said, '\n', len);
	return start ? start + 1 : said;
}

/* "FILE: error: TEXT" becomes a problem of ours. */
static void problem_from(char *line, struct problems *problems)
{
	static const char mark[] = ": error: ";
	char *text = strstr(line, mark);
	if (text)
		*text = '\0';
	problem_add(problems, true, text ? line : NULL, 0, "%s", text ? text + strlen(mark) : line);
}

bool rehearsal_passes(const struct arguments *arguments, struct problems *problems)
{
	char said[SAID_MOST + 1];
	int ends[2], status = 0;
	pid_t child = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return true;
	int error = spawn_check(arguments, ends[1], &child);
	close(ends[1]);
	size_t len = error ? 0 : read_all(ends[0], said, SAID_MOST);
	close(ends[0]);
	if (error || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != EX_SOFTWARE)
		return true;
	problem_from(last_line(said, len), problems);
	return false;
}
