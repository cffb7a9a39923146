/* tls_source.c - hands in messages as smtp-source does, over STARTTLS, or opens sessions that do
 * nothing.
 *
 *   tls_source [-s SESSIONS] [-m MESSAGES] [-d] [-c] [-w] [-l OCTETS] [-f FROM] [-t TO] HOST PORT
 *   tls_source -i SESSIONS [-c] HOST PORT
 *   tls_source -o FOLDER [-m MESSAGES] [-l OCTETS] - 0
 *
 * -d: each connection carries many messages. -w: they are of words, and none is there twice. -o:
 * writes such messages into a folder, a file each. -i: opens so many sessions, says "idle N" on
 * stdout and keeps them until its standard input ends. -c: clear, without TLS. Every connection is
 * a full handshake, none is resumed. */
#include "texts.h"
#include "wire.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_THREADS 20

static struct {
	int sessions, messages, idle, port;
	bool many, clear, words;
	size_t length;
	const char *from, *to, *host, *folder;
} what = { .sessions = 20,
	   .messages = 1,
	   .length = 4096,
	   .from = "a@example.com",
	   .to = "b@example.net" };

static SSL_CTX *context;
static char *text;
static size_t text_len;
static _Atomic int left;
static _Atomic bool failed;

static int trouble(const char *doing, const char *said)
{
	fprintf(stderr, "tls_source: %s: %s\n", doing, said ? said : "the connection ended");
	atomic_store(&failed, true);
	return -1;
}

/* Reads a whole reply; it has to begin with `digit`. */
static int expect(struct wire *wire, char digit, const char *doing)
{
	for (;;) {
		char *line = wire_line(wire);
		if (!line || line[0] != digit || strlen(line) < 3)
			return trouble(doing, line);
		if (line[3] != '-')
			return 0;
	}
}

static int command(struct wire *wire, char digit, const char *format, const char *argument)
{
	if (wire_say(wire, format, argument) < 0)
		return trouble(format, NULL);
	return expect(wire, digit, format);
}

static int greet(struct wire *wire)
{
	if (expect(wire, '2', "greeting") < 0 ||
	    command(wire, '2', "EHLO %s\r\n", "client.example.com") < 0)
		return -1;
	if (what.clear)
		return 0;
	if (command(wire, '2', "STARTTLS%s\r\n", "") < 0)
		return -1;
	if (wire_tls(wire, context, false) < 0)
		return trouble("handshake", "failed");
	return command(wire, '2', "EHLO %s\r\n", "client.example.com");
}

static int begin(struct wire *wire)
{
	int fd = wire_connect(what.host, what.port);
	if (fd < 0)
		return trouble("connect", "refused");
	wire_init(wire, fd);
	return greet(wire);
}

#define HEADER                                                                                     \
	"From: <%s>\r\nTo: <%s>\r\nSubject: the offer of case%u\r\n"                               \
	"Message-Id: <%u.%d@client.example.com>\r\n"

static int write_words(struct wire *wire)
{
	static _Atomic unsigned count;
	unsigned nth = atomic_fetch_add(&count, 1);
	size_t len;
	const char *mail = texts_next(nth, &len);

	if (wire_say(wire, HEADER, what.from, what.to, nth, nth, (int)getpid()) < 0)
		return -1;
	return wire_write(wire, mail, len);
}

static void write_files(void)
{
	for (unsigned nth = 0; nth < (unsigned)what.messages; nth++) {
		char path[4096];
		size_t len;
		const char *mail = texts_next(nth, &len);
		snprintf(path, sizeof(path), "%s/%u", what.folder, nth);
		FILE *file = fopen(path, "we");
		if (!file ||
		    fprintf(file, HEADER, what.from, what.to, nth, nth, (int)getpid()) < 0 ||
		    fwrite(mail, 1, len - 3, file) != len - 3 || fclose(file) != 0)
			exit(1);
	}
}

static int send_one(struct wire *wire)
{
	if (command(wire, '2', "MAIL FROM:<%s>\r\n", what.from) < 0 ||
	    command(wire, '2', "RCPT TO:<%s>\r\n", what.to) < 0 ||
	    command(wire, '3', "DATA%s\r\n", "") < 0)
		return -1;
	if ((what.words ? write_words(wire) : wire_write(wire, text, text_len)) < 0)
		return trouble("message", NULL);
	return expect(wire, '2', "dot");
}

static bool take(void)
{
	return atomic_fetch_sub(&left, 1) > 0;
}

static int session(void)
{
	struct wire wire = { .fd = -1 };
	int result = begin(&wire);
	if (result == 0)
		do
			result = send_one(&wire);
		while (result == 0 && what.many && take());
	if (result == 0)
		result = command(&wire, '2', "QUIT%s\r\n", "");
	if (wire.fd >= 0)
		wire_finish(&wire);
	return result;
}

static void *run_sessions(void *arg)
{
	(void)arg;
	while (take() && session() == 0)
		;
	return NULL;
}

/* The buffer of a wire is needed only until its session is up. */
static void *open_idle(void *arg)
{
	(void)arg;
	while (take()) {
		struct wire wire = { .fd = -1 };
		if (begin(&wire) < 0)
			break;
	}
	return NULL;
}

static void run_threads(void *(*run)(void *arg), int count)
{
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	for (int i = 0; threads && i < count; i++)
		if (pthread_create(&threads[i], NULL, run, NULL) != 0)
			atomic_store(&failed, true);
	for (int i = 0; threads && i < count && !atomic_load(&failed); i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

/* A short header and lines of 78 octets, the final dot included. */
static void make_text(void)
{
	size_t room = what.length + what.length / 78 * 2 + 512, body;
	text = malloc(room);
	if (!text)
		exit(1);
	text_len = (size_t)snprintf(
		text, room,
		"From: <%s>\r\nTo: <%s>\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-Id: <bench@%s>\r\n\r\n",
		what.from, what.to, "client.example.com");
	for (body = 0; body < what.length; body += 80) {
		memset(text + text_len, 'X', 78);
		memcpy(text + text_len + 78, "\r\n", 2);
		text_len += 80;
	}
	memcpy(text + text_len, ".\r\n", 3);
	text_len += 3;
}

static void usage(void)
{
	fputs("usage: tls_source [-s SESSIONS] [-m MESSAGES] [-d] [-l OCTETS] [-f FROM] [-t TO] [-i IDLE] [-c] [-w] HOST PORT\n",
	      stderr);
	exit(64);
}

static void parse(int argc, char **argv)
{
	for (int option; (option = getopt(argc, argv, "s:m:l:f:t:i:o:dcw")) != -1;) {
		switch (option) {
		case 's':
			what.sessions = atoi(optarg);
			break;
		case 'm':
			what.messages = atoi(optarg);
			break;
		case 'l':
			what.length = strtoul(optarg, NULL, 10);
			break;
		case 'f':
			what.from = optarg;
			break;
		case 't':
			what.to = optarg;
			break;
		case 'i':
			what.idle = atoi(optarg);
			break;
		case 'd':
			what.many = true;
			break;
		case 'c':
			what.clear = true;
			break;
		case 'o':
			what.folder = optarg;
			what.words = true;
			break;
		case 'w':
			what.words = true;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 2)
		usage();
	what.host = argv[optind];
	what.port = atoi(argv[optind + 1]);
}

static void stay_idle(void)
{
	char byte;
	atomic_store(&left, what.idle);
	run_threads(open_idle, IDLE_THREADS);
	if (atomic_load(&failed))
		return;
	printf("idle %d\n", what.idle);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return 1;
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (what.words)
		texts_make(what.length);
	else
		make_text();
	if (what.folder) {
		write_files();
	} else if (what.idle) {
		stay_idle();
	} else {
		atomic_store(&left, what.messages);
		run_threads(run_sessions, what.sessions);
	}
	return atomic_load(&failed) ? 1 : 0;
}
