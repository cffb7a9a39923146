/* emit.c - the events of receiving: a message was accepted, or a client was refused. A client may
 * count every refusal against the gateway, and go round it after a few, so somebody has to know of
 * each. */
#include "receive/transaction.h"

static const char *const phases[] = {
	[PHASE_CONNECT] = "connect", [PHASE_EHLO] = "ehlo",   [PHASE_AUTH] = "auth",
	[PHASE_MAIL] = "mail",       [PHASE_RCPT] = "rcpt",   [PHASE_DATA] = "data",
	[PHASE_MESSAGE] = "message", [PHASE_LIMIT] = "limit", [PHASE_SESSIONS] = "sessions",
};

static void emit(struct worker *worker, struct snapshot *snapshot, struct gw_event *event,
		 enum session_phase phase, struct gw_str peer)
{
	char json[128];
	snprintf(json, sizeof(json), "{\"stage\":\"%s\",\"peer\":\"%.*s\"}", phases[phase],
		 (int)peer.len, peer.ptr);
	event->json = gw_str(json);
	event_tell(worker, snapshot, EVENT_REFUSED, event);
}

void emit_refused(struct gw_session *session, int code, struct gw_str text)
{
	struct gw_event event = {
		.message = session->message, .client = session->client, .code = code, .text = text
	};
	enum session_phase phase = session->phase;
	session->phase = PHASE_NONE;
	if (!chain_empty(session->snapshot, GW_HOOK_event))
		emit(session->worker, session->snapshot, &event, phase,
		     stream_peer(session->stream));
}

void emit_turned_away(struct worker *worker, struct snapshot *snapshot, int code,
		      struct gw_str text, struct gw_str peer)
{
	struct gw_event event = { .code = code, .text = text };
	emit(worker, snapshot, &event, PHASE_SESSIONS, peer);
}

void emit_accepted(const struct gw_message *message, const char *json)
{
	struct gw_event event = { .message = message,
				  .client = message->client,
				  .json = gw_str(json) };
	event_tell(message->worker, message->snapshot, EVENT_ACCEPTED, &event);
}

/* Its bytes were complete, and it left before it heard what became of them. */
static void emit_left(const struct gw_message *message)
{
	struct gw_event event = { .message = message,
				  .client = message->client,
				  .text = gw_str("the link was lost before the answer") };
	emit(message->worker, message->snapshot, &event, PHASE_MESSAGE, message->peer);
}

/* What is kept is accepted, though its client will not count it so. */
void emit_unanswered(const struct gw_message *message, bool kept)
{
	if (kept)
		emit_accepted(message, "{\"answered\":false}");
	else
		emit_left(message);
}

void emit_gone(struct gw_session *session)
{
	if (cutthrough_waits(session))
		message_unanswered(session->message, true);
	else if (session->phase == PHASE_MESSAGE && session->message)
		emit_left(session->message);
	session->phase = PHASE_NONE;
}
