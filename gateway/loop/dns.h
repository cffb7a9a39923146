/* dns.h - where mail for a domain goes: its MX hosts and their addresses, or why nowhere (RFC 5321
 * section 5.1, RFC 7505).
 *
 * One per worker, with a resolver of its own on the worker's event base. Answers are kept as long
 * as their TTL says, within bounds, and failures for a while; who asks meanwhile shares the
 * look-up. */
#ifndef LOOP_DNS_H
#define LOOP_DNS_H

#include "base/problem.h"
#include "loop/tls.h"
#include "loop/worker.h"

#include <netinet/in.h>
#include <sys/queue.h>

#define DNS_HOSTS 16     /* of a domain with more of them the best */
#define DNS_ADDRESSES 16 /* of one host */
#define DNS_NAME_MAX 253

/* The domain as the DNS knows it, lower case, in A-labels, NUL-terminated; false: it can be no
 * domain. [any thread] */
bool dns_name(struct gw_str domain, char name[DNS_NAME_MAX + 1]);

enum dns_outcome {
	DNS_FOUND,      /* MX hosts */
	DNS_IMPLICIT,   /* no MX: the domain itself is the host */
	DNS_LITERAL,    /* "[192.0.2.1]" */
	DNS_NULL_MX,    /* the domain takes no mail */
	DNS_NO_DOMAIN,  /* there is no such domain, or it is no name at all */
	DNS_NO_ADDRESS, /* none of its hosts has an address that mail can go to */
	DNS_FAILED,     /* not known now */
	DNS_OUTCOMES
};

/* What a domain's outcome means to its recipients. Whatever has hosts is neither. */
struct dns_verdict {
	bool permanent;
	const char *enhanced; /* RFC 3463; NULL: it has hosts */
};
extern const struct dns_verdict dns_verdicts[DNS_OUTCOMES];

/* In this order the worst of several answers is the least. */
enum dns_security { DNS_BOGUS, DNS_INSECURE, DNS_SECURE };

union dns_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* TLSA records of a host, at port 25. They are looked for where DNSSEC proves the MX records (or
 * that there are none) and the host's addresses, and count only where it proves them too. */
enum dns_tlsa {
	DNS_TLSA_NONE,
	DNS_TLSA_FOUND,
	/* bogus, or not known now: whether the host is the one that is meant cannot be told */
	DNS_TLSA_FAILED,
};

struct dns_host {
	/* lower case, A-labels, without the last dot; of a literal its address */
	struct gw_str name;
	unsigned preference;
	enum dns_security security; /* of its addresses */
	bool incomplete;            /* some of its addresses could not be looked up */
	enum dns_tlsa tlsa_state;
	size_t tlsa_count;                  /* of FOUND: those that are usable, perhaps none */
	const struct tls_tlsa *tlsa;        /* these */
	size_t count;                       /* may be 0 where other hosts have addresses */
	const union dns_address *addresses; /* IPv6 first; port 0 */
};

struct dns_answer {
	enum dns_outcome outcome;
	/* of the MX records, or of the proof that there are none */
	enum dns_security security;
	struct gw_str text; /* the reason where there are no hosts, as a sentence */
	size_t count;
	const struct dns_host *hosts; /* best first, equals by name */
	/* their names in that order, ',' between equals and '>' before the next best, with "#dane"
	 * behind one whose TLSA records are to be looked at: the same for all domains whose mail
	 * goes to the same hosts in the same way */
	struct gw_str key;
};

struct dns_options {
	struct gw_list forward; /* "192.0.2.53" or "127.0.0.1@5300"; "system": those of resolv.conf;
				   none: from the root down */
	/* file with the root's DS or DNSKEY; empty: nothing is validated */
	struct gw_str trust_anchor;
	/* for tests: hosts may be on loopback addresses, `test.` is a domain as others are */
	bool local;
	int64_t timeout_ms; /* for all that a domain needs; 0: 30 s */
	/* what names the servers of "system", now; NULL: /etc/resolv.conf */
	const char *resolv_conf;
};

struct dns;

/* In the main thread, before the worker runs: libunbound's contexts are made one after the other.
 * NULL: see problems. Destroyed when the worker does not run any more; questions are cancelled by
 * their owners before that. */
struct dns *dns_create(struct worker *worker, const struct dns_options *options,
		       struct problems *problems);
void dns_destroy(struct dns *dns);         /* NULL is fine */
struct dns *dns_of(struct worker *worker); /* the one that was made for it; NULL: none */
bool dns_is_local(const struct dns *dns);  /* as its options say */

/* A question, in memory the caller owns until `done` ran or dns_cancel was called. `done` runs from
 * the loop, never from inside dns_mx; the answer is valid during the call, and after it for who
 * holds it. */
struct dns_questions;
struct dns_mx_question {
	void (*done)(struct dns_mx_question *question, const struct dns_answer *answer);
	TAILQ_ENTRY(dns_mx_question) link;
	struct dns_questions *in; /* NULL: it is not asked */
	const struct dns_answer *answer;
};
TAILQ_HEAD(dns_questions, dns_mx_question);

/* `domain`: the part behind the '@': a name in any case, with U-labels or A-labels, or an address
 * literal. -1: no memory. */
int dns_mx(struct dns *dns, struct gw_str domain, struct dns_mx_question *question);
/* done will not run; fine when nothing is asked */
void dns_cancel(struct dns_mx_question *question);

/* An answer that is there already, valid until the loop goes on; NULL: there is none. */
const struct dns_answer *dns_peek(struct dns *dns, struct gw_str domain);

/* Answers are shared and never change; they outlive the dns. On the worker's thread only. */
const struct dns_answer *dns_hold(const struct dns_answer *answer);
void dns_release(const struct dns_answer *answer); /* NULL is fine */

/* The order in which to try the hosts, drawn anew among those of equal preference: places in
 * answer->hosts. Gives answer->count. */
size_t dns_order(const struct dns_answer *answer, unsigned char order[DNS_HOSTS]);

/* Is it something for dns_options.forward? */
bool dns_is_server(struct gw_str text);

#endif
