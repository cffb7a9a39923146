/* stream_connect.c - connecting, and who is at both ends. */
#include "loop/stream_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

static int open_socket(int family, const struct sockaddr *source, socklen_t source_len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (source == NULL)
		return fd;
	/* The port is chosen when the destination is known, so that ports do not run out per source
	 * alone. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, source, source_len) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void connected(struct stream *stream)
{
	stream->phase = PHASE_OPEN;
	stream_touch(stream);
	if (stream_want_write(stream, false) < 0 || stream_want_read(stream, true) < 0) {
		stream_fail_errno(stream, ENOMEM);
		return;
	}
	stream_raise_later(stream, STREAM_CONNECTED);
	if (stream->drain_due)
		stream_flush_later(stream);
}

void stream_connect_result(struct stream *stream)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error != 0)
		stream_fail_errno(stream, error);
	else
		connected(stream);
}

static void begin(struct stream *stream, const struct sockaddr *to, socklen_t to_len)
{
	stream->phase = PHASE_CONNECTING;
	if (connect(stream->fd, to, to_len) == 0)
		connected(stream);
	else if (errno != EINPROGRESS)
		stream_fail_errno(stream, errno);
	else if (stream_want_write(stream, true) < 0)
		stream_fail_errno(stream, ENOMEM);
}

struct stream *stream_connect(struct worker *worker, const struct sockaddr *to, socklen_t to_len,
			      const struct sockaddr *source, socklen_t source_len,
			      const struct stream_limits *limits, stream_handler *handler,
			      void *arg)
{
	int fd = open_socket(to->sa_family, source, source_len);
	struct stream *stream;

	if (fd < 0)
		return NULL;
	stream = stream_make(worker, fd, limits, handler, arg);
	if (stream == NULL) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	stream_end_set(&stream->peer, to);
	begin(stream, to, to_len);
	return stream;
}

void stream_end_set(struct stream_end *end, const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

	end->known = true;
	if (address->sa_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, end->text, sizeof(end->text));
		end->port = ntohs(v4->sin_port);
	} else if (address->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &v6->sin6_addr, end->text, sizeof(end->text));
		end->port = ntohs(v6->sin6_port);
	}
}

void stream_set_peer(struct stream *stream, const struct sockaddr *peer)
{
	stream_end_set(&stream->peer, peer);
}

typedef int ask_fn(int fd, struct sockaddr *address, socklen_t *len);

/* Few ask for our own end, and who accepted knows the other: it is looked up when somebody does. */
static const struct stream_end *look_up(const struct stream *stream, const struct stream_end *known,
					ask_fn *ask)
{
	struct stream_end *end = (struct stream_end *)(uintptr_t)known;
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (!end->known && ask(stream->fd, (struct sockaddr *)&address, &len) == 0)
		stream_end_set(end, (struct sockaddr *)&address);
	return end;
}

struct gw_str stream_peer(const struct stream *stream)
{
	return gw_str(look_up(stream, &stream->peer, getpeername)->text);
}

uint16_t stream_peer_port(const struct stream *stream)
{
	return look_up(stream, &stream->peer, getpeername)->port;
}

struct gw_str stream_local(const struct stream *stream)
{
	return gw_str(look_up(stream, &stream->local, getsockname)->text);
}

uint16_t stream_local_port(const struct stream *stream)
{
	return look_up(stream, &stream->local, getsockname)->port;
}

struct gw_str stream_error(const struct stream *stream)
{
	if (stream->phase != PHASE_ENDED)
		return gw_str("");
	return gw_str(stream->error != NULL ? stream->error : "out of memory");
}

int stream_errno(const struct stream *stream)
{
	return stream->error_number;
}

uint64_t stream_bytes_read(const struct stream *stream)
{
	return stream->bytes_read;
}

struct worker *stream_worker(const struct stream *stream)
{
	return stream->worker;
}
