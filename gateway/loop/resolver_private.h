/* resolver_private.h - what the two files of the resolver share; no other one includes it. */
#ifndef LOOP_RESOLVER_PRIVATE_H
#define LOOP_RESOLVER_PRIVATE_H

#include "base/map.h"
#include "loop/dns_private.h"
#include "loop/resolver.h"

/* Who is asked. It goes on from one to the next while there is no answer, and never back. */
enum host_source { HOST_FROM_FILE, HOST_FROM_DNS, HOST_FROM_SYSTEM };

struct host_query {
	struct host *host;
	int type;
	bool open;
	size_t count;
	union dns_address addresses[RESOLVER_ADDRESSES];
};

/* One name: being looked up, or with its answer. The resolver, each question, the work on the pool
 * and each open query hold it. */
struct host {
	struct gw_str key; /* first, for the map */
	char *name;
	struct resolver *resolver; /* NULL: it is gone, or has forgotten the name */
	unsigned references;
	bool answered;
	int64_t until;
	struct question *first, **last; /* wait for the look-up */
	enum host_source source;
	const char *hosts_file;
	struct offload work;
	struct timer limit;           /* of the DNS */
	char asked[DNS_NAME_MAX + 1]; /* as the DNS knows it */
	struct host_query six, four;
	struct resolved answer;
	LIST_ENTRY(host) link; /* while a query is open */
};
LIST_HEAD(hosts, host);

struct resolver {
	struct worker *worker;
	/* two, since a hosts file never waits for a name server */
	struct offload_line *files, *system;
	struct dns_follower servers; /* without a context the DNS is not asked */
	const char *hosts_file;
	struct str_map hosts;
	struct hosts open;
};

/* --- resolver.c --- */

void host_drop(struct host *host); /* one reference */
void host_answered(struct host *host, int64_t keep_ms);

/* --- resolver_look_up.c --- */

void host_leave(struct host *host); /* its resolver goes; work of the pool answers it yet */
/* host_answered follows, from the loop; false: there is no room */
bool host_look_up(struct host *host);
void host_end_queries(struct resolver *resolver); /* there are no more callbacks */

#endif
