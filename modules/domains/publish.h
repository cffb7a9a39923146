/* publish.h - which records to publish for a sender domain. */
#ifndef DOMAINS_PUBLISH_H
#define DOMAINS_PUBLISH_H

#include "plan.h"

/* Of control: the answer is a table of them, and what is still to be made. */
void publish_answer(struct gw_call *call, const struct plan *plan, struct gw_str domain);

#endif
