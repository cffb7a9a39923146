#include "exchange.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER 12

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_ready(int fd, short events, int64_t until)
{
	struct pollfd wait = { .fd = fd, .events = events };
	int64_t left = until - now_ms();

	return left > 0 && poll(&wait, 1, (int)left) == 1;
}

/* The id, and the name and type as they were asked, in whatever case. */
static bool answers(const unsigned char *answer, size_t got, const unsigned char *question,
		    size_t len)
{
	size_t i;

	if (got < len || memcmp(answer, question, 2) != 0 || !(answer[2] & 0x80))
		return false;
	for (i = HEADER; i < len; i++)
		if (tolower(answer[i]) != tolower(question[i]))
			return false;
	return true;
}

bool name_server_read(struct name_server *server, const char *address, uint16_t port)
{
	*server = (struct name_server){ 0 };
	if (inet_pton(AF_INET, address, &server->four.sin_addr) == 1) {
		server->four.sin_family = AF_INET;
		server->four.sin_port = htons(port);
		server->size = sizeof server->four;
	} else if (inet_pton(AF_INET6, address, &server->six.sin6_addr) == 1) {
		server->six.sin6_family = AF_INET6;
		server->six.sin6_port = htons(port);
		server->size = sizeof server->six;
	}
	return server->size != 0;
}

/* This machine has no address of that kind, or no way there. */
static bool is_no_route(int error)
{
	return error == EAFNOSUPPORT || error == ENETUNREACH || error == EADDRNOTAVAIL ||
	       error == EHOSTUNREACH;
}

/* -1; EXCHANGE_NO_ROUTE. */
static int socket_to(const struct name_server *server, int type, int64_t until)
{
	int fd = socket(server->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0;
	socklen_t size = sizeof error;

	if (fd < 0)
		return is_no_route(errno) ? EXCHANGE_NO_ROUTE : -1;
	if (connect(fd, &server->any, server->size) == 0)
		return fd;
	if (is_no_route(errno)) {
		close(fd);
		return EXCHANGE_NO_ROUTE;
	}
	if (errno == EINPROGRESS && is_ready(fd, POLLOUT, until) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
		return fd;
	close(fd);
	return -1;
}

/* --- UDP --- */

static int one_datagram(int fd, const unsigned char *question, size_t len, unsigned char *answer,
			size_t size, int64_t until)
{
	if (send(fd, question, len, MSG_NOSIGNAL) != (ssize_t)len)
		return -1;
	while (is_ready(fd, POLLIN, until)) {
		ssize_t got = recv(fd, answer, size, 0);

		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -1; /* nobody is there */
		if (got > 0 && answers(answer, (size_t)got, question, len))
			return (int)got;
	}
	return -1;
}

static int by_datagrams(const struct name_server *server, const unsigned char *question, size_t len,
			unsigned char *answer, size_t size, int64_t until)
{
	int fd = socket_to(server, SOCK_DGRAM, until), got = -1;
	int64_t begun = now_ms(), half = begun + (until - begun) / 2;

	if (fd < 0)
		return fd;
	got = one_datagram(fd, question, len, answer, size, half);
	if (got < 0 && now_ms() >= half) /* a packet may be lost */
		got = one_datagram(fd, question, len, answer, size, until);
	close(fd);
	return got;
}

/* --- TCP: each side's octets behind their number, RFC 1035 section 4.2.2 --- */

static bool put(int fd, const unsigned char *from, size_t len, int64_t until)
{
	while (len > 0 && is_ready(fd, POLLOUT, until)) {
		ssize_t put = send(fd, from, len, MSG_NOSIGNAL);

		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		from += put > 0 ? put : 0;
		len -= put > 0 ? (size_t)put : 0;
	}
	return len == 0;
}

static bool get(int fd, unsigned char *to, size_t len, int64_t until)
{
	while (len > 0 && is_ready(fd, POLLIN, until)) {
		ssize_t got = recv(fd, to, len, 0);

		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		to += got > 0 ? got : 0;
		len -= got > 0 ? (size_t)got : 0;
	}
	return len == 0;
}

static int by_stream(const struct name_server *server, const unsigned char *question, size_t len,
		     unsigned char *answer, size_t size, int64_t until)
{
	unsigned char count[2] = { (unsigned char)(len >> 8), (unsigned char)len };
	int fd = socket_to(server, SOCK_STREAM, until);
	size_t got = 0;

	if (fd < 0)
		return -1;
	if (put(fd, count, 2, until) && put(fd, question, len, until) && get(fd, count, 2, until)) {
		got = (size_t)count[0] << 8 | count[1];
		got = got <= size && get(fd, answer, got, until) ? got : 0;
	}
	close(fd);
	return got && answers(answer, got, question, len) ? (int)got : -1;
}

int exchange(const struct name_server *server, const unsigned char *question, size_t len,
	     unsigned char *answer, size_t size, int ms)
{
	int64_t until = now_ms() + ms;
	int got = by_datagrams(server, question, len, answer, size, until);

	if (got > 2 && answer[2] & 0x02) /* TC */
		got = by_stream(server, question, len, answer, size, until);
	return got;
}
