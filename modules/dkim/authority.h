/* authority.h - asks a name server itself for a TXT record: what it serves, and not what a resolver
 * remembers. It blocks, for three seconds where nobody answers: for a thread of its own. */
#ifndef DKIM_AUTHORITY_H
#define DKIM_AUTHORITY_H

#include <gateway/dns.h>

#include <stdbool.h>

#define AUTHORITY_RECORDS 8

struct authority_answer {
	struct gw_dns_answer answer; /* its strings are below; FAILED: error says why */
	bool is_alias;               /* the name is another's (CNAME), which was not asked for */
	bool no_route;               /* FAILED: it was not asked, since no way leads there */
	struct gw_str records[AUTHORITY_RECORDS];
	char bytes[8192];
};

/* `address` is one of IPv4 or IPv6. [any thread] */
void authority_ask(const char *address, uint16_t port, const char *name,
		   struct authority_answer *out);

#endif
