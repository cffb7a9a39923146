/* dns_private.h - what the files of dns share, and the resolver with them; no other one includes
 * it. */
#ifndef LOOP_DNS_PRIVATE_H
#define LOOP_DNS_PRIVATE_H

#include "base/arena.h"
#include "base/map.h"
#include "loop/dns.h"

#include <sys/stat.h>

struct ub_ctx;
struct domain;
struct look_up;
TAILQ_HEAD(domains, domain);
LIST_HEAD(look_ups, look_up);
struct dns_query;
struct dns_asked;
TAILQ_HEAD(dns_queries, dns_query);
LIST_HEAD(dns_askeds, dns_asked);

/* One domain: it waits for its turn, is being looked up, or has its answer. */
struct domain {
	struct gw_str key; /* first, for the map */
	struct dns *dns;
	TAILQ_ENTRY(domain) link;
	/* a line of the window, or dns->kept; NULL: it is being looked up */
	struct domains *in;
	struct look_up *look_up; /* NULL: it waits, or is answered */
	const struct dns_answer *answer;
	int64_t until;
	bool silent; /* the last time its name servers did not answer */
	struct dns_questions questions;
	char name[];
};

/* Which look-ups are on their way. Queries that are young are bounded, and so is the number of
 * those waited for beyond a moment; since each kind has its own bound, names whose servers are
 * silent take no place from those that answer. */
struct window {
	/* who waits; those that were silent the last time wait behind all others */
	struct domains fresh, silent;
	/* queries on their way: for less than a moment, and for longer */
	unsigned quick, slow;
	unsigned retried; /* look-ups of domains that were silent */
	unsigned quick_most, all_most, retried_most;
	bool turning;
};

#define DNS_SYSTEM "system" /* among dns_options.forward: the servers of resolv.conf */
#define DNS_SYSTEM_MOST 8

/* What resolv.conf names. */
struct dns_system {
	char servers[DNS_SYSTEM_MOST][64];
	size_t count;
};

/* A context of before: some of its answers are waited for. */
struct dns_retired {
	struct timer end; /* first */
	struct ub_ctx *context;
};
#define DNS_RETIRED_MOST 3

/* Who is asked by one worker, now. */
struct dns_follower {
	struct worker *worker;
	struct arena arena;
	struct dns_options options; /* in the arena */
	bool for_hosts;             /* of names in this network */
	bool follows;               /* the system's servers are asked */
	struct ub_ctx *context;     /* NULL: nobody is asked */
	struct ub_ctx *fresh; /* knows nothing from before `fresh_since`; NULL: not wanted yet */
	int64_t fresh_since;
	struct dns_retired retired[DNS_RETIRED_MOST];
	struct stat file; /* as it was looked at */
	struct dns_system system;
	int64_t looked; /* worker's clock */
};

struct dns {
	struct worker *worker;
	struct dns_follower servers;
	bool local;
	int64_t timeout_ms;
	struct str_map map;  /* struct domain */
	struct domains kept; /* those with an answer, oldest first */
	struct window window;
	struct look_ups look_ups;   /* on their way */
	struct dns_questions ready; /* their answer is there */
	const struct dns_answer *no_memory;
	struct post tell;
	bool posted, finished;
	/* of dns_records.c: who waits for a turn, and what libunbound was asked */
	struct dns_queries waiting;
	struct dns_askeds asked;
	unsigned asked_count, asked_most;
	bool asking;
};

/* --- dns_context.c --- */

/* How many queries may be on their way at once, each with a descriptor. */
unsigned dns_context_ports(void);

/* Both ask the servers of options->forward, which are addresses here; none: from the root down. The
 * second is for names of hosts in this network, without validation. NULL: it cannot be. */
struct ub_ctx *dns_context_create(struct worker *worker, const struct dns_options *options,
				  struct problems *problems);
struct ub_ctx *dns_context_hosts(struct worker *worker, const struct dns_options *options);

/* --- dns_follow.c --- */

/* In zeroed memory; dns_follow_end is due in any case. `for_hosts`: the system's servers where
 * there are no others. False: there is no context; `problems`, which may be NULL, say why. */
bool dns_follow_begin(struct dns_follower *follower, struct worker *worker,
		      const struct dns_options *options, bool for_hosts, struct problems *problems);
/* The context to ask; another one where resolv.conf names other servers now, at which it looks once
 * a second at most, and only when somebody asks. What was asked before is answered yet. */
struct ub_ctx *dns_follow(struct dns_follower *follower);
/* One that has kept nothing for longer than some seconds; where too many were wanted of late, not
 * much longer. */
struct ub_ctx *dns_follow_fresh(struct dns_follower *follower);
/* callbacks of what is on its way run from inside */
void dns_follow_end(struct dns_follower *follower);

/* --- dns_name.c --- */

/* Of letters, digits, hyphens and underscores, in labels. */
bool dns_name_is_host(const char *name);

/* As dns_name, with whatever octets in its labels: names that SPF makes of addresses have them.
 * What libunbound would read as something else is "\DDD". */
#define DNS_NAME_TEXT (4 * DNS_NAME_MAX + 1)
bool dns_name_any(struct gw_str domain, char name[DNS_NAME_TEXT]);

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]"; false: a literal that is none. */
bool dns_literal(struct gw_str domain, union dns_address *address);

/* Not to this machine, not to many. */
bool dns_address_is_usable(const union dns_address *address);

/* --- dns_packet.c: what is in an answer as it came over the wire --- */

enum packet_kind { PACKET_FOUND, PACKET_NONE, PACKET_NO_NAME, PACKET_FAILED };

/* PACKET_NONE: the name exists and has no such records. `ttl` is in seconds, of the absence too. */
enum packet_kind packet_mx(const void *bytes, int len, uint32_t *ttl,
			   void (*each)(void *arg, unsigned preference, const char *host),
			   void *arg);
enum packet_kind packet_tlsa(const void *bytes, int len, uint32_t *ttl,
			     void (*each)(void *arg, const struct tls_tlsa *tlsa), void *arg);
enum packet_kind packet_addresses(const void *bytes, int len, int type, uint32_t *ttl,
				  void (*each)(void *arg, const union dns_address *address),
				  void *arg);

/* Each record as <gateway/dns.h> has it; `preference` is 0 but for MX. */
enum packet_kind packet_texts(const void *bytes, int len, int type, uint32_t *ttl,
			      void (*each)(void *arg, unsigned preference, struct gw_str text),
			      void *arg);

/* --- dns_found.c: what a look-up has found so far, and the answer made of it --- */

#define DNS_TLSA_MOST 8
#define DNS_TLSA_OCTETS 512 /* of all records of a host */

struct found_tlsa {
	enum dns_tlsa state;
	bool open; /* its query is on its way */
	bool lost; /* there was no memory for one of them */
	size_t count, used;
	struct tls_tlsa records[DNS_TLSA_MOST]; /* octets: an offset into these */
	unsigned char octets[DNS_TLSA_OCTETS];
};

struct found_host {
	char name[DNS_NAME_MAX + 1];
	unsigned preference;
	uint32_t lot; /* decides among equals */
	enum dns_security security;
	unsigned open; /* queries for its addresses on their way */
	bool incomplete;
	struct found_tlsa tlsa;
	size_t v6_count, v4_count;
	struct in6_addr v6[DNS_ADDRESSES];
	struct in_addr v4[DNS_ADDRESSES];
};

struct found {
	enum dns_outcome outcome;
	enum dns_security security;
	const char *text;
	char why[200]; /* of a validation that failed, or empty */
	bool local;
	bool literal; /* an MX names an address instead of a host */
	bool slow;    /* it took longer than a moment */
	uint32_t ttl; /* the least of all answers */
	size_t count;
	struct found_host hosts[DNS_HOSTS];
};

void found_init(struct found *found, bool local);
void found_ttl(struct found *found, uint32_t ttl);
void found_mx(struct found *found, unsigned preference, const char *host); /* keeps the best */
void found_literal(struct found *found, const union dns_address *address);
void found_address(struct found *found, size_t host, const union dns_address *address);
/* keeps what is usable */
void found_tlsa(struct found *found, size_t host, const struct tls_tlsa *tlsa);
/* sorts, and decides what it all means */
void found_end(struct found *found);
int64_t found_keep_ms(const struct found *found);
/* with one reference; NULL: no memory */
const struct dns_answer *found_answer(const struct found *found);

/* --- dns_window.c --- */

void dns_window_init(struct window *window, unsigned ports);
/* it has no answer: its turn comes with dns_window_turn */
void dns_window_wait(struct domain *domain);
/* begins what there is room for; domain_answered may run from inside */
void dns_window_turn(struct dns *dns);

/* --- dns_look_up.c --- */

/* NULL: no memory */
struct look_up *look_up_create(struct dns *dns, struct domain *domain, const char *name);
/* domain_answered follows, perhaps from inside; then the look-up is not the caller's any more */
void look_up_begin(struct look_up *look_up);
void look_up_forget(struct look_up *look_up); /* nobody waits for it */
void look_up_end_all(struct dns *dns);        /* there are no more callbacks */

/* --- dns_records.c --- */

void dns_records_init(struct dns *dns);
void dns_records_end(struct dns *dns); /* there are no more callbacks, and nobody waits */

/* --- dns.c --- */

void domain_answered(struct domain *domain, const struct found *found); /* NULL: no memory */
void domain_forget(struct domain *domain);                              /* nobody waits for it */

#endif
