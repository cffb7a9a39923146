/* stream.c - in the place of loop/stream*.c: what stream.h promises, between the gateway and
 * somebody of the test. */
#include "sim_private.h"

#include "loop/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_DEFAULT 65536
#define PAUSED_EVENTS (1u << STREAM_DATA | 1u << STREAM_EOF)

struct stream {
	struct worker *worker;
	struct peer_end *peer;
	stream_handler *handler;
	void *arg;
	unsigned references, events;
	bool dead, failed, paused, eof;
	bool tls, shaking, handshake_failed;
	bool drain_due, job_queued, flush_queued, lingers;
	struct post job, flush;
	struct buf in, out;
	size_t input_limit;
	const char *farewell;
	uint64_t bytes_read;
	const char *error;
	int error_number;
	struct timer timer;
	int64_t timeout, active;
	struct orphan orphan;
	char address[INET6_ADDRSTRLEN];
};

static struct list_link peers = { &peers, &peers };

/* --- events, as in loop/stream.c --- */

static void drop(struct stream *stream)
{
	if (--stream->references == 0)
		free(stream);
}

static void deliver(struct stream *stream)
{
	unsigned round = stream->events;

	stream->references++;
	for (int event = STREAM_CONNECTED; event <= STREAM_ERROR && !stream->dead; event++) {
		unsigned bit = 1u << event;

		if (!(round & stream->events & bit) || (stream->paused && (bit & PAUSED_EVENTS)))
			continue;
		stream->events &= ~bit;
		stream->handler(stream, (enum stream_event)event, stream->arg);
	}
	drop(stream);
}

static void run_job(struct post *post)
{
	struct stream *stream = list_of(post, struct stream, job);

	stream->job_queued = false;
	if (!stream->dead)
		deliver(stream);
	drop(stream);
}

static void queue_job(struct stream *stream)
{
	if (stream->job_queued)
		return;
	stream->job_queued = true;
	stream->references++;
	worker_later(stream->worker, TURN_EVENT, &stream->job);
}

static void stream_fails(struct stream *stream, int error)
{
	if (stream->failed)
		return;
	stream->failed = true;
	stream->error_number = error;
	stream->error = error ? strerror(error) : "handshake failed";
	timer_clear(&stream->timer);
	stream->timeout = 0;
	stream->events &= 1u << STREAM_DATA;
	stream->events |= 1u << STREAM_ERROR;
	queue_job(stream);
}

/* --- in --- */

static bool take_input(struct stream *stream)
{
	struct gw_str said = buf_str(&stream->peer->said);
	size_t room = stream->input_limit - buf_len(&stream->in);

	said.len = said.len < room ? said.len : room;
	if (!said.len)
		return false;
	buf_add_str(&stream->in, said);
	buf_consume(&stream->peer->said, said.len);
	stream->bytes_read += said.len;
	stream->active = worker_now(stream->worker);
	stream->events |= 1u << STREAM_DATA;
	return true;
}

/* Clear octets where a handshake should be end it. */
static bool shake(struct stream *stream)
{
	struct peer_end *peer = stream->peer;

	if (peer->bad_shake || buf_len(&peer->said) || peer->closed || peer->reset) {
		stream->handshake_failed = !peer->closed && !peer->reset;
		stream_fails(stream, peer->reset || peer->closed ? ECONNRESET : 0);
	} else if (peer->shaken) {
		stream->shaking = false;
		stream->tls = true;
		stream->events |= 1u << STREAM_CONNECTED;
	} else {
		return false;
	}
	return true;
}

static bool fill(struct stream *stream)
{
	struct peer_end *peer = stream->peer;
	bool any = take_input(stream);

	if (peer->reset) {
		stream_fails(stream, ECONNRESET);
		return true;
	}
	if (peer->closed && !stream->eof && !buf_len(&peer->said)) {
		stream->eof = any = true;
		stream->events |= 1u << STREAM_EOF;
	}
	return any;
}

static bool read_one(struct stream *stream)
{
	bool any = false;

	if (stream->failed)
		return false;
	if (stream->shaking)
		any = !stream->flush_queued && shake(stream);
	else if (!stream->paused && buf_len(&stream->in) < stream->input_limit)
		any = fill(stream);
	if (any)
		deliver(stream);
	return any;
}

bool streams_read(struct worker *worker)
{
	bool any = false;

	for (struct list_link *at = peers.next, *next; at != &peers; at = next) {
		struct peer_end *peer = list_of(at, struct peer_end, link);

		next = at->next; /* peers are forgotten by the test alone, between turns */
		if (peer->stream && peer->stream->worker == worker)
			any |= read_one(peer->stream);
	}
	return any;
}

struct gw_str stream_input(const struct stream *stream)
{
	return buf_str(&stream->in);
}

void stream_consume(struct stream *stream, size_t len)
{
	buf_consume(&stream->in, len);
}

static size_t find_crlf(struct gw_str text)
{
	for (size_t i = 1; i < text.len; i++)
		if (text.ptr[i] == '\n' && text.ptr[i - 1] == '\r')
			return i - 1;
	return text.len;
}

int stream_line(struct stream *stream, size_t max, struct gw_str *line)
{
	struct gw_str in = buf_str(&stream->in);
	size_t at = find_crlf(in), len = in.len;

	if (at < in.len) {
		*line = gw_str_n(in.ptr, at);
		if (at <= max)
			buf_consume(&stream->in, at + 2);
		return at <= max ? 1 : -1;
	}
	len -= len && in.ptr[len - 1] == '\r';
	return len > max || in.len >= stream->input_limit ? -1 : 0;
}

int stream_line_lf(struct stream *stream, size_t max, struct gw_str *line)
{
	struct gw_str in = buf_str(&stream->in);
	size_t at = gw_str_find(in, '\n'), len = at;

	if (at == in.len)
		return at > max + 1 || in.len >= stream->input_limit ? -1 : 0;
	len -= len && in.ptr[len - 1] == '\r';
	if (len > max)
		return -1;
	*line = gw_str_n(in.ptr, len);
	buf_consume(&stream->in, at + 1);
	return 1;
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
}

void stream_resume(struct stream *stream)
{
	stream->paused = false;
	if (stream->failed)
		return;
	if (buf_len(&stream->in))
		stream->events |= 1u << STREAM_DATA;
	if (stream->events)
		queue_job(stream);
}

/* --- out --- */

static void write_out(struct stream *stream)
{
	struct peer_end *peer = stream->peer;

	if (peer->reset && buf_len(&stream->out)) {
		stream_fails(stream, EPIPE);
		return;
	}
	if (peer->deaf)
		return;
	if (buf_len(&stream->out))
		stream->active = worker_now(stream->worker);
	buf_add_str(&peer->heard, buf_str(&stream->out));
	buf_consume(&stream->out, buf_len(&stream->out));
	buf_release(&stream->out);
	if (stream->drain_due)
		stream->events |= 1u << STREAM_DRAINED;
	stream->drain_due = false;
}

static void run_flush(struct post *post)
{
	struct stream *stream = list_of(post, struct stream, flush);

	stream->flush_queued = false;
	if (!stream->dead && !stream->failed) {
		write_out(stream);
		deliver(stream);
	}
	drop(stream);
}

static void queue_flush(struct stream *stream)
{
	if (stream->flush_queued)
		return;
	stream->flush_queued = true;
	stream->references++;
	worker_later(stream->worker, TURN_FLUSH, &stream->flush);
}

void stream_flush_later(struct stream *stream)
{
	if (stream->failed)
		return;
	stream->drain_due = true;
	queue_flush(stream);
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
	if (stream->failed)
		return 0;
	if (buf_add_str(&stream->out, bytes) < 0)
		return -1;
	stream_flush_later(stream);
	return 0;
}

int stream_writev(struct stream *stream, const struct iovec *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (stream_write(stream, gw_str_n(pieces[i].iov_base, pieces[i].iov_len)) < 0)
			return -1;
	return 0;
}

void stream_give_up(struct stream *stream)
{
	if (stream->farewell && !stream->failed && !stream->peer->deaf && !stream->peer->reset) {
		buf_add_str(&stream->peer->heard, buf_str(&stream->out));
		buf_add_text(&stream->peer->heard, stream->farewell);
	}
	stream->farewell = NULL;
	stream_fails(stream, ENOMEM);
}

bool stream_is_open(const struct stream *stream)
{
	return !stream->failed;
}

/* --- its beginning and end --- */

struct stream *stream_accept(struct worker *worker, int fd, const struct stream_limits *limits,
			     stream_handler *handler, void *arg)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	stream->worker = worker;
	stream->peer = peer_of(fd);
	stream->handler = handler;
	stream->arg = arg;
	stream->references = 1;
	stream->job.run = run_job;
	stream->flush.run = run_flush;
	stream->input_limit = limits->input ? limits->input : INPUT_DEFAULT;
	stream->farewell = limits->farewell;
	stream->active = worker_now(worker);
	buf_init(&stream->in, 0);
	buf_init(&stream->out, limits->output);
	stream->peer->stream = stream;
	return stream;
}

struct stream *stream_connect(struct worker *worker, const struct sockaddr *to, socklen_t to_len,
			      const struct sockaddr *source, socklen_t source_len,
			      const struct stream_limits *limits, stream_handler *handler,
			      void *arg)
{
	errno = ECONNREFUSED; /* there is no next hop in this world yet */
	return NULL;
}

void stream_set_handler(struct stream *stream, stream_handler *handler, void *arg)
{
	stream->handler = handler;
	stream->arg = arg;
}

void stream_destroy(struct stream *stream)
{
	if (!stream)
		return;
	stream->dead = true;
	worker_disown(&stream->orphan);
	timer_clear(&stream->timer);
	stream->peer->stream = NULL;
	stream->peer->left = true;
	buf_finish(&stream->in);
	buf_finish(&stream->out);
	drop(stream);
}

static void linger_over(struct timer *timer)
{
	stream_destroy(list_of(timer, struct stream, timer));
}

static void worker_ends(struct orphan *orphan)
{
	stream_destroy(list_of(orphan, struct stream, orphan));
}

static void lingering(struct stream *stream, enum stream_event event, void *arg)
{
	if (event == STREAM_DATA)
		stream_consume(stream, buf_len(&stream->in));
	else if (event == STREAM_DRAINED || event == STREAM_ERROR)
		stream_destroy(stream);
}

void stream_finish(struct stream *stream, int64_t ms)
{
	if (stream->failed || stream->shaking) {
		stream_destroy(stream);
		return;
	}
	timer_set(stream->worker, &stream->timer, ms, linger_over);
	stream_set_handler(stream, lingering, NULL);
	stream->orphan.end = worker_ends;
	worker_adopt(stream->worker, &stream->orphan);
	stream->timeout = 0;
	stream->events = 0;
	stream_consume(stream, buf_len(&stream->in));
	stream_resume(stream);
	stream_flush_later(stream);
}

/* --- time --- */

static void timed_out(struct timer *timer)
{
	struct stream *stream = list_of(timer, struct stream, timer);
	int64_t left = stream->active + stream->timeout - worker_now(stream->worker);

	if (!stream->timeout)
		return;
	if (left > 0) {
		timer_set(stream->worker, timer, left, timed_out);
		return;
	}
	stream->timeout = 0;
	stream->events |= 1u << STREAM_TIMEOUT;
	deliver(stream);
}

void stream_timeout(struct stream *stream, int64_t ms)
{
	stream->timeout = stream->failed ? 0 : ms;
	stream->events &= ~(1u << STREAM_TIMEOUT);
	if (!stream->timeout)
		return;
	stream->active = worker_now(stream->worker);
	timer_set(stream->worker, &stream->timer, ms, timed_out);
}

/* --- TLS --- */

int stream_start_tls_server(struct stream *stream, struct tls_context *tls)
{
	bool left = buf_len(&stream->in) != 0;

	stream_consume(stream, buf_len(&stream->in));
	stream->shaking = true;
	queue_flush(stream);
	return left;
}

int stream_start_tls_client(struct stream *stream, struct tls_context *tls,
			    const struct tls_demand *demand)
{
	return stream_start_tls_server(stream, tls);
}

bool stream_is_tls(const struct stream *stream)
{
	return stream->tls;
}

enum tls_check stream_tls_proven(const struct stream *stream)
{
	return TLS_CHECK_NOTHING;
}

struct gw_str stream_tls_doubt(const struct stream *stream)
{
	return gw_str("");
}

const char *stream_tls_failure(const struct stream *stream)
{
	return NULL;
}

struct gw_str stream_tls_fingerprint(const struct stream *stream)
{
	return gw_str("");
}

struct gw_str stream_tls_subject(const struct stream *stream)
{
	return gw_str("");
}

bool stream_handshake_failed(const struct stream *stream)
{
	return stream->handshake_failed;
}

struct gw_str stream_tls_text(const struct stream *stream)
{
	return gw_str(stream->tls ? "TLSv1.3 SIMULATED" : "");
}

size_t stream_binding(const struct stream *stream, enum stream_binding which,
		      char octets[STREAM_BINDING_MAX])
{
	return 0;
}

/* --- who --- */

struct gw_str stream_error(const struct stream *stream)
{
	return gw_str(stream->error);
}

int stream_errno(const struct stream *stream)
{
	return stream->error_number;
}

bool stream_peer_closed(const struct stream *stream)
{
	return stream->peer->closed || stream->peer->reset;
}

struct gw_str stream_peer(const struct stream *stream)
{
	return gw_str(stream->address);
}

struct gw_str stream_local(const struct stream *stream)
{
	return gw_str("192.0.2.25");
}

uint16_t stream_peer_port(const struct stream *stream)
{
	return 40000;
}

uint16_t stream_local_port(const struct stream *stream)
{
	return 25;
}

void stream_set_peer(struct stream *stream, const struct sockaddr *peer)
{
	inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, stream->address,
		  sizeof(stream->address));
}

uint64_t stream_bytes_read(const struct stream *stream)
{
	return stream->bytes_read;
}

struct worker *stream_worker(const struct stream *stream)
{
	return stream->worker;
}

/* --- the other end --- */

void peer_enter(struct peer_end *peer)
{
	list_add(&peers, &peer->link);
}

struct peer_end *peer_of(int fd)
{
	for (struct list_link *at = peers.next; at != &peers; at = at->next)
		if (list_of(at, struct peer_end, link)->fd == fd)
			return list_of(at, struct peer_end, link);
	fail_msg("descriptor %d is nobody's", fd);
	return NULL;
}

void peer_forget(struct peer_end *peer)
{
	if (!peer)
		return;
	assert_true(peer->left);
	list_take(&peer->link);
	buf_finish(&peer->said);
	buf_finish(&peer->heard);
	free(peer);
}

void peer_say_bytes(struct peer_end *peer, const void *bytes, size_t len)
{
	if (!peer->left)
		buf_add(&peer->said, bytes, len);
}

void peer_say(struct peer_end *peer, const char *text)
{
	peer_say_bytes(peer, text, strlen(text));
}

void peer_close(struct peer_end *peer)
{
	peer->closed = true;
}

void peer_reset(struct peer_end *peer)
{
	peer->reset = true;
	if (peer->stream && !peer->stream->failed && buf_len(&peer->stream->out))
		queue_flush(peer->stream); /* what waits to be written is told of it */
}

void peer_deaf(struct peer_end *peer, bool deaf)
{
	peer->deaf = deaf;
	if (!deaf && peer->stream && !peer->stream->failed && buf_len(&peer->stream->out))
		queue_flush(peer->stream);
}

void peer_shake(struct peer_end *peer, bool good)
{
	peer->shaken = good;
	peer->bad_shake = !good;
}

struct gw_str peer_heard(const struct peer_end *peer)
{
	return buf_str(&peer->heard);
}

void peer_forget_heard(struct peer_end *peer)
{
	buf_clear(&peer->heard);
}

bool peer_is_left(const struct peer_end *peer)
{
	return peer->left;
}

size_t peers_open(void)
{
	size_t count = 0;

	for (struct list_link *at = peers.next; at != &peers; at = at->next)
		count += list_of(at, struct peer_end, link)->stream != NULL;
	return count;
}
