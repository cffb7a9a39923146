/* publications.c - which records have to be in the DNS: what modules say of those they need. They
 * are asked each time, and nothing is kept. */
#include "services/services.h"

/* Who listens in the hook `published`: gw_call.answer_to. */
struct listener {
	void (*each)(void *arg, const struct gw_publication *publication);
	void *arg;
};

static bool bounds_publication(const struct gw_publication *given)
{
	return bounds_name(given->name) && given->value.len <= 65535 && given->senders.len <= 4096;
}

void services_publication(struct gw_call *call, const struct gw_publication *publication)
{
	struct listener *listener = call->answer_to;
	struct gw_publication given = { .size = sizeof(given) };
	if (call->hook != GW_HOOK_published || !listener)
		return;
	memcpy(&given, publication,
	       publication->size < sizeof(given) ? publication->size : sizeof(given));
	given.size = sizeof(given);
	if (bounds_publication(&given))
		listener->each(listener->arg, &given);
	else
		bounds_refuse(call, "publication",
			      "a name is 1 to 255 octets, senders up to 4096, a value 64 KiB");
}

/* Asked from inside of `published`, it would never end. */
void services_publication_each(struct gw_call *call,
			       void (*each)(void *arg, const struct gw_publication *), void *arg)
{
	struct listener listener = { each, arg };
	const bool enough = false;
	if (call->hook == GW_HOOKS || call->hook == GW_HOOK_check ||
	    call->hook == GW_HOOK_control || call->hook == GW_HOOK_status)
		services_ask_started(call->snapshot, call->worker, GW_HOOK_published, &listener,
				     &enough);
	else
		bounds_refuse(call, "publication_each",
			      "that is asked in start, check, control, status");
}
