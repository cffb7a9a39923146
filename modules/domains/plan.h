/* plan.h - what is to be proved: which sender domains there are, and the ways on which their mail
 * leaves. Gathered on the main thread from the configuration, relays, clients and other modules;
 * it never changes afterwards. */
#ifndef DOMAINS_PLAN_H
#define DOMAINS_PLAN_H

#include "domains.h"

enum mode { MODE_KEEP, MODE_FROM, MODE_CUSTOM, MODE_OWN };
extern const char *const modes[];

/* Where mail comes from: an address, or "spf:DOMAIN", the addresses that another's SPF lists. */
bool source_is_list(struct gw_str source, struct gw_str *domain);
/* The term of an SPF record that lets it pass: "ip4:192.0.2.10", "include:spf.example". */
#define TERM_MAX (GW_DOMAIN_MAX + 16)
void source_term(struct gw_str source, char out[TERM_MAX]);

/* A relay as receivers see what comes through it. */
struct way {
	struct gw_str relay;
	struct gw_list domains; /* that it takes, as <gateway/domain.h> has them; none: all */
	enum mode mode;
	/* of the return path; empty: the sender domain itself (KEEP of clients that have their
	 * own), or it is not known (OWN) */
	struct gw_str return_domain;
	struct gw_list addresses; /* that receivers see; none: it is not known */
	bool signs, is_mass;
};

/* A DKIM key, as its module publishes it. */
struct plan_key {
	struct gw_str name, record, senders;
};

struct plan {
	struct gw_str *senders;
	struct way *ways;
	struct plan_key *keys;
	size_t sender_count, way_count, key_count;
	struct gw_list addresses; /* of all ways, each once */
	struct gw_str bounce_domain;
	bool is_cut; /* there is more than is looked at */
	unsigned refs;
	struct block *blocks; /* its memory */
};

/* In start, check, control, status. NULL: no memory. */
struct plan *plan_create(struct gw_call *call);
void plan_destroy(struct plan *plan);

#endif
