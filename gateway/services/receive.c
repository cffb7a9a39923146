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

void services_capability(struct gw_call *call, const char *line, bool offered)
{
	if (call->session && call->hook == GW_HOOK_ehlo && !strpbrk(line, "\r\n"))
		session_capability(call->session, gw_str(line), offered);
}

void services_identify(struct gw_call *call, const struct gw_identity *identity)
{
	struct gw_identity given = { 0 };
	struct gw_session *session = call->session;
	if (!session)
		return;
	memcpy(&given, identity, identity->size < sizeof(given) ? identity->size : sizeof(given));
	const char *wrong = bounds_identity(&given);
	if (wrong) {
		bounds_refuse(call, "identify", wrong);
		return;
	}
	if (given.client.len)
		session_set(session, &session->client, given.client);
	if (given.type.len)
		session_set(session, &session->type, given.type);
	if (given.domains.len)
		session_set(session, &session->domains, given.domains);
}

int services_type_set(struct gw_call *call, struct gw_message *message, struct gw_str type)
{
	if (call->hook < GW_HOOK_mail || call->hook > GW_HOOK_message)
		return -1;
	if (!bounds_type(type)) {
		bounds_refuse(call, "type_set",
			      "a type is a word of up to 64 letters, digits, '.', '_' and '-'");
		return -1;
	}
	struct gw_str copy = arena_str(&message->arena, type);
	if (!copy.ptr)
		return -1;
	message->type = copy;
	message->type_by = gw_str("module");
	return 0;
}
