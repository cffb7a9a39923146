/* sts_known.h - what is known of the MTA-STS policies of domains: one table for all workers, and
 * the state store, so that a policy outlives the process. Domains are given as dns_name has them
 * where nothing else is said. How policies are found out is sts.h. [any thread] */
#ifndef CLIENT_STS_KNOWN_H
#define CLIENT_STS_KNOWN_H

#include "client/sts_policy.h"

struct attempt_tls;

/* Of a domain in any form: the policy that holds now, whatever its mode, with a reference; NULL:
 * none is known. */
const struct sts_policy *sts_known(struct gw_str domain);

enum sts_knowledge {
	STS_KNOWN_NOT, /* nothing, or no policy and nobody looked lately */
	STS_KNOWN_OLD, /* there is a policy, and it is time to look at its record */
	STS_KNOWN_NEW, /* it was looked at a moment ago, whatever came of that */
};
/* Whether it is to be looked at now; a policy whose time is over is forgotten, on disk too. */
enum sts_knowledge sts_known_look(struct gw_str domain, int64_t now);

/* Takes over the reference: the policy is in the place of its domain's, and kept. `body`: as it was
 * read. Where there is no memory it is on disk alone, and found there the next time. */
void sts_known_replace(const struct sts_policy *policy, struct gw_str body);
/* A look is over: what it found, for people; and where the domain says that it has a policy which
 * could not be had, the result type of RFC 8460 (a static text), else NULL. */
void sts_known_looked(struct gw_str domain, int64_t now, const char *what, const char *failure);
/* Of a domain in any form that has no policy which holds now: that result type, or NULL. */
const char *sts_known_failure(struct gw_str domain);

/* What is known of a domain, for people. */
struct sts_told {
	char what[200]; /* what the last look at its policy found; empty: there was none */
	int64_t looked_at;
	/* what the last attempt at one of its hosts wanted and got; at 0: there was none */
	char wanted[24], got[24], host[160], why[200];
	int64_t tried_at;
};
/* Of a domain in any form. */
void sts_tell(struct gw_str domain, struct sts_told *told);
/* The same; an attempt ended: what became of its link. */
void sts_note(struct gw_str domain, const struct attempt_tls *tls, struct gw_str host,
	      struct gw_str why);

#endif
