/* route.c - from rules to the relays that are asked first. */
#include "routing.h"

#include <gateway/domain.h>

#include <stdio.h>

static bool names_type(struct gw_list types, struct gw_str type)
{
	return types.count == 0 || gw_list_has(types, type);
}

enum match rule_match(struct gw_call *call, const struct rule *rule, const struct subject *subject)
{
	if (!gw_domain_in_list(call, rule->domains, subject->domain))
		return OTHER_DOMAIN;
	return names_type(rule->types, subject->type) ? MATCH : OTHER_TYPE;
}

static bool is_in(const struct route *route, const struct gw_relay *relay)
{
	size_t i;

	for (i = 0; i < route->count; i++)
		if (route->relays[i] == relay)
			return true;
	return false;
}

static void add_once(struct route *route, struct gw_relay *relay)
{
	if (route->count < ROUTE_MAX && !is_in(route, relay))
		route->relays[route->count++] = relay;
}

static void add_defaults(struct route *route, struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	struct gw_relay *relay;
	size_t i;

	for (i = 0; i < config->defaults.count; i++)
		if ((relay = gw->relay_named(call, config->defaults.items[i])) != NULL)
			add_once(route, relay);
}

void route_make(struct route *route, struct gw_call *call, const struct subject *subject)
{
	struct gw_relay *relay;
	size_t nth;

	route->count = 0;
	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (rule_match(call, gw->relay_conf(call, relay), subject) == MATCH)
			add_once(route, relay);
	route->by_rule = route->count != 0;
	if (!route->by_rule)
		add_defaults(route, call);
}

/* A warning that one relay is suspended has to find another; a folder is no way out into the world.
 */
void route_make_own(struct route *route, struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	route->count = 0;
	route->by_rule = false;
	add_defaults(route, call);
	for (nth = 0; route->count == 0 && (relay = gw->relay_at(call, nth)) != NULL; nth++)
		add_once(route, relay);
	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (gw->relay_fact(relay, GW_RELAY_HOST).len != 0)
			add_once(route, relay);
}

/* --- why --- */

struct names {
	char text[900];
	size_t len;
};

/* What does not fit whole is left out. */
static void say(struct names *names, struct gw_str name)
{
	size_t room = sizeof names->text - names->len;
	int len = snprintf(names->text + names->len, room, "%s%.*s", names->len ? ", " : "",
			   GW_STR_ARGS(name));

	if (len > 0 && (size_t)len < room)
		names->len += (size_t)len;
	else
		names->text[names->len] = '\0';
}

/* A relay without a rule of its own: who names it, first of all those of the route. */
static void tell_named(const struct route *route, struct gw_call *call, struct gw_relay *relay)
{
	struct gw_relay *other;
	const char *list;
	size_t nth;

	for (nth = 0; nth < route->count; nth++)
		if ((list = list_naming(call, route->relays[nth], relay)) != NULL) {
			gw->skipped(call, relay, "no rule names it; it is in the %s of %.*s", list,
				    GW_STR_ARGS(gw->relay_fact(route->relays[nth], GW_RELAY_NAME)));
			return;
		}
	for (nth = 0; (other = gw->relay_at(call, nth)) != NULL; nth++)
		if ((list = list_naming(call, other, relay)) != NULL) {
			gw->skipped(
				call, relay,
				"no rule names it; it is in the %s of %.*s, which does not get this mail",
				list, GW_STR_ARGS(gw->relay_fact(other, GW_RELAY_NAME)));
			return;
		}
	gw->skipped(call, relay, "no rule names it, and no list of a relay does");
}

static void tell_left_out(const struct route *route, struct gw_call *call,
			  const struct subject *subject)
{
	static const char *const why[] = { "it matches, but a route has its bounds",
					   "other domains", "other types" };
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct rule *rule = gw->relay_conf(call, relay);

		if (is_in(route, relay))
			continue;
		if (rule->domains.count)
			gw->skipped(call, relay, "%s", why[rule_match(call, rule, subject)]);
		else
			tell_named(route, call, relay);
	}
}

void route_explain(const struct route *route, struct gw_call *call,
		   const struct gw_message *message, const struct subject *subject)
{
	struct names names = { .len = 0 };
	size_t i;

	for (i = 0; i < route->count; i++)
		say(&names, gw->relay_fact(route->relays[i], GW_RELAY_NAME));
	gw->reason(call, "%.*s mail from %.*s, by %s: %s", GW_STR_ARGS(subject->type),
		   GW_STR_ARGS(subject->domain), route->by_rule ? "rule" : "default", names.text);
	if (gw->message_number(message, GW_MESSAGE_DRY) == 1)
		tell_left_out(route, call, subject);
}
