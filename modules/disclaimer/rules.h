/* rules.h - which notice a recipient gets. */
#ifndef DISCLAIMER_RULES_H
#define DISCLAIMER_RULES_H

#include "conf.h"

/* What of a mail rules look at, beside its recipient. */
struct subject {
	struct gw_str author, type, client, relay;
};

/* The number of the rule, from 1; 0: none fits. */
size_t rules_find(struct gw_call *call, const struct disclaimer *disclaimer,
		  const struct subject *subject, struct gw_str recipient);

/* NULL: none. */
const struct notice *rules_notice(const struct disclaimer *disclaimer, size_t number);

#endif
