#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address_of(const char *host, int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	inet_pton(AF_INET, host, &address.sin_addr);
	return address;
}

static void no_delay(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int wire_connect(const char *host, int port)
{
	struct sockaddr_in address = address_of(host, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		no_delay(fd);
		return fd;
	}
	close(fd);
	return -1;
}

int wire_listen(const char *host, int port)
{
	struct sockaddr_in address = address_of(host, port);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 4096) == 0)
		return fd;
	close(fd);
	return -1;
}

void wire_init(struct wire *wire, int fd)
{
	wire->fd = fd;
	wire->ssl = NULL;
	wire->start = wire->end = 0;
}

void wire_finish(struct wire *wire)
{
	if (wire->ssl) {
		SSL_shutdown(wire->ssl);
		SSL_free(wire->ssl);
	}
	close(wire->fd);
}

int wire_tls(struct wire *wire, SSL_CTX *context, bool server)
{
	wire->ssl = SSL_new(context);
	if (!wire->ssl || SSL_set_fd(wire->ssl, wire->fd) != 1)
		return -1;
	return (server ? SSL_accept(wire->ssl) : SSL_connect(wire->ssl)) == 1 ? 0 : -1;
}

int wire_write(struct wire *wire, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = wire->ssl ? SSL_write(wire->ssl, bytes,
						    (int)(len < (1u << 20) ? len : 1u << 20))
					: send(wire->fd, bytes, len, MSG_NOSIGNAL);
		if (put < 0 && !wire->ssl && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		bytes += put;
		len -= (size_t)put;
	}
	return 0;
}

int wire_say(struct wire *wire, const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return wire_write(wire, line, (size_t)len);
}

static int fill(struct wire *wire)
{
	ssize_t got;
	if (wire->start > 0) {
		memmove(wire->in, wire->in + wire->start, wire->end - wire->start);
		wire->end -= wire->start;
		wire->start = 0;
	}
	if (wire->end == sizeof(wire->in))
		return -1;
	do
		got = wire->ssl ? SSL_read(wire->ssl, wire->in + wire->end,
					   (int)(sizeof(wire->in) - wire->end))
				: recv(wire->fd, wire->in + wire->end, sizeof(wire->in) - wire->end,
				       0);
	while (got < 0 && !wire->ssl && errno == EINTR);
	if (got <= 0)
		return -1;
	wire->end += (size_t)got;
	return 0;
}

char *wire_line(struct wire *wire)
{
	size_t seen = 0;
	for (;;) {
		char *from = wire->in + wire->start,
		     *feed = memchr(from + seen, '\n', wire->end - wire->start - seen);
		if (feed) {
			wire->start += (size_t)(feed + 1 - from);
			*feed = '\0';
			if (feed > from && feed[-1] == '\r')
				feed[-1] = '\0';
			return from;
		}
		seen = wire->end - wire->start;
		if (fill(wire) < 0)
			return NULL;
	}
}

bool wire_has_input(const struct wire *wire)
{
	return wire->start < wire->end || (wire->ssl && SSL_pending(wire->ssl) > 0);
}
