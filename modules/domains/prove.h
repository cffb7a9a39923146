/* prove.h - what receivers will conclude of the mail of a plan, from answers of the DNS. Pure: run
 * again until nothing is missing; each run makes a report of its own. */
#ifndef DOMAINS_PROVE_H
#define DOMAINS_PROVE_H

#include "known.h"

/* One run. What it needed and has not is open in `answers` then. */
struct look {
	const struct gw_call *call;
	const struct plan *plan;
	struct answers *answers;
	struct report *report;
};

void prove(const struct look *look);

/* Of what may be an error: that the DNS does not tell it now is noted in the report. */
bool prove_is_known(const struct look *look, enum known known);

/* --- its parts --- */
void prove_mail(const struct look *look);    /* each sender on each way from each address */
void prove_senders(const struct look *look); /* what a sender domain publishes */
void prove_places(const struct look *look);  /* bounce domains, addresses */

#endif
