/* hop.h - what next hops have shown of themselves, by address and port, for as long as a lane knows them.
 * Inside deliver/ only. */
#ifndef DELIVER_HOP_H
#define DELIVER_HOP_H

#include "loop/dns.h"

#include <stdbool.h>

/* A next hop may offer CHUNKING for a server behind it that does not know it, and then the octets of a chunk
 * are read as commands. */
enum hop_chunks {
	HOP_CHUNKS_UNSHOWN,
	HOP_CHUNKS_TAKEN,   /* it answered a chunk with 2xx, so it reads them by their length */
	HOP_CHUNKS_REFUSED, /* it does not know BDAT after all */
};

struct hop {
	union dns_address address;
	enum hop_chunks chunks;
	unsigned max_rcpts; /* it took so many in one transaction and said that the rest is too many; 0: it never did */
};

#define HOPS_MOST 16
struct hop_list {
	struct hop hops[HOPS_MOST];
	unsigned count, next;
};

/* What is known of the next hop; a new one takes the place of the oldest. The pointer is good until the next
 * call. */
struct hop *hop_find(struct hop_list *list, const union dns_address *address);

#endif
