#include "module/chain.h"

#include "mail/message.h"

static void fill_in(struct gw_event *details, enum event_id event)
{
	struct gw_str *texts[] = { &details->text, &details->json, &details->client,
				   &details->relay };
	details->size = sizeof(*details);
	details->name = gw_str(event_name(event));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!texts[i]->ptr)
			*texts[i] = gw_str("");
}

/* What modules allocate goes with the message; where there is none, with the event: a session may
 * live for long, and be refused often. */
void event_tell(struct worker *worker, struct snapshot *snapshot, enum event_id event,
		struct gw_event *details)
{
	struct gw_message *message = (struct gw_message *)details->message;
	struct arena arena;
	struct gw_call call;
	if (chain_empty(snapshot, GW_HOOK_event))
		return;
	fill_in(details, event);
	details->time = worker_wall(worker);
	arena_init(&arena, 0);
	chain_init(&call, worker, snapshot, message ? &message->arena : &arena);
	call.message = message;
	call.argument = details;
	call.explain = call_log_reason;
	chain_tell(&call, GW_HOOK_event);
	arena_finish(&arena);
}
