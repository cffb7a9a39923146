/* stream_input.c - reading. */
#include "loop/stream_private.h"

#include <errno.h>

#define READ_CHUNK 16384
#define READ_CHUNK_BUSY 65536
#define READ_TURN 262144 /* most bytes of one stream in one turn, so that others get theirs */

static bool is_full(const struct stream *stream)
{
	return buf_len(&stream->in) >= stream->input_limit;
}

static bool is_blocked(const struct stream *stream)
{
	return stream->paused || is_full(stream);
}

static ssize_t read_clear(struct stream *stream, char *to, size_t len)
{
	ssize_t got;

	do
		got = recv(stream->fd, to, len, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return IO_BLOCKED;
	stream_fail_errno(stream, errno);
	return IO_FAILED;
}

/* How much to ask for: more when the last read was filled. */
static size_t next_chunk(const struct stream *stream)
{
	size_t room = stream->input_limit - buf_len(&stream->in);
	size_t chunk = stream->chunk != 0 ? stream->chunk : READ_CHUNK;

	return chunk < room ? chunk : room;
}

/* Each line of a dialogue needs memory for a moment, so the worker keeps some of it back. */
void stream_return_input(struct stream *stream)
{
	struct buf *spare = &stream->worker->spare;

	if (!spare->data && stream->in.capacity <= READ_CHUNK)
		buf_trade(&stream->in, spare);
	else
		buf_release(&stream->in);
}

static char *room_for_input(struct stream *stream, size_t len)
{
	if (!stream->in.data)
		buf_trade(&stream->in, &stream->worker->spare);
	return buf_reserve(&stream->in, len);
}

static ssize_t read_some(struct stream *stream, size_t len)
{
	char *to = room_for_input(stream, len);
	ssize_t got;

	if (to == NULL) {
		stream_give_up(stream);
		return IO_FAILED;
	}
	got = stream_in_tls(stream) ? stream_tls_read(stream, to, len)
				    : read_clear(stream, to, len);
	if (got > 0)
		buf_added(&stream->in, (size_t)got);
	stream->chunk = got == (ssize_t)len && len >= READ_CHUNK ? READ_CHUNK_BUSY : READ_CHUNK;
	return got;
}

/* Reads until the socket is empty, the input full, or the turn's share taken; a short read says the
 * socket is empty without asking again. The last result is given, the bytes are added to *total. */
static ssize_t read_turn(struct stream *stream, size_t *total)
{
	ssize_t got = IO_BLOCKED;
	size_t len;

	while (*total < READ_TURN && !is_full(stream)) {
		len = next_chunk(stream);
		got = read_some(stream, len);
		if (got <= 0)
			return got;
		*total += (size_t)got;
		if ((size_t)got < len && !stream_tls_pending(stream))
			return IO_BLOCKED;
	}
	if (is_full(stream)) {
		stream->stopped = true;
	} else if (stream_tls_pending(stream)) {
		stream->read_again = true;
		stream_queue_job(stream);
	}
	return got;
}

static void reached_eof(struct stream *stream)
{
	stream->eof = true;
	stream_want_read(stream, false);
	stream_raise(stream, STREAM_EOF);
}

void stream_fill(struct stream *stream)
{
	size_t total = 0;
	ssize_t last;

	stream->read_again = false;
	if (stream->eof)
		return;
	if (is_blocked(stream)) {
		/* Only now: a pause that ends before the peer sends costs no system call. */
		stream->stopped = true;
		stream_want_read(stream, false);
		return;
	}
	last = read_turn(stream, &total);
	if (total != 0) {
		stream->bytes_read += total;
		stream_touch(stream);
		stream_raise(stream, STREAM_DATA);
	}
	if (last == IO_EOF)
		reached_eof(stream);
}

void stream_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	stream->references++;
	if (stream->phase == PHASE_SHAKING) {
		stream_shake(stream);
	} else if (stream->phase == PHASE_CLEARING) {
		stream_want_read(stream, false); /* the handshake reads */
	} else {
		if (stream->write_wants_read)
			stream_flush(stream);
		if (stream->phase == PHASE_OPEN)
			stream_fill(stream);
	}
	stream_deliver(stream);
	stream_drop(stream);
}

/* Goes on reading once the reason to stop is gone; OpenSSL's own buffer is asked, since the socket
 * would not tell. */
static void unblock(struct stream *stream)
{
	if (!stream->stopped || is_blocked(stream) || stream->eof || stream->phase != PHASE_OPEN)
		return;
	stream->stopped = false;
	if (stream_want_read(stream, true) < 0) {
		stream_fail_errno(stream, ENOMEM);
		return;
	}
	if (stream_tls_pending(stream)) {
		stream->read_again = true;
		stream_queue_job(stream);
	}
}

struct gw_str stream_input(const struct stream *stream)
{
	return buf_str(&stream->in);
}

void stream_consume(struct stream *stream, size_t len)
{
	buf_consume(&stream->in, len);
	stream->scanned = stream->scanned > len ? stream->scanned - len : 0;
	unblock(stream);
}

/* The place of the first CRLF not before `from`, or the length. */
static size_t find_crlf(struct gw_str text, size_t from)
{
	const char *lf;

	while (from < text.len && (lf = memchr(text.ptr + from, '\n', text.len - from)) != NULL) {
		if (lf > text.ptr && lf[-1] == '\r')
			return (size_t)(lf - text.ptr) - 1;
		from = (size_t)(lf - text.ptr) + 1;
	}
	return text.len;
}

int stream_line(struct stream *stream, size_t max, struct gw_str *line)
{
	struct gw_str input = buf_str(&stream->in);
	size_t at = find_crlf(input, stream->scanned), len;

	if (at < input.len) {
		if (at > max)
			return -1;
		*line = gw_str_n(input.ptr, at);
		stream_consume(stream, at + 2);
		stream->scanned = 0;
		return 1;
	}
	stream->scanned = input.len;
	len = input.len > 0 && input.ptr[input.len - 1] == '\r' ? input.len - 1 : input.len;
	return len > max || is_full(stream) ? -1 : 0;
}

int stream_line_lf(struct stream *stream, size_t max, struct gw_str *line)
{
	struct gw_str rest = gw_str_from(buf_str(&stream->in), stream->scanned);
	size_t at = stream->scanned + gw_str_find(rest, '\n'), len = at;

	if (at == buf_len(&stream->in)) {
		stream->scanned = at;
		return at > max + 1 || is_full(stream) ? -1 : 0; /* a CR may be the last */
	}
	if (len > 0 && buf_ptr(&stream->in)[len - 1] == '\r')
		len--;
	if (len > max)
		return -1;
	*line = gw_str_n(buf_ptr(&stream->in), len);
	stream_consume(stream, at + 1);
	stream->scanned = 0;
	return 1;
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
}

void stream_resume(struct stream *stream)
{
	stream->paused = false;
	if (stream->phase == PHASE_ENDED)
		return;
	if (buf_len(&stream->in) != 0)
		stream_raise(stream, STREAM_DATA);
	if (stream->events != 0)
		stream_queue_job(stream);
	unblock(stream);
}
