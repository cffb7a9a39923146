/* routing.h - rules of relays, and where they lead. */
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
	struct gw_list on_limit;
};

/* What is looked at: whose mail it is, and of which kind. */
struct subject {
	struct gw_str domain;
	struct gw_str type;
};

enum match { MATCH, OTHER_DOMAIN, OTHER_TYPE };
enum match rule_match(struct gw_call *call, const struct rule *rule, const struct subject *subject);

/* --- route.c: the relays that are asked first --- */

/* Relays in the order in which they are asked, each once. */
#define ROUTE_MAX 32
struct route {
	struct gw_relay *relays[ROUTE_MAX];
	size_t count;
	bool by_rule; /* else by default */
};

void route_make(struct route *route, struct gw_call *call, const struct subject *subject);
/* for mail that the gateway wrote */
void route_make_own(struct route *route, struct gw_call *call);

/* One sentence: which relays, in which order, by which rule. And, to those who ask, why not the
 * others. */
void route_explain(const struct route *route, struct gw_call *call,
		   const struct gw_message *message, const struct subject *subject);

/* --- members.c: what stands in `fallback` and `on_limit` --- */

/* A relay, or a word that ends the list. */
enum stop { STOP_NONE, STOP_WAIT, STOP_REFUSE };
struct member {
	struct gw_relay *relay; /* NULL: a stop, or nothing of that name */
	enum stop stop;
};
struct member member_of(struct gw_call *call, struct gw_str name);

/* The list that tells where mail goes which leaves the relay for that cause; may be empty. */
struct gw_list list_after(struct gw_call *call, const struct gw_relay *relay, enum gw_cause cause);
/* "fallback" or "on_limit", whichever list of `from` names it; NULL: none. */
const char *list_naming(struct gw_call *call, const struct gw_relay *from,
			const struct gw_relay *to);
bool list_refuses(struct gw_call *call, struct gw_list names);

/* --- refuse.c --- */

/* True when everything that may take this mail is closed now and its lists end in "refuse"; reply()
 * has the words then. */
bool is_refused(struct gw_call *call, const struct subject *subject);

/* The same where its type may still become another one, as long as its header is not known. */
bool is_refused_whatever_type(struct gw_call *call, const struct subject *subject);

/* --- check.c --- */

/* Looks for names that nobody has, circles, relays that no mail can reach. -1: there are errors. */
int rules_check(struct gw_call *call);

/* --- unwise.c --- */

/* Warns of rules that work and take mail where nobody means it to go. */
void rules_unwise(struct gw_call *call);

#endif
