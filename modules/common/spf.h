/* spf.h - SPF (RFC 7208): what a domain says of an address that sends in its name, and which
 * networks it lists.
 *
 * A machine that asks nobody itself: while spf_question() has a question, it is asked and its
 * answer given to spf_answer(). Then the result is there. Bounds are those of RFC 7208
 * section 4.6.4: ten terms that need the DNS, two answers with nothing in them, ten hosts of an MX.
 */
#ifndef COMMON_SPF_H
#define COMMON_SPF_H

#include "network.h"

#include <gateway/dns.h>

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
	SPF_RESULTS
};

/* "none", "neutral", ... as in a Received-SPF field */
extern const char *const spf_results[SPF_RESULTS];

struct spf;

/* Begins check_host() for a sender (empty: the null sender, and it is HELO that is looked at).
 * Names are ASCII: who has others makes A-labels of them first. NULL: no memory. */
struct spf *spf_check(struct gw_str address, struct gw_str helo, struct gw_str sender);

/* Begins to list the networks that pass for the domain. What depends on the message (macros,
 * exists, ptr) or means everybody cannot be listed: SPF_PERMERROR. NULL: no memory. */
struct spf *spf_list(struct gw_str domain);

void spf_destroy(struct spf *spf); /* NULL is fine */

/* True: this is to be asked next; the name lives until spf_answer(). False: it has its result. */
bool spf_question(const struct spf *spf, struct gw_dns_question *question);
void spf_answer(struct spf *spf, const struct gw_dns_answer *answer);

enum spf_result spf_result(const struct spf *spf);
/* what the domain itself says of a fail (its `exp`, expanded); empty: nothing */
const char *spf_explanation(const struct spf *spf);
/* for people: what matched ("-all of example.com"), or what is wrong; empty: nothing to say */
const char *spf_why(const struct spf *spf);
/* seconds that it may be kept: the least of all answers */
uint32_t spf_ttl(const struct spf *spf);

/* Of spf_list() that gave SPF_PASS: the caller's to free, NULL where there are none. */
struct network *spf_take_networks(struct spf *spf, size_t *count);

#endif
