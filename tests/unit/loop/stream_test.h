/* stream_test.h - a stream whose events are written down, and pairs of them. */
#ifndef STREAM_TEST_H
#define STREAM_TEST_H

#include "loop_test.h"

#include "loop/stream.h"

#include <fcntl.h>

/* One stream under test. Input is gathered in `got` unless `keep` leaves it in the stream; `event`
 * may do more. */
struct side {
	struct worker *worker;
	struct stream *stream;
	struct stream_limits limits;
	char told[64]; /* a letter an event: C D W(drained) E T X(error) */
	unsigned count[6];
	struct buf got;
	bool keep;
	char error[256];
	void (*event)(struct side *side, enum stream_event event);
	int64_t number; /* of the test */
};

UNUSED static void side_handler(struct stream *stream, enum stream_event event, void *arg)
{
	struct side *side = arg;
	size_t len = strlen(side->told);

	assert_ptr_equal(stream, side->stream);
	side->count[event]++;
	if (len + 1 < sizeof(side->told))
		side->told[len] = "CDWETX"[event];
	if (event == STREAM_DATA && !side->keep) {
		buf_add_str(&side->got, stream_input(stream));
		stream_consume(stream, stream_input(stream).len);
	}
	if (event == STREAM_ERROR)
		snprintf(side->error, sizeof(side->error), "%s", stream_error(stream).ptr);
	if (side->event != NULL)
		side->event(side, event);
}

UNUSED static void side_finish(struct side *side)
{
	stream_destroy(side->stream);
	side->stream = NULL;
	buf_finish(&side->got);
}

struct pair {
	struct worker *worker;
	struct side a, b;
	int fd; /* of a pair with a bare socket at the other end; else -1 */
};

UNUSED static void side_accept(struct pair *pair, struct side *side, int fd)
{
	side->worker = pair->worker;
	side->stream = stream_accept(pair->worker, fd, &side->limits, side_handler, side);
	assert_non_null(side->stream);
}

/* Two connected sockets over 127.0.0.1. */
UNUSED static void tcp_pair(int fds[2])
{
	struct sockaddr_in address = loopback(0);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listening, 1), 0);
	address.sin_port = htons(port_of(listening));
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&address, sizeof(address)), 0);
	fds[1] = accept(listening, NULL, NULL);
	assert_true(fds[1] >= 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	close(listening);
}

UNUSED static struct pair *pair_create(bool bare)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int fds[2];

	tcp_pair(fds);
	pair->worker = worker_create(0);
	pair->fd = bare ? fds[1] : -1;
	side_accept(pair, &pair->a, fds[0]);
	if (!bare)
		side_accept(pair, &pair->b, fds[1]);
	return pair;
}

UNUSED static int set_up_pair(void **state)
{
	*state = pair_create(false);
	return 0;
}

/* Stream `a` and the bare socket `fd`. */
UNUSED static int set_up_bare(void **state)
{
	*state = pair_create(true);
	return 0;
}

UNUSED static int tear_down_pair(void **state)
{
	struct pair *pair = *state;

	side_finish(&pair->a);
	side_finish(&pair->b);
	if (pair->fd >= 0)
		close(pair->fd);
	worker_destroy(pair->worker);
	free(pair);
	return 0;
}

struct expected {
	struct side *side;
	size_t length;
	enum stream_event event;
	unsigned times;
};

UNUSED static bool has_length(void *arg)
{
	struct expected *expected = arg;

	return buf_len(&expected->side->got) >= expected->length;
}

UNUSED static bool has_event(void *arg)
{
	struct expected *expected = arg;

	return expected->side->count[expected->event] >= expected->times;
}

UNUSED static void await_length(struct side *side, size_t length)
{
	struct expected expected = { .side = side, .length = length };

	assert_true(run_until(side->worker, has_length, &expected));
}

UNUSED static void await_event(struct side *side, enum stream_event event)
{
	struct expected expected = { .side = side, .event = event, .times = 1 };

	assert_true(run_until(side->worker, has_event, &expected));
}

UNUSED static void assert_got(struct side *side, const char *text)
{
	assert_int_equal(buf_len(&side->got), strlen(text));
	assert_memory_equal(buf_ptr(&side->got), text, strlen(text));
}

/* Bytes that tell their place, so that what is lost or out of order shows. */
UNUSED static char *pattern(size_t len)
{
	char *bytes = malloc(len);
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
	return bytes;
}

#endif
