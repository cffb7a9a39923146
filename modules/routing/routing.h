/* routing.h - rules of relays, and the route they give. */
#ifndef ROUTING_H
#define ROUTING_H

#include <gateway/module.h>

/* The module's own group. */
struct config {
	struct gw_list defaults;
	int64_t no_route; /* enum no_route */
};
enum no_route { NO_ROUTE_REJECT, NO_ROUTE_WAIT };

/* What the module adds to every relay. */
struct rule {
	struct gw_list domains;
	struct gw_list types;
	struct gw_list fallback;
};

/* What is looked at: whose mail it is, and of which kind. */
struct subject {
	struct gw_str domain;
	struct gw_str type;
};

enum match { MATCH, OTHER_DOMAIN, OTHER_TYPE };

/* Relays in the order in which they are tried, each once; those that are switched off too, since their fallbacks count. */
#define ROUTE_MAX 32
struct route {
	struct gw_relay *relays[ROUTE_MAX];
	size_t count;
	size_t chosen; /* the first ones, by rule or by default; fallbacks follow */
};

enum match rule_match(const struct rule *rule, const struct subject *subject);

void route_add_matching(struct route *route, struct gw_call *call, const struct subject *subject);
void route_add_named(struct route *route, struct gw_call *call, struct gw_list names);
void route_add_fallbacks(struct route *route, struct gw_call *call);
bool route_has_other(const struct route *route, const struct gw_relay *relay); /* one that is on, besides this one */
bool relay_is_on(const struct gw_relay *relay);

/* One sentence: which relays, in which order, by which rule, and why not the others. */
void route_explain(const struct route *route, struct gw_call *call, const struct subject *subject);

/* Looks for names of relays that are not there, fallbacks that lead nowhere, relays that no mail can reach. -1: there are errors. */
int rules_check(struct gw_call *call);

#endif
