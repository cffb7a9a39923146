/* route.c - from rules to a route. */
#include "routing.h"

#include <stdio.h>

/* "*.example.com" names what is below example.com, and not example.com itself. */
static bool pattern_names(struct gw_str pattern, struct gw_str domain)
{
	struct gw_str tail = gw_str_from(pattern, 1);

	if (pattern.len == 0 || pattern.ptr[0] != '*')
		return gw_str_ieq(pattern, domain);
	return tail.len == 0 || (domain.len > tail.len && gw_str_ieq(gw_str_from(domain, domain.len - tail.len), tail));
}

static bool names_domain(struct gw_list patterns, struct gw_str domain)
{
	size_t i;

	for (i = 0; i < patterns.count; i++)
		if (pattern_names(patterns.items[i], domain))
			return true;
	return false;
}

static bool names_type(struct gw_list types, struct gw_str type)
{
	size_t i;

	for (i = 0; i < types.count; i++)
		if (gw_str_ieq(types.items[i], type))
			return true;
	return types.count == 0;
}

enum match rule_match(const struct rule *rule, const struct subject *subject)
{
	if (!names_domain(rule->domains, subject->domain))
		return OTHER_DOMAIN;
	return names_type(rule->types, subject->type) ? MATCH : OTHER_TYPE;
}

bool relay_is_on(const struct gw_relay *relay)
{
	return gw->relay_number(relay, GW_RELAY_ENABLED) == 1;
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

void route_add_matching(struct route *route, struct gw_call *call, const struct subject *subject)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (rule_match(gw->relay_conf(call, relay), subject) == MATCH)
			add_once(route, relay);
}

void route_add_named(struct route *route, struct gw_call *call, struct gw_list names)
{
	struct gw_relay *relay;
	size_t i;

	for (i = 0; i < names.count; i++)
		if ((relay = gw->relay_named(call, names.items[i])) != NULL)
			add_once(route, relay);
}

/* The route grows while it is walked, so fallbacks of fallbacks come behind them, and a circle ends by itself. */
void route_add_fallbacks(struct route *route, struct gw_call *call)
{
	size_t i;

	for (i = 0; i < route->count; i++) {
		const struct rule *rule = gw->relay_conf(call, route->relays[i]);
		route_add_named(route, call, rule->fallback);
	}
}

bool route_has_other(const struct route *route, const struct gw_relay *relay)
{
	size_t i;

	for (i = 0; i < route->count; i++)
		if (route->relays[i] != relay && relay_is_on(route->relays[i]))
			return true;
	return false;
}

/* --- why --- */

struct sentence {
	char text[900];
	size_t len;
};

static void say(struct sentence *sentence, const char *between, struct gw_str name, const char *why)
{
	size_t room = sizeof sentence->text - sentence->len;
	int len = snprintf(sentence->text + sentence->len, room, "%s%.*s%s", between, GW_STR_ARGS(name), why);

	if (len > 0 && (size_t)len < room)
		sentence->len += (size_t)len;
	else
		sentence->text[sentence->len] = '\0'; /* what does not fit whole is left out */
}

static void say_taken(struct sentence *sentence, const struct route *route)
{
	size_t i;

	for (i = 0; i < route->count; i++)
		say(sentence, i == 0 ? "" : i == route->chosen ? "; fallback " : ", ", gw->relay_fact(route->relays[i], GW_RELAY_NAME),
		    relay_is_on(route->relays[i]) ? "" : " (off)");
}

static void say_left_out(struct sentence *sentence, const struct route *route, struct gw_call *call, const struct subject *subject)
{
	static const char *const why[] = { "", " (other domains)", " (other types)" };
	const char *between = "; not ";
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		if (is_in(route, relay))
			continue;
		say(sentence, between, gw->relay_fact(relay, GW_RELAY_NAME), why[rule_match(gw->relay_conf(call, relay), subject)]);
		between = ", ";
	}
}

void route_explain(const struct route *route, struct gw_call *call, const struct subject *subject)
{
	bool by_rule = rule_match(gw->relay_conf(call, route->relays[0]), subject) == MATCH;
	struct sentence sentence = { .len = 0 };

	say_taken(&sentence, route);
	say_left_out(&sentence, route, call, subject);
	gw->reason(call, "%.*s mail from %.*s, by %s: %s", GW_STR_ARGS(subject->type), GW_STR_ARGS(subject->domain),
		   by_rule ? "rule" : "default", sentence.text);
}
