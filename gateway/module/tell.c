#include "module/chain.h"

#include "mail/message.h"

/* What modules allocate goes with the message; where there is none, with the event: a session may
 * live for long, and be refused often. */
void event_tell(struct worker *worker, struct snapshot *snapshot, struct gw_event *event)
{
	struct gw_message *message = (struct gw_message *)event->message;
	struct arena arena;
	struct gw_call call;
	if (chain_empty(snapshot, GW_HOOK_event))
		return;
	event->size = sizeof(*event);
	event->time = worker_wall(worker);
	arena_init(&arena, 0);
	chain_init(&call, worker, snapshot, message ? &message->arena : &arena);
	call.message = message;
	call.argument = event;
	call.explain = call_log_reason;
	chain_tell(&call, GW_HOOK_event);
	arena_finish(&arena);
}
