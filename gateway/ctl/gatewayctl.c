/* gatewayctl.c - asks the running gateway, prints what it answers. What the verbs mean is the gateway's business: this program
 * sends words and renders. */
#include "ctl/render.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
	"usage: gatewayctl [--socket PATH] [--json] VERB ...\n"
	"  --socket PATH   the gateway's control socket (default: $GATEWAY_SOCKET, else " GATEWAY_STATE_DIR "/control.sock)\n"
	"  --json          print JSON instead of text\n"
	"  --version\n"
	"`gatewayctl help` lists the verbs of the gateway that runs.\n";

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof(address.sun_path))
		errno = ENAMETOOLONG;
	else if (fd >= 0) {
		strcpy(address.sun_path, path);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
	}
	int error = errno;
	if (fd >= 0)
		close(fd);
	fprintf(stderr, "gatewayctl: %s: %s%s\n", path, strerror(error),
	        error == ENOENT || error == ECONNREFUSED ? "; does the gateway run, and is this its socket (--socket)?" : "");
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

/* What follows --eml is a file here, not where the gateway runs. */
static json_t *word_of(char **words, size_t nth)
{
	bool file = nth > 0 && strcmp(words[nth - 1], "--eml") == 0;
	return file ? file_text(words[nth]) : json_string(words[nth]);
}

static int send_words(FILE *to, char **words)
{
	json_t *list = json_array();
	for (size_t i = 0; words[i]; i++)
		if (json_array_append_new(list, word_of(words, i)) != 0) {
			json_decref(list);
			return -1;
		}
	json_t *request = json_pack("{s:o}", "words", list);
	int result = request ? json_dumpf(request, to, JSON_COMPACT) : -1;
	json_decref(request);
	return result || putc('\n', to) == EOF || fflush(to) != 0 ? -1 : 0;
}

static json_t *ask(int fd, char **words)
{
	FILE *stream = fdopen(fd, "r+");
	json_error_t error;
	json_t *answer = NULL;
	if (stream && send_words(stream, words) == 0) {
		fseek(stream, 0, SEEK_CUR);
		answer = json_loadf(stream, JSON_DISABLE_EOF_CHECK, &error);
	}
	if (!answer)
		fprintf(stderr, "gatewayctl: no answer from the gateway\n");
	if (stream)
		fclose(stream);
	else
		close(fd);
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
	} else {
		render(answer);
	}
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },      { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = getenv("GATEWAY_SOCKET");
	bool json = false;
	if (!path)
		path = GATEWAY_STATE_DIR "/control.sock";
	/* '+': the words after the verb are the verb's, their dashes too. */
	for (int option; (option = getopt_long(argc, argv, "+s:jVh", options, NULL)) != -1;) {
		if (option == 's') {
			path = optarg;
		} else if (option == 'j') {
			json = true;
		} else if (option == 'V') {
			puts("gatewayctl " GATEWAY_RELEASE);
			return EX_OK;
		} else {
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? EX_OK : EX_USAGE;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	int last = argc - 1;
	if (strcmp(argv[last], "--json") == 0) { /* people write it at the end too */
		json = true;
		argv[last] = NULL;
	}
	int fd = connect_to(path);
	json_t *answer = fd < 0 ? NULL : ask(fd, argv + optind);
	if (!answer)
		return EX_UNAVAILABLE;
	int code = print(answer, json);
	json_decref(answer);
	return code;
}
