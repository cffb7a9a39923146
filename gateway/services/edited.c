/* edited.c - which mail modules say that they change. */
#include "services/services.h"

/* Who listens in the hook `edits`: gw_call.answer_to. */
struct listener {
	bool (*each)(void *arg, const struct gw_edit *edit);
	void *arg;
	bool enough;
};

bool services_edit_known(struct gw_call *call, const struct gw_edit *edit)
{
	struct listener *listener = call->answer_to;
	struct gw_edit given = { .size = sizeof(given) };
	if (call->hook != GW_HOOK_edits || !listener || listener->enough)
		return false;
	memcpy(&given, edit, edit->size < sizeof(given) ? edit->size : sizeof(given));
	given.size = sizeof(given);
	given.by = gw_str(call->instance->name);
	if (given.domain.len && !bounds_name(given.domain))
		bounds_refuse(call, "edit_known",
			      "a domain is up to 255 octets without control characters");
	else
		listener->enough = !listener->each(listener->arg, &given);
	return !listener->enough;
}

/* Asked from inside of `edits`, it would never end. */
void services_edit_each(struct gw_call *call, bool (*each)(void *arg, const struct gw_edit *),
			void *arg)
{
	struct listener listener = { each, arg, false };
	if (call->hook == GW_HOOKS || call->hook == GW_HOOK_check)
		services_ask_started(call->snapshot, call->worker, GW_HOOK_edits, &listener,
				     &listener.enough);
	else
		bounds_refuse(call, "edit_each", "that is asked in start and check");
}
