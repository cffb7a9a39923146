/* tls_sink.c - takes messages over STARTTLS (or clear) and throws them away; counts as smtp-sink -c
 * does, on stdout.
 *
 *   tls_sink CERTIFICATE KEY HOST PORT */
#include "wire.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;
/* of the counters: the last line that is written is the newest */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int sessions, quits, messages;

static void add(int *counter, int more)
{
	char line[80];
	int len;
	pthread_mutex_lock(&lock);
	*counter += more;
	len = snprintf(line, sizeof(line), "sess=%d quit=%d mesg=%d\r", sessions, quits, messages);
	if (write(STDOUT_FILENO, line, (size_t)len) < 0)
		exit(1);
	pthread_mutex_unlock(&lock);
}

static bool starts(const char *line, const char *verb)
{
	return strncasecmp(line, verb, strlen(verb)) == 0;
}

/* Replies to pipelined commands leave together. */
struct talk {
	struct wire wire;
	char out[4096];
	size_t len;
};

static int flush(struct talk *talk)
{
	size_t len = talk->len;
	talk->len = 0;
	return len ? wire_write(&talk->wire, talk->out, len) : 0;
}

static int reply(struct talk *talk, const char *text)
{
	size_t len = strlen(text);
	if (talk->len + len > sizeof(talk->out) && flush(talk) < 0)
		return -1;
	memcpy(talk->out + talk->len, text, len);
	talk->len += len;
	return wire_has_input(&talk->wire) ? 0 : flush(talk);
}

static int take_message(struct talk *talk)
{
	char *line;
	if (reply(talk, "354 go on\r\n") < 0 || flush(talk) < 0)
		return -1;
	while ((line = wire_line(&talk->wire)) && strcmp(line, ".") != 0)
		;
	if (!line)
		return -1;
	add(&messages, 1);
	return reply(talk, "250 2.0.0 Ok\r\n");
}

static int start_tls(struct talk *talk)
{
	if (reply(talk, "220 2.0.0 go on\r\n") < 0 || flush(talk) < 0)
		return -1;
	return wire_tls(&talk->wire, context, true);
}

static int answer(struct talk *talk, const char *line)
{
	if (starts(line, "EHLO"))
		return reply(
			talk,
			talk->wire.ssl
				? "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
				: "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n");
	if (starts(line, "STARTTLS"))
		return start_tls(talk);
	if (starts(line, "DATA"))
		return take_message(talk);
	if (!starts(line, "QUIT"))
		return reply(talk, "250 2.0.0 Ok\r\n");
	add(&quits, 1);
	reply(talk, "221 2.0.0 bye\r\n");
	return -1;
}

static void *serve(void *arg)
{
	struct talk *talk = arg;
	char *line;
	if (reply(talk, "220 sink ESMTP\r\n") == 0)
		while ((line = wire_line(&talk->wire)) && answer(talk, line) == 0)
			;
	flush(talk);
	wire_finish(&talk->wire);
	add(&sessions, -1);
	free(talk);
	return NULL;
}

static void begin(int fd)
{
	pthread_t thread;
	struct talk *talk = calloc(1, sizeof(*talk));
	if (!talk)
		exit(1);
	wire_init(&talk->wire, fd);
	add(&sessions, 1);
	if (pthread_create(&thread, NULL, serve, talk) != 0)
		exit(1);
	pthread_detach(thread);
}

int main(int argc, char **argv)
{
	int listener, fd;
	if (argc != 5)
		return 64;
	signal(SIGPIPE, SIG_IGN);
	context = SSL_CTX_new(TLS_server_method());
	if (!context || SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM) != 1)
		return 1;
	listener = wire_listen(argv[3], atoi(argv[4]));
	if (listener < 0)
		return 1;
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		begin(fd);
	return 1;
}
