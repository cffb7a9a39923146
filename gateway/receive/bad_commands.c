/* bad_commands.c - how much a client may say that brings no message closer, and what is written of
 * it.
 *
 * One count for every kind of it: commands that do nothing, refused commands, refused messages. A
 * message that is taken begins the count anew, so that a client with a connection of days is not
 * ended for what it did wrong last week. */
#include "receive/session.h"

#include "base/log.h"

bool session_useless(struct gw_session *session)
{
	if (++session->junk <= session->snapshot->settings.limits.junk)
		return true;
	log_close(session_log(session, EVENT_JUNK_LIMIT));
	session_reply(session, 421, "4.7.0", gw_str("too many useless commands"));
	session_close(session);
	return false;
}

/* A list of recipients with some bad ones among them is not ended for these. */
void session_useful(struct gw_session *session)
{
	if (session->junk)
		session->junk--;
}

struct log_line *session_log_refusal(struct gw_session *session, enum event_id event)
{
	return session->refusals++ ? NULL : session_log(session, event);
}

/* Without the id of a message: it is of no single one. */
void session_refusals_end(struct gw_session *session)
{
	if (session->refusals > 1) {
		struct log_line *line = log_open(EVENT_REFUSED_MORE);
		log_str(line, KEY_PEER, stream_peer(session->stream));
		if (session->client.len)
			log_str(line, KEY_CLIENT, session->client);
		log_int(line, KEY_COUNT, session->refusals - 1);
		log_close(line);
	}
	session->refusals = 0;
}

void session_taken(struct gw_session *session)
{
	session_refusals_end(session);
	session->junk = 0;
	session->messages++;
}
