/* routing.c - which relays may take a message: those whose rule names its sender's domain and its type, in the order of their
 * files, then their fallbacks. README.md tells it with examples. */
#include "routing.h"

static const struct gw_option options[] = {
	{ .key = "default", .type = GW_OPTION_LIST, .offset = offsetof(struct config, defaults),
	  .help = "Relays for mail that no relay's rule names." },
	{ .key = "no_route", .type = GW_OPTION_WORD, .offset = offsetof(struct config, no_route), .words = "reject|wait", .fallback = "reject",
	  .help = "What becomes of mail that has no relay at all: given back, or kept until there is one." },
	GW_OPTIONS_END,
};

static const struct gw_option relay_options[] = {
	{ .key = "domains", .type = GW_OPTION_LIST, .offset = offsetof(struct rule, domains),
	  .help = "Sender domains that go this way: \"example.com\", \"*.example.com\" (what is below it), \"*\" (all); none: only as "
		  "somebody's fallback or default." },
	{ .key = "types", .type = GW_OPTION_LIST, .offset = offsetof(struct rule, types),
	  .help = "Types of mail that go this way: \"mass\", \"workflow\", ...; none: all types." },
	{ .key = "fallback", .type = GW_OPTION_LIST, .offset = offsetof(struct rule, fallback),
	  .help = "Relays to try when this one cannot take the mail, in this order." },
	GW_OPTIONS_END,
};

/* Mail that the gateway itself wrote (a bounce to a client) is from no client's domain: it takes the default, or the first relay. */
static void route_own_mail(struct route *route, struct gw_call *call)
{
	const struct config *config = gw->conf(call);
	struct gw_relay *first = gw->relay_at(call, 0);

	route_add_named(route, call, config->defaults);
	if (route->count == 0 && first)
		route->relays[route->count++] = first;
}

static void route_clients_mail(struct route *route, struct gw_call *call, const struct subject *subject)
{
	const struct config *config = gw->conf(call);

	route_add_matching(route, call, subject);
	if (route->count == 0)
		route_add_named(route, call, config->defaults);
}

/* Only mail without a From field and with the null sender has no domain; "*" names that as well. */
static struct subject subject_of(struct gw_message *message)
{
	struct subject subject = {
		.domain = gw->message_fact(message, GW_MESSAGE_FROM_DOMAIN),
		.type = gw->message_fact(message, GW_MESSAGE_TYPE),
	};

	if (subject.domain.len == 0)
		subject.domain = gw_str("<>");
	return subject;
}

static enum gw_verdict no_relay(struct gw_call *call, const struct subject *subject)
{
	const struct config *config = gw->conf(call);
	bool wait = config->no_route == NO_ROUTE_WAIT;

	gw->reply(call, wait ? 451 : 550, wait ? "4.7.1" : "5.7.1", "no relay is set for %.*s mail from %.*s",
		  GW_STR_ARGS(subject->type), GW_STR_ARGS(subject->domain));
	return wait ? GW_TEMPFAIL : GW_REJECT;
}

/* A relay that is switched off comes back one day: its mail waits for that, whatever no_route says. */
static enum gw_verdict all_are_off(struct gw_call *call, const struct subject *subject)
{
	gw->reply(call, 451, "4.3.5", "every relay for %.*s mail from %.*s is switched off", GW_STR_ARGS(subject->type),
		  GW_STR_ARGS(subject->domain));
	return GW_TEMPFAIL;
}

static enum gw_verdict take(struct gw_call *call, const struct route *route, const struct subject *subject)
{
	size_t i, taken = 0;

	for (i = 0; i < route->count; i++) {
		if (!relay_is_on(route->relays[i]))
			continue;
		if (gw->route_add(call, route->relays[i]) != 0)
			return GW_FAILED;
		taken++;
	}
	if (taken == 0)
		return all_are_off(call, subject);
	route_explain(route, call, subject);
	return GW_ACCEPT;
}

static enum gw_verdict on_route(struct gw_call *call, struct gw_message *message, struct gw_rcpt *rcpt)
{
	struct subject subject = subject_of(message);
	struct route route = { .count = 0 };

	if (gw->message_number(message, GW_MESSAGE_OWN) == 1)
		route_own_mail(&route, call);
	else
		route_clients_mail(&route, call, &subject);
	if (route.count == 0)
		return no_relay(call, &subject);
	route.chosen = route.count;
	route_add_fallbacks(&route, call);
	return take(call, &route, &subject);
}

GW_MODULE(.name = "routing", .version = "1.0", .summary = "chooses relays by sender domain and type of mail",
	  .options = options, .conf_size = sizeof(struct config), .relay_options = relay_options, .relay_conf_size = sizeof(struct rule),
	  .start = rules_check, .route = on_route)
