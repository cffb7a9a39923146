/* rules.h - the rules, made ready so that a message costs little however many there are: a header
 * field is looked for once, whatever the number of rules that ask for it. */
#ifndef CLASSIFY_RULES_H
#define CLASSIFY_RULES_H

#include "classify.h"
#include "crowd.h"

struct rule {
	const struct rule_config *config;
	struct gw_str type;
	size_t *fields; /* places in rules.names, as many as config->header has */
};

/* The instance's data. */
struct rules {
	struct rule *items;
	size_t count;
	struct gw_str *names; /* of the fields that rules ask for, each once */
	size_t name_count;
	struct crowd *crowd;
};

/* Checks the configuration and makes its rules ready; -1: problems were told. */
int rules_start(struct gw_call *call);

/* The first rule that holds for the message. 0; -1: no memory. *rule NULL: none holds. */
int rules_find(struct gw_call *call, struct gw_message *message, const struct rule **rule);

#endif
