/* unwise.c - rules that work, and take mail where it is not meant to go. */
#include "routing.h"

static struct gw_str name_of(const struct gw_relay *relay)
{
	return gw->relay_fact(relay, GW_RELAY_NAME);
}

static bool has_host(const struct gw_relay *relay)
{
	return gw->relay_fact(relay, GW_RELAY_HOST).len != 0;
}

static bool is_mx(const struct gw_relay *relay)
{
	return gw->relay_number(relay, GW_RELAY_MX) == 1;
}

/* --- the default --- */

static bool some_have_hosts(struct gw_call *call)
{
	const struct gw_relay *relay;
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (has_host(relay))
			return true;
	return false;
}

/* Reports to senders outside and the gateway's own letters take the default. */
static void check_default(struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	const struct gw_relay *first = config->defaults.count
					       ? gw->relay_named(call, config->defaults.items[0])
					       : NULL;

	if (!first || has_host(first) || !some_have_hosts(call))
		return;
	gw->problem_at(
		call, NULL, "default", false,
		"default begins with %.*s, which has no host: bounces and warnings of the gateway "
		"take the default, and where that is a folder nobody gets them",
		GW_STR_ARGS(name_of(first)));
}

/* --- direct delivery behind other relays --- */

static const struct gw_str *shared(struct gw_list a, struct gw_list b)
{
	size_t i;

	for (i = 0; i < a.count; i++)
		if (gw_list_has(b, a.items[i]))
			return &a.items[i];
	return NULL;
}

/* Nothing behind its list is asked. */
static bool ends_in_stop(struct gw_call *call, struct gw_list names)
{
	return names.count && member_of(call, names.items[names.count - 1]).stop != STOP_NONE;
}

/* The domain whose mail comes to `direct` when `relay` fails, though no list says so; or NULL. */
static const struct gw_str *falls_to(struct gw_call *call, const struct gw_relay *relay,
				     const struct gw_relay *direct)
{
	const struct rule *from = gw->relay_conf(call, relay), *to = gw->relay_conf(call, direct);

	if (!has_host(relay) || is_mx(relay) || list_naming(call, relay, direct) ||
	    ends_in_stop(call, from->fallback))
		return NULL;
	if (from->types.count && to->types.count && !shared(from->types, to->types))
		return NULL;
	return gw_list_has(to->domains, gw_str("*")) && from->domains.count
		       ? &from->domains.items[0]
		       : shared(from->domains, to->domains);
}

static void check_direct(struct gw_call *call, size_t place)
{
	const struct gw_relay *direct = gw->relay_at(call, place), *relay;
	const struct gw_str *domain = NULL;
	size_t nth;

	for (nth = 0; nth < place && !domain; nth++) {
		relay = gw->relay_at(call, nth);
		domain = falls_to(call, relay, direct);
	}
	if (!domain)
		return;
	gw->problem_at(
		call, direct, "domains", false,
		"relay %.*s delivers directly, and its domains make it the next one whenever relay "
		"%.*s fails or is full: mail of %.*s leaves from here then; without domains it gets "
		"mail only where others name it",
		GW_STR_ARGS(name_of(direct)), GW_STR_ARGS(name_of(relay)), GW_STR_ARGS(*domain));
}

void rules_unwise(struct gw_call *call)
{
	const struct gw_relay *relay;
	size_t nth;

	check_default(call);
	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++)
		if (is_mx(relay))
			check_direct(call, nth);
}
