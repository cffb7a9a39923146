/* exchange.h - one question to one name server, and its answer: over UDP, over TCP where that one
 * was cut. */
#ifndef DKIM_EXCHANGE_H
#define DKIM_EXCHANGE_H

#include <netinet/in.h>
#include <stddef.h>

/* The length of the answer, which answers this question; -1: none came within `ms`, whatever the
 * server does. Blocks. [any thread] */
int exchange(const struct sockaddr_in *server, const unsigned char *question, size_t len,
	     unsigned char *answer, size_t size, int ms);

#endif
