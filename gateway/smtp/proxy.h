/* proxy.h - the header with which a load balancer tells for whom it connects: the PROXY protocol,
 * versions 1 and 2. Pure functions. */
#ifndef SMTP_PROXY_H
#define SMTP_PROXY_H

#include <gateway/str.h>

#include <sys/socket.h>
#include <sys/types.h>

#define PROXY_MAX 552 /* octets of the longest header that is taken */

struct proxy_header {
	/* false: the balancer speaks for itself, or for somebody without an internet address */
	bool named;
	struct sockaddr_storage source; /* IPv6 that stands for IPv4 is made IPv4 */
};

/* Reads the header at the beginning of `bytes`: how many octets it has. 0: it is not whole yet, all
 * of `bytes` belongs to it. -1: that is none. */
ssize_t proxy_parse(struct gw_str bytes, struct proxy_header *header);

#endif
