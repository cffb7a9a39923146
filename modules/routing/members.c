/* members.c - what stands in the lists of a relay. */
#include "routing.h"

static struct gw_relay *relay_to_mx(struct gw_call *call)
{
	struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (gw->relay_number(relay, GW_RELAY_MX) == 1)
			return relay;
	return NULL;
}

struct member member_of(struct gw_call *call, struct gw_str name)
{
	struct member member = { .relay = gw->relay_named(call, name) };

	if (member.relay)
		return member;
	if (gw_str_eq(name, gw_str("wait")))
		member.stop = STOP_WAIT;
	else if (gw_str_eq(name, gw_str("refuse")))
		member.stop = STOP_REFUSE;
	else if (gw_str_ieq(name, gw_str("mx")))
		member.relay = relay_to_mx(call);
	return member;
}

struct gw_list list_after(struct gw_call *call, const struct gw_relay *relay, enum gw_cause cause)
{
	static const struct gw_list none;
	const struct rule *rule = gw->relay_conf(call, relay);

	if (cause == GW_CAUSE_RATE)
		return none;
	return cause == GW_CAUSE_LIMIT ? rule->on_limit : rule->fallback;
}

static bool list_has(struct gw_call *call, struct gw_list names, const struct gw_relay *relay)
{
	size_t i;

	for (i = 0; i < names.count; i++)
		if (member_of(call, names.items[i]).relay == relay)
			return true;
	return false;
}

const char *list_naming(struct gw_call *call, const struct gw_relay *from,
			const struct gw_relay *to)
{
	if (list_has(call, list_after(call, from, GW_CAUSE_FAILURE), to))
		return "fallback";
	return list_has(call, list_after(call, from, GW_CAUSE_LIMIT), to) ? "on_limit" : NULL;
}

bool list_refuses(struct gw_call *call, struct gw_list names)
{
	size_t i;

	for (i = 0; i < names.count; i++)
		if (member_of(call, names.items[i]).stop == STOP_REFUSE)
			return true;
	return false;
}
