/* gatewayctl.c - asks the running gateway, prints what it answers. What the verbs mean is the
 * gateway's business: this program sends words and renders. */
#include "ctl/alone.h"
#include "ctl/password.h"
#include "ctl/render.h"
#include "ctl/talk.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define RUN_SOCKET "/run/gateway/control.sock"
#define STATE_SOCKET GATEWAY_STATE_DIR "/control.sock"
#define TIMEOUT_S 120

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
	int fd = talk_connect(&choices, is_answered_alone(argv + verb));
	if (fd < 0 && is_answered_alone(argv + verb) && (errno == ENOENT || errno == ECONNREFUSED))
		return ask_alone(argv + verb, &choices);
	json_t *answer = fd < 0 ? NULL : talk_over(fd, argv + verb, &choices);
	if (!answer)
		return EX_UNAVAILABLE;
	code = render_answer(answer, choices.json);
	json_decref(answer);
	return code;
}
