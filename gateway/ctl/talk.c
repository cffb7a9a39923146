#include "ctl/talk.h"
#include "ctl/again.h"
#include "ctl/files.h"
#include "ctl/input.h"
#include "ctl/octets.h"
#include "ctl/render.h"
#include "ctl/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define NAMES_MOST 4 /* names of names */

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

int talk_connect(const struct choices *choices, bool alone)
{
	const char *path = choices->path;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof(address.sun_path))
		errno = ENAMETOOLONG;
	else if (fd >= 0 && set_timeout(fd, choices->timeout) == 0) {
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

json_t *talk_over(int fd, char **words, const struct choices *choices)
{
	long timeout = choices->timeout;
	json_t *request = request_make(words), *answer = NULL;
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
