/* closures.c - relays that take no mail for now, and why: one closure for each who closed it. */
#include "kit.h"

/* Under kit_lock(), the functions up to the next remark. */
static struct closure **find(struct gw_relay *relay, const char *by)
{
	struct closure **at;

	for (at = &relay->closures; *at && strcmp((*at)->said.by.ptr, by) != 0; at = &(*at)->next)
		;
	return at;
}

static bool is_past(const struct gw_relay *relay, const struct gw_closure *said)
{
	return said->until != 0 && said->until <= relay->kit->time;
}

static bool lasts_longer(const struct gw_closure *a, const struct gw_closure *b)
{
	return b->until != 0 && (a->until == 0 || a->until > b->until);
}

static const struct gw_closure *longest(const struct gw_relay *relay)
{
	const struct gw_closure *found = NULL;
	const struct closure *closure;

	for (closure = relay->closures; closure; closure = closure->next)
		if (!is_past(relay, &closure->said) &&
		    (!found || lasts_longer(&closure->said, found)))
			found = &closure->said;
	return found;
}

/* These take the lock. */
void testkit_close(struct gw_relay *relay, enum gw_cause cause, int64_t until, const char *by,
		   const char *why)
{
	struct testkit *kit = relay->kit;
	struct closure *closure = kit_alloc(kit, sizeof *closure), **at;

	closure->said = (struct gw_closure){ sizeof closure->said, cause, until,
					     kit_str(kit, gw_str(by)),
					     kit_str(kit, gw_str(why ? why : "")) };
	kit_lock();
	at = find(relay, by);
	closure->next = *at ? (*at)->next : NULL;
	*at = closure;
	kit_unlock();
}

void testkit_open(struct gw_relay *relay, const char *by)
{
	struct closure **at;

	kit_lock();
	at = find(relay, by);
	if (*at)
		*at = (*at)->next;
	kit_unlock();
}

const struct gw_closure *testkit_closed(struct gw_relay *relay)
{
	const struct closure *closure;
	bool closed;

	kit_lock();
	closure = *find(relay, relay->kit->module.name);
	closed = closure && !is_past(relay, &closure->said);
	kit_unlock();
	return closed ? &closure->said : NULL;
}

int64_t testkit_pace(struct gw_relay *relay)
{
	int64_t pace;

	kit_lock();
	pace = relay->pace;
	kit_unlock();
	return pace;
}

void closures_forget(struct testkit *kit)
{
	struct gw_relay *relay;

	for (relay = kit->relays; relay; relay = relay->next) {
		relay->closures = NULL;
		relay->pace = 0;
	}
}

/* A relay is handed to modules as const: they change the world around it, which here is kept in it.
 */
static struct gw_relay *own(const struct gw_relay *relay)
{
	return (struct gw_relay *)relay;
}

void service_relay_close(struct gw_call *call, const struct gw_relay *relay, enum gw_cause cause,
			 int64_t until, const char *why)
{
	if (cause < GW_CAUSE_FAILURE || cause > GW_CAUSE_RATE)
		kit_misuse(call->kit, "relay_close() is given cause %d, which is none", (int)cause);
	else
		testkit_close(own(relay), cause, until, call->kit->module.name, why);
}

void service_relay_open(struct gw_call *call, const struct gw_relay *relay)
{
	testkit_open(own(relay), call->kit->module.name);
}

bool service_relay_closed(struct gw_call *call, const struct gw_relay *relay,
			  struct gw_closure *closure)
{
	const struct gw_closure *found;

	if (kit_unsized(call, "gw_closure", closure->size))
		return false;
	kit_lock();
	found = longest(relay);
	if (found)
		memcpy((char *)closure + sizeof closure->size,
		       (const char *)found + sizeof found->size,
		       (closure->size < found->size ? closure->size : found->size) -
			       sizeof found->size);
	kit_unlock();
	return found != NULL;
}

void service_relay_connections(struct gw_call *call, const struct gw_relay *relay,
			       int64_t connections)
{
	if (connections < 0) {
		kit_misuse(call->kit, "relay_connections() is given %lld connections",
			   (long long)connections);
		return;
	}
	kit_lock();
	own(relay)->pace = connections;
	kit_unlock();
}
