/* hop.h - what next hops have shown of themselves, by address and port. A relay's, or an MX
 * group's, is one for all workers. Inside client/ only. */
#ifndef CLIENT_HOP_H
#define CLIENT_HOP_H

#include "loop/dns.h"

#include <pthread.h>
#include <stdbool.h>

/* A next hop may offer CHUNKING for a server behind it that does not know it, and then the octets
 * of a chunk are read as commands. */
enum hop_chunks {
	HOP_CHUNKS_UNSHOWN,
	HOP_CHUNKS_TAKEN,   /* it answered a chunk with 2xx, so it reads them by their length */
	HOP_CHUNKS_REFUSED, /* it does not know BDAT after all */
};

struct hop {
	union dns_address address;
	enum hop_chunks chunks;
	/* it took so many in one transaction and said that the rest is too many; 0: it never did */
	unsigned max_rcpts;
};

#define HOPS_MOST 16
struct hop_list {
	pthread_mutex_t lock;
	struct hop hops[HOPS_MOST];
	unsigned count, next;
};

void hops_init(struct hop_list *list);

/* What is known of the next hop now. [any thread] */
struct hop hops_known(struct hop_list *list, const union dns_address *address);

/* For all who ask from now on. A new next hop takes the place of the oldest. [any thread] */
void hops_learn_chunks(struct hop_list *list, const union dns_address *address,
		       enum hop_chunks chunks);
void hops_learn_rcpts(struct hop_list *list, const union dns_address *address, unsigned max_rcpts);

#endif
