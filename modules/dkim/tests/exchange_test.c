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
	struct name_server address;
	pthread_t thread;
};

static void answer_of(unsigned char answer[LEN + 4])
{
	memcpy(answer, question, LEN);
	memcpy(answer + LEN, "rest", 4);
	answer[2] = 0x84;
}

static void reply(const struct server *server, const struct name_server *to)
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
		sendto(server->datagrams, answer, sizeof answer, 0, &to->any, to->size);
		answer[0] ^= 1;
	}
	if (server->way != SILENT)
		sendto(server->datagrams, answer, sizeof answer, 0, &to->any, to->size);
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
	struct name_server from = { .size = sizeof from.six };
	int fd;

	if (recvfrom(server->datagrams, asked, sizeof asked, 0, &from.any, &from.size) > 0)
		reply(server, &from);
	if (server->way < CUT || (fd = accept(server->stream, NULL, NULL)) < 0)
		return NULL;
	stream_reply(server, fd);
	while (recv(fd, asked, sizeof asked, 0) > 0) /* until the other side has enough */
		;
	close(fd);
	return NULL;
}

static void begin(struct server *server, enum way way, const char *host)
{
	struct name_server *address = &server->address;

	*server = (struct server){ .way = way };
	assert_true(name_server_read(address, host, 0));
	server->datagrams = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	server->stream = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->stream, &address->any, address->size), 0);
	assert_int_equal(getsockname(server->stream, &address->any, &address->size), 0);
	assert_int_equal(bind(server->datagrams, &address->any, address->size), 0);
	assert_int_equal(listen(server->stream, 1), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static int asked_at(const char *host, enum way way, int ms)
{
	struct server server;
	unsigned char answer[512] = { 0 };
	int got;

	begin(&server, way, host);
	got = exchange(&server.address, question, LEN, answer, sizeof answer, ms);
	pthread_join(server.thread, NULL);
	close(server.datagrams);
	close(server.stream);
	if (got > 0)
		assert_memory_equal(answer + LEN, "rest", 4);
	return got;
}

static int asked(enum way way, int ms)
{
	return asked_at("127.0.0.1", way, ms);
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

static bool has_six(void)
{
	struct sockaddr_in6 here = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && bind(fd, (void *)&here, sizeof here) == 0;

	if (fd >= 0)
		close(fd);
	return has;
}

static void either_family_is_asked(void **state)
{
	(void)state;
	if (!has_six())
		skip();
	assert_int_equal(asked_at("::1", GOOD, LONG), LEN + 4);
	assert_int_equal(asked_at("::1", CUT, LONG), LEN + 4);
	assert_int_equal(asked_at("::1", SILENT, BRIEF), -1);
}

/* Nothing leads to a link that this machine does not have. */
static void where_no_way_leads_nothing_is_sent(void **state)
{
	unsigned char answer[512];
	struct name_server server;

	(void)state;
	assert_false(name_server_read(&server, "no address", 53));
	assert_true(name_server_read(&server, "::", 53));
	server.six.sin6_addr = (struct in6_addr){ { { 0xfe, 0x80, [15] = 1 } } };
	server.six.sin6_scope_id = 0x7ffffff0;
	assert_int_equal(exchange(&server, question, LEN, answer, sizeof answer, BRIEF),
			 EXCHANGE_NO_ROUTE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_to_this_question_is_taken),
		cmocka_unit_test(what_is_cut_is_asked_over_a_stream),
		cmocka_unit_test(nobody_holds_it_beyond_its_time),
		cmocka_unit_test(either_family_is_asked),
		cmocka_unit_test(where_no_way_leads_nothing_is_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
