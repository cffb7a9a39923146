/* gatewayctl.c - asks the running gateway, prints what it answers. What the verbs mean is the
 * gateway's business: this program sends words and renders. */
#include "ctl/again.h"
#include "ctl/files.h"
#include "ctl/input.h"
#include "ctl/octets.h"
#include "ctl/password.h"
#include "ctl/render.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

#define RUN_SOCKET "/run/gateway/control.sock"
#define STATE_SOCKET GATEWAY_STATE_DIR "/control.sock"
#define TIMEOUT_S 120
#define NAMES_MOST 4 /* names of names */

static const char usage[] =
	"usage: gatewayctl [--socket PATH] [--timeout SECONDS] [--json] VERB ...\n"
	"  --socket PATH   the gateway's control socket (default: $GATEWAY_SOCKET, else " RUN_SOCKET
	" or " STATE_SOCKET ")\n"
	"  --config DIR    the folder of fragments, for help, options, check and dkim keygen while no gateway runs\n"
	"  --timeout N     wait this many seconds for the answer (default 120)\n"
	"  --json          print JSON instead of text\n"
	"  --version\n"
	"`gatewayctl password USER` makes a line for the file of users, without a gateway.\n"
	"`gatewayctl help` lists the verbs of the gateway that runs, `gatewayctl help VERB` tells of one.\n";

/* The gateway's unit has a folder for its socket; without a unit it lies in the state folder. */
static const char *default_socket(void)
{
	const char *named = getenv("GATEWAY_SOCKET");
	return named ? named : access(RUN_SOCKET, F_OK) == 0 ? RUN_SOCKET : STATE_SOCKET;
}

static const char *hint_of(int error)
{
	if (error == ENOENT || error == ECONNREFUSED)
		return "; does the gateway run, and is this its socket (--socket)?";
	if (error == EACCES)
		return "; only root, the gateway's user and its admin and view groups may ask";
	return error == EAGAIN
		       ? "; the gateway takes no more questions: its main thread hangs, or too many ask"
		       : "";
}

static int set_timeout(int fd, long seconds)
{
	struct timeval time = { .tv_sec = seconds };
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) ||
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

static int connect_to(const char *path, long timeout, bool alone)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof(address.sun_path))
		errno = ENAMETOOLONG;
	else if (fd >= 0 && set_timeout(fd, timeout) == 0) {
		strcpy(address.sun_path, path);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
	}
	int error = errno;
	if (fd >= 0)
		close(fd);
	if (!alone || (error != ENOENT && error != ECONNREFUSED))
		fprintf(stderr, "gatewayctl: %s: %s%s\n", path, strerror(error), hint_of(error));
	errno = error;
	return -1;
}

#define FILE_MAX (48 * 1024) /* the gateway wants short questions: a header is what it looks at */

/* The text of a file, what JSON cannot carry replaced; "-" is the input. */
static json_t *file_text(const char *name)
{
	char text[FILE_MAX];
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	if (!file) {
		fprintf(stderr, "gatewayctl: %s: %s\n", name, strerror(errno));
		return NULL;
	}
	size_t len = fread(text, 1, sizeof(text), file);
	if (file != stdin)
		fclose(file);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] > 0x7e || !text[i])
			text[i] = '?';
	return json_stringn(text, len);
}

/* What is no UTF-8 cannot be sent, and no word of the gateway's has such octets. */
static json_t *clean_word(char *word)
{
	json_t *json = json_string(word);
	if (json)
		return json;
	for (char *at = word; *at; at++)
		*at = (unsigned char)*at > 0x7e ? '?' : *at;
	return json_string(word);
}

/* What follows --eml is a file here, not where the gateway runs. */
static json_t *word_of(char **words, size_t nth)
{
	bool file = nth > 0 && strcmp(words[nth - 1], "--eml") == 0;
	return file ? file_text(words[nth]) : clean_word(words[nth]);
}

/* A person is there to say yes or no. */
static bool has_person(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* NULL: it was said why. */
static json_t *make_request(char **words)
{
	json_t *list = json_array();
	for (size_t i = 0; words[i]; i++)
		if (json_array_append_new(list, word_of(words, i)) != 0) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:o, s:b}", "words", list, "ask", (int)has_person());
}

static void say_no_answer(int error, long timeout)
{
	if (error == EAGAIN || error == EWOULDBLOCK)
		fprintf(stderr,
			"gatewayctl: no answer from the gateway within %ld seconds: does its main thread hang? (--timeout waits longer)\n",
			timeout);
	else
		fprintf(stderr,
			"gatewayctl: no answer from the gateway: the connection was closed\n");
}

struct choices {
	const char *path;
	const char *config; /* where no gateway runs; NULL: not said */
	long timeout;
	bool json;
};

/* Both ways of a connection, each with its buffer. */
struct link {
	FILE *in, *out;
};

/* A gateway that sends somebody away says why before it reads: what was written then went nowhere,
 * and what it said is there all the same. */
static json_t *ask(const struct link *link, const json_t *request, long timeout)
{
	json_error_t error;
	errno = 0;
	bool sent = json_dumpf(request, link->out, JSON_COMPACT) == 0 &&
		    putc('\n', link->out) != EOF && fflush(link->out) == 0;
	json_t *answer = sent || errno == EPIPE || errno == ECONNRESET
				 ? json_loadf(link->in, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL,
					      &error)
				 : NULL;
	if (!answer)
		say_no_answer(errno, timeout);
	return answer;
}

static bool says_yes(const char *question)
{
	char line[16] = "";
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* Asks, and where the gateway asks back, the person too. */
static json_t *talk(const struct link *link, json_t *request, long timeout)
{
	json_t *answer = ask(link, request, timeout);
	const char *question = json_string_value(json_object_get(answer, "confirm"));
	if (!question)
		return answer;
	bool yes = says_yes(question);
	json_decref(answer);
	if (!yes)
		return json_pack("{s:i, s:s}", "code", EX_OK, "text", "nothing changed");
	json_object_set_new(request, "ask", json_false());
	return ask(link, request, timeout);
}

/* NULL: none is named. */
static const char *eml_file(char **words)
{
	for (; words[0] && words[1]; words++)
		if (strcmp(words[0], "--eml") == 0)
			return words[1];
	return NULL;
}

/* Asks again with the file behind --eml, or the standard input, where the gateway wants that. NULL:
 * it was said why. */
static json_t *talk_input(const struct link *link, json_t *request, char **words, json_t *answer,
			  long timeout)
{
	if (!input_wanted(answer))
		return answer;
	bool added = input_add(request, answer, eml_file(words));
	json_decref(answer);
	return added ? talk(link, request, timeout) : NULL;
}

/* Asks for the other parts of a long message. NULL: one of them did not come, and it was said why.
 */
static json_t *talk_on(const struct link *link, json_t *request, json_t *answer, long timeout)
{
	json_t *words = json_object_get(request, "words");
	size_t count = json_array_size(words);
	for (long long at = octets_more(answer); at >= 0;) {
		while (json_array_size(words) > count)
			json_array_remove(words, count);
		json_array_append_new(words, json_string("--at"));
		json_array_append_new(words, json_sprintf("%lld", at));
		json_t *part = ask(link, request, timeout);
		if (!octets_of(part)) {
			json_decref(answer);
			return part;
		}
		at = octets_more(part);
		octets_join(answer, part);
		json_decref(part);
	}
	return answer;
}

/* Files that came with it are on disk then. */
static bool take_files(struct files *written, const json_t *answer, char **words)
{
	return !files_in(answer) || files_write(written, answer, words);
}

/* What is not the last word is printed, and asked on about: with --json that is the caller's, but
 * for what is only another name, and for files, which come in many parts. Names end: a module that
 * names itself is asked no more. NULL: a file could not be written, and it was said why. */
static json_t *follow(const struct link *link, json_t *answer, char **typed,
		      const struct choices *choices)
{
	struct files written = { .size = 0 };
	bool files = false, good = take_files(&written, answer, typed);
	for (int names = 0; good && again_wanted(answer) && names < NAMES_MOST;) {
		bool name = again_is_name(answer);
		files |= files_in(answer);
		if (choices->json && !name && !files)
			break;
		names = name ? names + 1 : 0;
		if (!choices->json || name)
			render(answer);
		json_t *request = json_pack("{s:o, s:b}", "words", again_words(answer), "ask",
					    (int)has_person());
		json_decref(answer);
		answer = talk(link, request, choices->timeout);
		json_decref(request);
		good = take_files(&written, answer, typed);
	}
	if (good)
		return answer;
	json_decref(answer);
	return NULL;
}

static json_t *converse(int fd, char **words, const struct choices *choices)
{
	long timeout = choices->timeout;
	json_t *request = make_request(words), *answer = NULL;
	struct link link = { fdopen(fd, "r"), fdopen(dup(fd), "w") };
	if (request && link.in && link.out)
		answer = talk_on(
			&link, request,
			talk_input(&link, request, words, talk(&link, request, timeout), timeout),
			timeout);
	answer = follow(&link, answer, words, choices);
	if (link.out)
		fclose(link.out);
	if (link.in)
		fclose(link.in);
	json_decref(request);
	return answer;
}

static int print(const json_t *answer, bool json)
{
	int code = (int)json_integer_value(json_object_get(answer, "code"));
	const json_t *text = json_object_get(answer, "text");
	if (json) {
		render_json(answer);
	} else if (code != EX_OK && json_is_string(text)) {
		render_rows(answer);
		fprintf(stderr, "%s\n", json_string_value(text));
	} else if (octets_of(answer)) {
		octets_print(octets_of(answer));
	} else {
		render(answer);
	}
	return code;
}

/* The index of the verb; -1: no more is to be done, with *code. */
static int read_options(struct choices *choices, int argc, char **argv, int *code)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	*choices = (struct choices){ .path = default_socket(), .timeout = TIMEOUT_S };
	*code = EX_USAGE;
	/* '+': the words after the verb are the verb's, their dashes too. */
	for (int option; (option = getopt_long(argc, argv, "+c:s:t:jVh", options, NULL)) != -1;) {
		if (option == 'c') {
			choices->config = optarg;
		} else if (option == 's') {
			choices->path = optarg;
		} else if (option == 't' && atol(optarg) > 0) {
			choices->timeout = atol(optarg);
		} else if (option == 'j') {
			choices->json = true;
		} else {
			*code = option == 'V' || option == 'h' ? EX_OK : EX_USAGE;
			fputs(option == 'V' ? "gatewayctl " GATEWAY_RELEASE "\n" : usage,
			      *code == EX_OK ? stdout : stderr);
			return -1;
		}
	}
	if (optind < argc)
		return optind;
	fputs(usage, stderr);
	return -1;
}

/* --- no gateway runs --- */

static bool is_answered_alone(char **words)
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

/* What is in the configuration can be told by the program that reads it. */
static int ask_alone(char **words, const struct choices *choices)
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
	int status = 0, code = answer ? print(answer, choices->json) : EX_UNAVAILABLE;
	json_decref(answer);
	waitpid(child, &status, 0);
	return answer || !WIFEXITED(status) || !WEXITSTATUS(status) ? code : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct choices choices;
	int code, verb = read_options(&choices, argc, argv, &code);
	if (verb < 0)
		return code;
	if (strcmp(argv[argc - 1], "--json") == 0) { /* people write it at the end too */
		choices.json = true;
		argv[argc - 1] = NULL;
	}
	if (strcmp(argv[verb], "password") == 0)
		return password_run(argv + verb);
	signal(SIGPIPE, SIG_IGN);
	int fd = connect_to(choices.path, choices.timeout, is_answered_alone(argv + verb));
	if (fd < 0 && is_answered_alone(argv + verb) && (errno == ENOENT || errno == ECONNREFUSED))
		return ask_alone(argv + verb, &choices);
	json_t *answer = fd < 0 ? NULL : converse(fd, argv + verb, &choices);
	if (!answer)
		return EX_UNAVAILABLE;
	code = print(answer, choices.json);
	json_decref(answer);
	return code;
}
