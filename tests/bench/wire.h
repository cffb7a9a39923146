/* wire.h - lines over a socket, clear or TLS, for the load generators: blocking, one thread a
 * connection. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct wire {
	int fd;
	SSL *ssl;          /* NULL: clear */
	size_t start, end; /* of what was read and not yet taken */
	char in[8192];
};

/* A new connection; -1: it failed, with errno. */
int wire_connect(const char *host, int port);
int wire_listen(const char *host, int port);

void wire_init(struct wire *wire, int fd);
void wire_finish(struct wire *wire);
int wire_tls(struct wire *wire, SSL_CTX *context, bool server); /* -1: the handshake failed */

int wire_write(struct wire *wire, const char *bytes, size_t len); /* -1: the peer is gone */
int wire_say(struct wire *wire, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next line without its CRLF, NUL-terminated, valid until the next call; NULL: the peer is
 * gone. */
char *wire_line(struct wire *wire);
bool wire_has_input(const struct wire *wire); /* something was read already and not taken */

#endif
