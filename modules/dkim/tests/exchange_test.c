/* exchange_test.c - a name server that does what it likes: lies, cuts, is silent, drips. */
#include "exchange.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

/* "ab.": a TXT record is asked for, id 0x1234. */
static const unsigned char question[] = { 0x12, 0x34, 0, 0,   0,   1, 0, 0,  0, 0,
					  0,    0,    2, 'a', 'b', 0, 0, 16, 0, 1 };
#define LEN sizeof(question)

enum way {
	GOOD,
	OTHER_CASE,
	WRONG_FIRST,
	OTHER_QUESTION,
	SILENT,
	CUT,
	CUT_SILENT,
	CUT_SHORT,
	CUT_HUGE
};

struct server {
	enum way way;
	int datagrams, stream;
	struct sockaddr_in address;
	pthread_t thread;
};

static void answer_of(unsigned char answer[LEN + 4])
{
	memcpy(answer, question, LEN);
	memcpy(answer + LEN, "rest", 4);
	answer[2] = 0x84;
}

static void reply(const struct server *server, const struct sockaddr_in *to)
{
	unsigned char answer[LEN + 4];

	answer_of(answer);
	if (server->way >= CUT)
		answer[2] |= 0x02;
	if (server->way == OTHER_CASE)
		answer[13] = 'A';
	if (server->way == OTHER_QUESTION)
		answer[13] = 'x';
	if (server->way == WRONG_FIRST) {
		answer[0] ^= 1;
		sendto(server->datagrams, answer, sizeof answer, 0, (const void *)to, sizeof *to);
		answer[0] ^= 1;
	}
	if (server->way != SILENT)
		sendto(server->datagrams, answer, sizeof answer, 0, (const void *)to, sizeof *to);
}

static void stream_reply(const struct server *server, int fd)
{
	unsigned char answer[2 + LEN + 4] = { 0, LEN + 4 };

	answer_of(answer + 2);
	if (server->way == CUT_HUGE)
		answer[0] = 0xff;
	if (server->way != CUT_SILENT)
		send(fd, answer, server->way == CUT_SHORT ? 8 : sizeof answer, MSG_NOSIGNAL);
}

/* Until the test shuts its sockets down. */
static void *serve(void *arg)
{
	struct server *server = arg;
	unsigned char asked[100];
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	int fd;

	if (recvfrom(server->datagrams, asked, sizeof asked, 0, (void *)&from, &size) > 0)
		reply(server, &from);
	if (server->way < CUT || (fd = accept(server->stream, NULL, NULL)) < 0)
		return NULL;
	stream_reply(server, fd);
	while (recv(fd, asked, sizeof asked, 0) > 0) /* until the other side has enough */
		;
	close(fd);
	return NULL;
}

static void begin(struct server *server, enum way way)
{
	socklen_t size = sizeof server->address;

	*server = (struct server){ .way = way };
	server->address.sin_family = AF_INET;
	server->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	server->stream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->stream, (void *)&server->address, size), 0);
	assert_int_equal(getsockname(server->stream, (void *)&server->address, &size), 0);
	assert_int_equal(bind(server->datagrams, (void *)&server->address, size), 0);
	assert_int_equal(listen(server->stream, 1), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static int asked(enum way way, int ms)
{
	struct server server;
	unsigned char answer[512] = { 0 };
	int got;

	begin(&server, way);
	got = exchange(&server.address, question, LEN, answer, sizeof answer, ms);
	pthread_join(server.thread, NULL);
	close(server.datagrams);
	close(server.stream);
	if (got > 0)
		assert_memory_equal(answer + LEN, "rest", 4);
	return got;
}

#define LONG 10000 /* never waited for: it ends with the answer */
#define BRIEF 100

static void an_answer_to_this_question_is_taken(void **state)
{
	(void)state;
	assert_int_equal(asked(GOOD, LONG), LEN + 4);
	assert_int_equal(asked(OTHER_CASE, LONG), LEN + 4);
	assert_int_equal(asked(WRONG_FIRST, LONG), LEN + 4);
	assert_int_equal(asked(OTHER_QUESTION, BRIEF), -1);
}

static void what_is_cut_is_asked_over_a_stream(void **state)
{
	(void)state;
	assert_int_equal(asked(CUT, LONG), LEN + 4);
	assert_int_equal(asked(CUT_SHORT, BRIEF), -1);
	assert_int_equal(asked(CUT_HUGE, LONG),
			 -1); /* more than there is room for is not awaited */
}

static void nobody_holds_it_beyond_its_time(void **state)
{
	(void)state;
	assert_int_equal(asked(SILENT, BRIEF), -1);
	assert_int_equal(asked(CUT_SILENT, BRIEF), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_to_this_question_is_taken),
		cmocka_unit_test(what_is_cut_is_asked_over_a_stream),
		cmocka_unit_test(nobody_holds_it_beyond_its_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
