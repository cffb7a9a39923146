/* classify.h - the configuration of classify, as people write it. */
#ifndef CLASSIFY_CLASSIFY_H
#define CLASSIFY_CLASSIFY_H

#include <gateway/module.h>

struct config {
	struct gw_list types;
	struct gw_list header;
	struct gw_list trust_header_from;
	struct gw_groups rules; /* struct rule_config */
};

/* A rule holds when all that it asks for is so; of a list one is enough, and an empty list asks for
 * nothing. */
struct rule_config {
	struct gw_str name, type;
	struct gw_list header, value;
	struct gw_list clients, logins, senders, from;
	int64_t min_rcpts, max_rcpts;
	int64_t same_subject, within;
};

/* What the module looks at on every relay. */
struct relay_config {
	struct gw_list types;
};

/* The type as it is written in the configuration; ptr NULL: it is not one. */
struct gw_str type_known(const struct config *config, struct gw_str word);

#endif
