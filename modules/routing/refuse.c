/* refuse.c - saying 451 while the client is still there, so that its own rule for such mail takes over. */
#include "routing.h"

#include <stdio.h>

/* The way the mail would go now, as far as relays that are closed lead it on. */
struct way {
	struct gw_relay *asked[ROUTE_MAX];
	size_t count;
	char why[300]; /* of the relay that was left last */
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

	if (gw->relay_number(relay, GW_RELAY_ENABLED) != 1)
		return GW_CAUSE_OFF;
	if (!gw->relay_closed(call, relay, &closure) || closure.cause == GW_CAUSE_PACE)
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

bool is_refused(struct gw_call *call, const struct subject *subject)
{
	struct way way = { .count = 0 };
	enum found found = NOTHING;
	struct route route;
	size_t i;

	route_make(&route, call, subject);
	for (i = 0; i < route.count && found == NOTHING; i++)
		found = look_at(&way, call, route.relays[i]);
	if (found != REFUSAL)
		return false;
	gw->reply(call, 451, "4.7.1", "the relay takes no more %.*s mail now (%s): try your own server", GW_STR_ARGS(subject->type), way.why);
	return true;
}
