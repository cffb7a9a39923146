/* stream_end.c - how a stream ends: for want of movement, or after its last words are out. */
#include "loop/stream_private.h"

#include "base/list.h"

#include <poll.h>

static struct stream *stream_of(struct timer *timer)
{
	return list_of(timer, struct stream, timer);
}

static void timed_out(struct timer *timer);

static void arm(struct stream *stream, int64_t now, int64_t ms)
{
	stream->due = now + ms;
	if (timer_set(stream->worker, &stream->timer, ms, timed_out) < 0)
		stream_fail_errno(stream, ENOMEM);
}

/* The timer is not moved with each byte; it finds out here whether there were any. */
static void timed_out(struct timer *timer)
{
	struct stream *stream = stream_of(timer);
	int64_t now = worker_now(stream->worker), left = stream->active + stream->timeout - now;

	if (stream->timeout == 0)
		return;
	if (left > 0) {
		arm(stream, now, left);
		return;
	}
	stream->timeout = 0;
	stream_raise(stream, STREAM_TIMEOUT);
	stream_deliver(stream);
}

void stream_timeout(struct stream *stream, int64_t ms)
{
	int64_t now;

	stream->timeout = stream->phase == PHASE_ENDED ? 0 : ms;
	stream->events &= ~(1u << STREAM_TIMEOUT);
	if (stream->timeout == 0)
		return; /* a timer that is set fires for nothing, once */
	now = worker_now(stream->worker);
	stream->active = now;
	if (!timer_pending(&stream->timer) || stream->due > now + ms)
		arm(stream, now, ms);
}

static void linger_over(struct timer *timer)
{
	stream_destroy(stream_of(timer));
}

static void worker_ends(struct orphan *orphan)
{
	stream_destroy(list_of(orphan, struct stream, orphan));
}

/* Closing while input waits makes the kernel cut the connection, and the peer may lose our last
 * reply; a peer that still talks is therefore heard to its end. */
static void end_output(struct stream *stream)
{
	char heard[4096];

	stream_tls_close(stream, true);
	if (stream->eof || recv(stream->fd, heard, sizeof(heard), MSG_DONTWAIT) <= 0) {
		stream_destroy(stream);
		return;
	}
	shutdown(stream->fd, SHUT_WR);
	stream->shut = true;
}

static void lingering(struct stream *stream, enum stream_event event, void *arg)
{
	switch (event) {
	case STREAM_DATA:
		stream_consume(stream, buf_len(&stream->in));
		break;
	case STREAM_DRAINED:
		end_output(stream);
		break;
	case STREAM_EOF:
		if (stream->shut)
			stream_destroy(stream);
		break;
	case STREAM_ERROR:
		stream_destroy(stream);
		break;
	case STREAM_CONNECTED:
	case STREAM_TIMEOUT:
		break;
	}
}

void stream_finish(struct stream *stream, int64_t ms)
{
	if (stream->phase != PHASE_OPEN ||
	    timer_set(stream->worker, &stream->timer, ms, linger_over) < 0) {
		stream_destroy(stream);
		return;
	}
	stream_set_handler(stream, lingering, NULL);
	stream->orphan.end = worker_ends;
	worker_adopt(stream->worker, &stream->orphan);
	stream->timeout = 0;
	stream->events = 0;
	stream_consume(stream, buf_len(&stream->in));
	stream_resume(stream);
	/* STREAM_DRAINED follows, with or without output. */
	stream_flush_later(stream);
}

bool stream_peer_closed(const struct stream *stream)
{
	struct pollfd state = { .fd = stream->fd, .events = POLLRDHUP };
	return poll(&state, 1, 0) > 0;
}
