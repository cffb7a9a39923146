/* check.c - rules that cannot work, found before mail depends on them. */
#include "routing.h"

static struct gw_str name_of(const struct gw_relay *relay)
{
	return gw->relay_fact(relay, GW_RELAY_NAME);
}

static bool has(struct gw_list names, struct gw_str name)
{
	size_t i;

	for (i = 0; i < names.count; i++)
		if (gw_str_eq(names.items[i], name))
			return true;
	return false;
}

static size_t check_default(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	size_t i, errors = 0;

	for (i = 0; i < config->defaults.count; i++) {
		if (gw->relay_named(call, config->defaults.items[i]))
			continue;
		gw->problem(call, true, "default names \"%.*s\", and there is no such relay", GW_STR_ARGS(config->defaults.items[i]));
		errors++;
	}
	return errors;
}

static size_t check_fallback_names(struct gw_call *call, const struct gw_relay *relay, struct gw_list fallback)
{
	size_t i, errors = 0;

	for (i = 0; i < fallback.count; i++) {
		if (gw->relay_named(call, fallback.items[i]))
			continue;
		gw->problem(call, true, "relay %.*s: fallback names \"%.*s\", and there is no such relay", GW_STR_ARGS(name_of(relay)),
			    GW_STR_ARGS(fallback.items[i]));
		errors++;
	}
	return errors;
}

/* A circle is fine as long as there is somebody else in it who takes mail. */
static void check_fallback_leads_on(struct gw_call *call, struct gw_relay *relay)
{
	struct route route = { .relays = { relay }, .count = 1 };

	route_add_fallbacks(&route, call);
	if (!route_has_other(&route, relay))
		gw->problem(call, false, "relay %.*s: its fallbacks lead to no other relay that is switched on", GW_STR_ARGS(name_of(relay)));
}

static size_t check_fallbacks(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth, wrong, errors = 0;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct rule *rule = gw->relay_conf(call, relay);

		wrong = check_fallback_names(call, relay, rule->fallback);
		if (wrong == 0 && rule->fallback.count != 0)
			check_fallback_leads_on(call, relay);
		errors += wrong;
	}
	return errors;
}

/* True when a relay that mail can reach has it as a fallback. */
static bool follows_reached(struct gw_call *call, const bool *reached, struct gw_str name)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct rule *rule = gw->relay_conf(call, relay);
		if (reached[nth] && has(rule->fallback, name))
			return true;
	}
	return false;
}

/* One more step along the fallbacks; tells whether it reached anything new. */
static bool reach_on(struct gw_call *call, bool *reached)
{
	const struct config *config = gw->conf(call);
	struct gw_relay *relay;
	bool more = false;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct rule *rule = gw->relay_conf(call, relay);

		if (reached[nth])
			continue;
		reached[nth] = rule->domains.count || has(config->defaults, name_of(relay)) || follows_reached(call, reached, name_of(relay));
		more |= reached[nth];
	}
	return more;
}

static int check_reach(struct gw_call *call)
{
	size_t count = 0, nth;
	bool *reached;

	while (gw->relay_at(call, count))
		count++;
	reached = gw->alloc(call, count * sizeof *reached + 1);
	if (!reached)
		return -1;
	while (reach_on(call, reached))
		;
	for (nth = 0; nth < count; nth++)
		if (!reached[nth])
			gw->problem(call, false, "relay %.*s: no mail can reach it: it has no domains, and is neither a fallback nor a default",
				    GW_STR_ARGS(name_of(gw->relay_at(call, nth))));
	return 0;
}

int rules_check(struct gw_call *call)
{
	size_t errors = check_default(call) + check_fallbacks(call);

	if (errors != 0)
		return -1;
	if (check_reach(call) == 0)
		return 0;
	gw->problem(call, true, "no memory");
	return -1;
}
