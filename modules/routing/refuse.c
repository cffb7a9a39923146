/* refuse.c - saying 451 while the client is still there, so that its own rule for such mail takes
 * over. */
#include "routing.h"

#include <stdio.h>

/* The way the mail would go now, as far as relays that are closed lead it on. */
struct way {
	struct gw_relay *asked[ROUTE_MAX];
	size_t count;
	enum gw_cause cause; /* of the relay that was left last, */
	char why[300];       /* in words for the admin */
};

enum found { NOTHING, TAKER, REFUSAL };

static bool was_asked(const struct way *way, const struct gw_relay *relay)
{
	size_t i;

	for (i = 0; i < way->count; i++)
		if (way->asked[i] == relay)
			return true;
	return way->count == ROUTE_MAX;
}

/* Why it takes nothing now; 0: it does. */
static enum gw_cause closed(struct way *way, struct gw_call *call, struct gw_relay *relay)
{
	struct gw_closure closure = { .size = sizeof closure };

	if (gw->relay_number(relay, GW_RELAY_ENABLED) != 1) {
		snprintf(way->why, sizeof way->why, "%.*s is off",
			 GW_STR_ARGS(gw->relay_fact(relay, GW_RELAY_NAME)));
		return GW_CAUSE_OFF;
	}
	if (!gw->relay_closed(call, relay, &closure) || closure.cause == GW_CAUSE_RATE)
		return 0;
	snprintf(way->why, sizeof way->why, "%.*s", GW_STR_ARGS(closure.why));
	return closure.cause;
}

static enum found look_along(struct way *way, struct gw_call *call, struct gw_list names);

static enum found look_at(struct way *way, struct gw_call *call, struct gw_relay *relay)
{
	enum gw_cause cause;

	if (was_asked(way, relay))
		return NOTHING;
	way->asked[way->count++] = relay;
	cause = closed(way, call, relay);
	if (cause)
		way->cause = cause;
	return cause ? look_along(way, call, list_after(call, relay, cause)) : TAKER;
}

/* "wait" takes the mail too: into the queue. */
static enum found look_along(struct way *way, struct gw_call *call, struct gw_list names)
{
	enum found found = NOTHING;
	size_t i;

	for (i = 0; i < names.count && found == NOTHING; i++) {
		struct member member = member_of(call, names.items[i]);

		if (member.stop)
			return member.stop == STOP_REFUSE ? REFUSAL : TAKER;
		if (member.relay)
			found = look_at(way, call, member.relay);
	}
	return found;
}

/* What an admin is told of the relay is not the client's business. */
static const char *words_for_clients(enum gw_cause cause)
{
	switch (cause) {
	case GW_CAUSE_LIMIT:
		return "its limit is reached";
	case GW_CAUSE_OFF:
		return "it is switched off";
	default:
		return "it is out of service";
	}
}

static enum found look(struct way *way, struct gw_call *call, const struct subject *subject)
{
	enum found found = NOTHING;
	struct route route;
	size_t i;

	way->count = 0;
	route_make(&route, call, subject);
	for (i = 0; i < route.count && found == NOTHING; i++)
		found = look_at(way, call, route.relays[i]);
	return found;
}

static bool refuse(struct gw_call *call, const struct subject *subject, bool say_why)
{
	struct way way = { .count = 0 };

	if (look(&way, call, subject) != REFUSAL)
		return false;
	if (say_why)
		gw->reason(call, "%.*s mail is refused: %s", GW_STR_ARGS(subject->type), way.why);
	gw->reply(call, 451, "4.7.1",
		  "the relay takes no more %.*s mail now (%s): try your own server",
		  GW_STR_ARGS(subject->type), words_for_clients(way.cause));
	return true;
}

bool is_refused(struct gw_call *call, const struct subject *subject)
{
	return refuse(call, subject, true);
}

/* False: mail of this type has a way, or is given back for having none, which is no refusal for
 * now. */
static bool is_closed_to(struct gw_call *call, struct gw_str domain, struct gw_str type)
{
	struct subject subject = { .domain = domain, .type = type };
	struct way way = { .count = 0 };
	struct route route;

	route_make(&route, call, &subject);
	return route.count == 0 || look(&way, call, &subject) == REFUSAL;
}

bool is_refused_whatever_type(struct gw_call *call, const struct subject *subject)
{
	struct gw_relay *relay;
	size_t nth, i;

	/* A type that no rule names, and each that one does. */
	if (!is_closed_to(call, subject->domain, gw_str("")))
		return false;
	for (nth = 0; (relay = gw->relay_at(call, nth)) != NULL; nth++) {
		const struct rule *rule = gw->relay_conf(call, relay);

		for (i = 0; i < rule->types.count; i++)
			if (!is_closed_to(call, subject->domain, rule->types.items[i]))
				return false;
	}
	return refuse(call, subject, false);
}
