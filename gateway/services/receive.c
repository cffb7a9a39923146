#include "services/services.h"

#include "mail/message.h"
#include "receive/session.h"

/* A client gives up after 10 minutes: RFC 5321 section 4.5.3.2. */
#define WAIT_MOST (5 * 60 * 1000)

/* Before mail there is no message, and after the message hook it has been answered. */
static bool is_unanswered(const struct gw_call *call)
{
	return call->hook >= GW_HOOK_mail && call->hook <= GW_HOOK_message;
}

void services_accept_then_bounce(struct gw_call *call, struct gw_message *message)
{
	if (is_unanswered(call))
		message->accept_then_bounce = true;
}

void services_await_next_hop(struct gw_call *call, struct gw_message *message, int64_t ms)
{
	if (is_unanswered(call))
		message->answer_wait = ms < 0 ? 0 : ms > WAIT_MOST ? WAIT_MOST : ms;
}

void services_mechanism(struct gw_call *call, const char *name, bool offered)
{
	if (call->session && call->hook == GW_HOOK_ehlo && name)
		session_mechanism(call->session, call->instance, gw_str(name), offered);
}

void services_token_refused(struct gw_call *call, struct gw_str status, struct gw_str scope)
{
	struct gw_str kept = arena_str(call->arena, status), wanted = arena_str(call->arena, scope);

	if (call->session && call->hook == GW_HOOK_auth && kept.ptr && wanted.ptr)
		session_token_refused(call->session, kept, wanted);
}

void services_proof_keys(struct gw_call *call, const struct gw_proof_keys *keys)
{
	if (call->session && call->hook == GW_HOOK_auth && keys &&
	    keys->size >= sizeof(struct gw_proof_keys))
		session_proof_keys(call->session, keys);
}
