/* stream_output.c - writing: put off to the end of the turn, and waited for only when the socket is
 * full. */
#include "loop/stream_private.h"

#include "base/list.h"

#include <errno.h>

/* Pieces that are less together are copied: they leave with what else the turn writes. */
#define DIRECT_LEAST 4096
#define DIRECT_PIECES 64

static ssize_t write_result(struct stream *stream, ssize_t put)
{
	int error = errno;

	if (put >= 0)
		return put;
	if (error == EAGAIN || error == EWOULDBLOCK)
		return IO_BLOCKED;
	/* What the peer said before it left is worth more than that it left. */
	if (stream->phase == PHASE_OPEN && !stream->paused)
		stream_fill(stream);
	stream_fail_errno(stream, error);
	return IO_FAILED;
}

static ssize_t write_pieces(struct stream *stream, struct iovec *pieces, size_t count)
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };
	ssize_t put;

	do
		put = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (put < 0 && errno == EINTR);
	return write_result(stream, put);
}

static ssize_t write_some(struct stream *stream, const char *from, size_t len)
{
	struct iovec piece = { (char *)(uintptr_t)from, len };

	if (stream_in_tls(stream) && stream->phase == PHASE_OPEN)
		return stream_tls_write(stream, from, len);
	return write_pieces(stream, &piece, 1);
}

/* Writes up to `len` of what is waiting; what remained. */
static size_t write_out(struct stream *stream, size_t len)
{
	ssize_t put;

	while (len != 0) {
		put = write_some(stream, buf_ptr(&stream->out), len);
		if (put <= 0)
			break;
		buf_consume(&stream->out, (size_t)put);
		len -= (size_t)put;
		stream_touch(stream);
	}
	return len;
}

static void wait_or_rest(struct stream *stream)
{
	bool left = buf_len(&stream->out) != 0;

	if (stream->phase == PHASE_ENDED)
		return;
	if (stream_want_write(stream, left && !stream->write_wants_read) < 0)
		stream_fail_errno(stream, ENOMEM);
	if (left)
		return;
	buf_release(&stream->out);
	if (stream->drain_due)
		stream_raise(stream, STREAM_DRAINED);
	stream->drain_due = false;
}

void stream_flush(struct stream *stream)
{
	stream->write_wants_read = false;
	if (stream->phase == PHASE_OPEN) {
		write_out(stream, buf_len(&stream->out));
		wait_or_rest(stream);
	} else if (stream->phase == PHASE_CLEARING) {
		stream->clear_left = write_out(stream, stream->clear_left);
		wait_or_rest(stream);
		if (stream->clear_left == 0 && stream->phase == PHASE_CLEARING) {
			stream->phase = PHASE_SHAKING;
			stream_shake(stream);
		}
	}
}

void stream_flush_post(struct post *post)
{
	struct stream *stream = list_of(post, struct stream, flush);

	stream->flush_queued = false;
	if (!stream->dead) {
		if (!stream->writing && !stream->write_wants_read)
			stream_flush(stream);
		stream_deliver(stream);
	}
	stream_drop(stream);
}

void stream_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	stream->references++;
	if (stream->phase == PHASE_CONNECTING) {
		stream_connect_result(stream);
	} else if (stream->phase == PHASE_SHAKING) {
		stream_shake(stream);
	} else {
		if (stream->read_wants_write && stream->phase == PHASE_OPEN) {
			stream->read_wants_write = false;
			stream_fill(stream);
		}
		stream_flush(stream);
	}
	stream_deliver(stream);
	stream_drop(stream);
}

void stream_queue_flush(struct stream *stream)
{
	/* An event that waits to write takes it along. */
	if (stream->flush_queued || stream->writing)
		return;
	stream->flush_queued = true;
	stream->references++;
	worker_later(stream->worker, TURN_FLUSH, &stream->flush);
}

void stream_flush_later(struct stream *stream)
{
	if (stream->phase == PHASE_ENDED)
		return;
	stream->drain_due = true;
	stream_queue_flush(stream);
}

struct buf *stream_output(struct stream *stream)
{
	return &stream->out;
}

size_t stream_unwritten(const struct stream *stream)
{
	return buf_len(&stream->out);
}

int stream_write(struct stream *stream, struct gw_str bytes)
{
	if (stream->phase == PHASE_ENDED)
		return 0; /* STREAM_ERROR is on its way or was told */
	if (buf_add_str(&stream->out, bytes) < 0)
		return -1;
	stream_flush_later(stream);
	return 0;
}

/* A write that fails reads what there is, for which there may be no memory either: so it is tried
 * once. */
void stream_give_up(struct stream *stream)
{
	const char *farewell = stream->farewell;

	stream->farewell = NULL;
	if (stream->phase == PHASE_OPEN && farewell != NULL &&
	    write_out(stream, buf_len(&stream->out)) == 0)
		write_some(stream, farewell, strlen(farewell));
	stream_fail_errno(stream, ENOMEM);
}

bool stream_is_open(const struct stream *stream)
{
	return stream->phase != PHASE_ENDED;
}

static size_t total_of(const struct iovec *pieces, size_t count)
{
	size_t total = 0, i;

	for (i = 0; i < count; i++)
		total += pieces[i].iov_len;
	return total;
}

/* Appends the pieces without their first `skip` bytes. */
static int copy_rest(struct stream *stream, const struct iovec *pieces, size_t count, size_t skip)
{
	size_t i, part;

	for (i = 0; i < count; i++) {
		part = skip < pieces[i].iov_len ? skip : pieces[i].iov_len;
		skip -= part;
		if (part < pieces[i].iov_len &&
		    buf_add(&stream->out, (char *)pieces[i].iov_base + part,
			    pieces[i].iov_len - part) < 0)
			return -1;
	}
	return 0;
}

/* What was appended and the pieces, in one call; how much of the pieces went. */
static size_t write_direct(struct stream *stream, const struct iovec *pieces, size_t count)
{
	struct iovec all[DIRECT_PIECES + 1];
	size_t before = buf_len(&stream->out), first = 0;
	ssize_t put;

	if (before != 0)
		all[first++] = (struct iovec){ buf_ptr(&stream->out), before };
	memcpy(all + first, pieces, count * sizeof(*pieces));
	put = write_pieces(stream, all, first + count);
	if (put <= 0)
		return 0;
	stream_touch(stream);
	buf_consume(&stream->out, (size_t)put < before ? (size_t)put : before);
	return (size_t)put < before ? 0 : (size_t)put - before;
}

static bool goes_direct(const struct stream *stream, const struct iovec *pieces, size_t count)
{
	return stream->phase == PHASE_OPEN && !stream_in_tls(stream) && !stream->writing &&
	       count <= DIRECT_PIECES && total_of(pieces, count) >= DIRECT_LEAST;
}

int stream_writev(struct stream *stream, const struct iovec *pieces, size_t count)
{
	size_t done = 0;

	if (goes_direct(stream, pieces, count))
		done = write_direct(stream, pieces, count);
	if (stream->phase == PHASE_ENDED)
		return 0;
	if (copy_rest(stream, pieces, count, done) < 0)
		return -1;
	stream_flush_later(stream);
	return 0;
}
