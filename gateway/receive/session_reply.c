/* session_reply.c - what a session says to its client, and what the log has of it. */
#include "receive/session.h"

#include <stdlib.h>

void session_reply(struct gw_session *session, int code, const char *enhanced, struct gw_str text)
{
	struct buf *out = stream_output(session->stream);
	if (reply_write(out, code, enhanced, text) == 0)
		stream_flush_later(session->stream);
	else /* a reply less, and each that follows would be taken for the one before it */
		stream_give_up(session->stream);
	if (code >= 400 && session->phase)
		emit_refused(session, code, text);
	else if (code < 300 || code >= 400) /* 334 and 354 ask for the rest of the command */
		session->phase = PHASE_NONE;
}

void session_say(struct gw_session *session, int code, const char *enhanced, const char *format,
		 ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	size_t used = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
	session_reply(session, code, enhanced, gw_str_n(text, used));
}

static bool fits(int code, enum gw_verdict verdict)
{
	return verdict == GW_REJECT ? code >= 500 && code <= 599 : code >= 400 && code <= 499;
}

/* `fallback` is a whole reply: "451 4.3.0 text". */
static void say_whole(struct gw_session *session, const char *fallback)
{
	char enhanced[12];
	size_t len = strcspn(fallback + 4, " ");
	memcpy(enhanced, fallback + 4, len);
	enhanced[len] = '\0';
	session_reply(session, atoi(fallback), enhanced, gw_str(fallback + 5 + len));
}

/* A message has a line of its own, under its id; what is refused before counts as one. A
 * recipient's line is its own: envelope.c. */
static void log_answer(struct gw_session *session)
{
	const struct chain_answer *answer = &session->call.answer;
	if (session->call.hook == GW_HOOK_rcpt)
		return;
	struct log_line *line = session->call.hook == GW_HOOK_message
					? session_log(session, EVENT_REFUSED)
					: session_log_refusal(session, EVENT_REFUSED);
	log_text(line, KEY_BY, answer->instance ? answer->instance : "nobody");
	log_str(line, KEY_REASON, answer->text);
	log_close(line);
}

void session_answer(struct gw_session *session, const char *reject, const char *tempfail)
{
	const struct chain_answer *answer = &session->call.answer;
	log_answer(session);
	if (answer->text.len && fits(answer->code, answer->verdict))
		session_reply(session, answer->code, answer->enhanced[0] ? answer->enhanced : NULL,
			      answer->text);
	else
		say_whole(session, answer->verdict == GW_REJECT ? reject : tempfail);
}

struct gw_str session_answer_text(struct gw_session *session, const char *reject)
{
	const struct chain_answer *answer = &session->call.answer;
	if (!answer->text.len || !fits(answer->code, GW_REJECT))
		return gw_str(reject);
	return arena_printf(&session->message->arena, "%d %s%s%s", answer->code, answer->enhanced,
			    answer->enhanced[0] ? " " : "", answer->text.ptr);
}

struct log_line *session_log(struct gw_session *session, enum event_id event)
{
	struct log_line *line = log_open(event);
	if (!line)
		return NULL;
	if (session->message)
		log_id(line, session->message->id);
	log_str(line, KEY_PEER, stream_peer(session->stream));
	if (session->client.len)
		log_str(line, KEY_CLIENT, session->client);
	return line;
}
