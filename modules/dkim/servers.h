/* servers.h - what each server that is authoritative for a domain serves of its keys, when somebody
 * wants to know: a resolver asks one of them, and one that lags behind shows only by chance. A
 * worker finds the servers, by the gateway's own resolver; a thread asks them. */
#ifndef DKIM_SERVERS_H
#define DKIM_SERVERS_H

#include "life.h"

#define SERVERS_MOST 16
#define SERVERS_MARK ((size_t)1 << 24) /* from here on `dns`'s numbers are servers_answered()'s */

struct served {
	char name[GW_DOMAIN_MAX + 1], address[48];
	enum dkim_record record; /* UNKNOWN: `why` says so */
	char why[80];
	bool is_alias; /* the record is another name's */
	bool no_route; /* UNKNOWN: it was not asked, since no way leads there */
};

struct servers;

/* NULL: no memory. `lives` outlives it. */
struct servers *servers_create(const struct lives *lives);
/* Waits for a question that is under way, some seconds at the most. */
void servers_destroy(struct servers *servers);

/* Asks for the keys of that domain, soon. [main] */
void servers_want(struct servers *servers, const char *domain);
/* Some are not there yet. */
bool servers_busy(struct servers *servers);

/* From the worker's timer, and of its questions: SERVERS_MARK + nth. */
void servers_timer(struct gw_call *call, struct servers *servers);
void servers_answered(struct gw_call *call, struct servers *servers, size_t nth,
		      const struct gw_dns_answer *answer);

/* What was heard last of the key of that number, of each address of each server; those that no way
 * leads to are left out where it has others, so that a machine without IPv6 hears of the others.
 * `when`: ms, 0: nothing. With none of them `why` of out[0] says why. [any] */
size_t servers_of(struct servers *servers, size_t number, struct served out[SERVERS_MOST],
		  int64_t *when);

#endif
