/* tell.c - the events of receiving: a message was accepted, or a client was refused. A client may count every refusal against the gateway,
 * and go round it after a few, so somebody has to know of each. */
#include "receive/session.h"

static const char *const points[] = {
	[POINT_CONNECT] = "connect", [POINT_EHLO] = "ehlo", [POINT_AUTH] = "auth",       [POINT_MAIL] = "mail",
	[POINT_RCPT] = "rcpt",       [POINT_DATA] = "data", [POINT_MESSAGE] = "message", [POINT_LIMIT] = "limit",
};

static void tell(struct worker *worker, struct snapshot *snapshot, struct gw_event *event, enum point point, struct gw_str peer)
{
	char json[128];
	snprintf(json, sizeof(json), "{\"stage\":\"%s\",\"peer\":\"%.*s\"}", points[point], (int)peer.len, peer.ptr);
	event->name = gw_str("refused");
	event->json = gw_str(json);
	event_tell(worker, snapshot, event);
}

void tell_refused(struct gw_session *session, int code, struct gw_str text)
{
	struct gw_event event = { .message = session->message, .client = session->client, .code = code, .text = text };
	enum point point = session->point;
	session->point = POINT_NONE;
	if (!chain_empty(session->snapshot, GW_HOOK_event))
		tell(session->worker, session->snapshot, &event, point, stream_peer(session->stream));
}

void tell_accepted(const struct gw_message *message, const char *json)
{
	struct gw_event event = { .name = gw_str("accepted"), .message = message, .client = message->client, .json = gw_str(json) };
	event_tell(message->worker, message->snapshot, &event);
}

/* Its bytes were complete, and it left before it heard what became of them. */
static void tell_left(const struct gw_message *message)
{
	struct gw_event event = { .message = message, .client = message->client, .text = gw_str("the link was lost before the answer") };
	tell(message->worker, message->snapshot, &event, POINT_MESSAGE, message->peer);
}

/* What is kept is accepted, though its client will not count it so. */
void tell_unanswered(const struct gw_message *message, bool kept)
{
	if (kept)
		tell_accepted(message, "{\"answered\":false}");
	else
		tell_left(message);
}

void tell_gone(struct gw_session *session)
{
	if (session->point == POINT_MESSAGE && session->message)
		tell_left(session->message);
	session->point = POINT_NONE;
}
