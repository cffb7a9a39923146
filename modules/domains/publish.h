/* publish.h - which records to publish for a sender domain. */
#ifndef DOMAINS_PUBLISH_H
#define DOMAINS_PUBLISH_H

#include "dmarc.h"
#include "instance.h"

/* A key that signs for the domain is there, and was told of by its module. */
bool publish_has_key(struct gw_call *call, const struct plan *plan, struct gw_str domain);

/* Of control: the answer is a table of them, and what is still to be done. `key`: the one that was
 * made for the domain, or why there is none; NULL: it has one. `policy`: of the DMARC record that
 * is published already, which stays: a weaker one beside it would be followed. */
void publish_answer(struct gw_call *call, const struct plan *plan, struct gw_str domain,
		    const struct new_key *key, enum dmarc_policy policy);

#endif
