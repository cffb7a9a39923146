/* exchange.h - one question to one name server, and its answer: over UDP, over TCP where that one
 * was cut. */
#ifndef DKIM_EXCHANGE_H
#define DKIM_EXCHANGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_server {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	};
	socklen_t size;
};

/* An address of IPv4 or IPv6; false: it is none. */
bool name_server_read(struct name_server *server, const char *address, uint16_t port);

#define EXCHANGE_NO_ROUTE (-2) /* nothing was sent: from here no way leads there */

/* The length of the answer, which answers this question; -1: none came within `ms`, whatever the
 * server does; EXCHANGE_NO_ROUTE. Blocks. [any thread] */
int exchange(const struct name_server *server, const unsigned char *question, size_t len,
	     unsigned char *answer, size_t size, int ms);

#endif
