#include "ctl/alone.h"
#include "ctl/render.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

bool is_answered_alone(char **words)
{
	return strcmp(words[0], "help") == 0 || strcmp(words[0], "options") == 0 ||
	       (strcmp(words[0], "check") == 0 && !words[1]) ||
	       (strcmp(words[0], "dkim") == 0 && words[1] && strcmp(words[1], "keygen") == 0);
}

/* It lies beside this program in a build tree, and in its prefix when installed. */
static const char *daemon_path(void)
{
	static const char *const places[] = { "gatewayd", "../sbin/gatewayd" };
	static char path[4096];
	char self[4000];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - self), self, places[i]);
		if (access(path, X_OK) == 0)
			return path;
	}
	return "gatewayd";
}

static void run_daemon(char **words, const struct choices *choices)
{
	const char *command[300] = { "gatewayd" };
	size_t count = 1;
	if (choices->config) {
		command[count++] = "--config";
		command[count++] = choices->config;
	}
	bool check = strcmp(words[0], "check") == 0;
	command[count++] = check ? "--check" : "--answer";
	if (!check)
		command[count++] = "--";
	for (size_t i = 0; !check && words[i] && count < 299; i++)
		command[count++] = words[i];
	execvp(daemon_path(), (char *const *)command);
	fprintf(stderr, "gatewayctl: gatewayd cannot be run: %s\n", strerror(errno));
	_exit(EX_UNAVAILABLE);
}

int ask_alone(char **words, const struct choices *choices)
{
	int ends[2];
	if (strcmp(words[0], "check") == 0)
		run_daemon(words, choices);
	pid_t child = pipe(ends) == 0 ? fork() : -1;
	if (child < 0)
		return EX_OSERR;
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		run_daemon(words, choices);
	}
	close(ends[1]);
	FILE *in = fdopen(ends[0], "r");
	json_t *answer = in ? json_loadf(in, 0, NULL) : NULL;
	int status = 0, code = answer ? render_answer(answer, choices->json) : EX_UNAVAILABLE;
	json_decref(answer);
	waitpid(child, &status, 0);
	return answer || !WIFEXITED(status) || !WEXITSTATUS(status) ? code : WEXITSTATUS(status);
}
