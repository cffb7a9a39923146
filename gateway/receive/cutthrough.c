/* cutthrough.c - a client that hears what its next hop says of the message.
 *
 * The message is kept and queued as any other before somebody is asked; a client that hears
 * nothing, since it left or the gateway died, has handed in a message that goes out all the same.
 * The session keeps its own copy: the queue's may leave memory while the client waits. */
#include "receive/transaction.h"

#include "base/log.h"

/* --- the next hop has spoken, or will not in time --- */

static const struct {
	const char *by, *reason;
} ends[ASKER_ENDS] = {
	[ASKER_DELIVERED] = { "next hop" },
	[ASKER_REFUSED] = { "next hop" },
	[ASKER_LOST] = { "gateway", "the spool did not keep that the next hop refused it" },
	[ASKER_OPEN] = { "gateway", "the next hop did not take or refuse it for all recipients" },
	[ASKER_LATE] = { "gateway", "no answer of the next hop in time" },
	[ASKER_ORDERED] = { "gateway", "an admin said what becomes of it" },
	[ASKER_STOPPED] = { "gateway", "the gateway stops" },
};

static void log_answered(struct gw_session *session, enum asker_end end, int code,
			 struct gw_str text)
{
	struct log_line *line = session_log(session, EVENT_ANSWERED);
	log_text(line, KEY_BY, ends[end].by);
	log_int(line, KEY_CODE, code);
	if (ends[end].reason)
		log_text(line, KEY_REASON, ends[end].reason);
	else
		log_str(line, KEY_TEXT, text);
	log_close(line);
}

static const char *enhanced_text(const struct smtp_reply *reply, char text[12])
{
	snprintf(text, 12, "%u.%u.%u", reply->enhanced[0], reply->enhanced[1], reply->enhanced[2]);
	return text;
}

static void say_refusal(struct gw_session *session, const struct smtp_reply *reply)
{
	char enhanced[12];
	log_answered(session, ASKER_REFUSED, reply->code, reply->text);
	COUNT(messages_refused);
	session_reply(session, reply->code, enhanced_text(reply, enhanced), reply->text);
	session_reset(session);
}

static void say_delivered(struct gw_session *session, const struct smtp_reply *reply)
{
	char enhanced[12];
	log_answered(session, ASKER_DELIVERED, 250, reply->text);
	message_accept(session, enhanced_text(reply, enhanced), reply->text,
		       "{\"delivered\":true}");
	session_reset(session);
}

static void say_lost(struct gw_session *session)
{
	log_answered(session, ASKER_LOST, 451, gw_str(""));
	message_refuse(session, 451, "4.3.0", "cannot keep what became of it, try again later");
}

static void say_queued(struct gw_session *session, enum asker_end end)
{
	log_answered(session, end, 250, gw_str(""));
	message_accept_queued(session);
	session_reset(session);
}

static void told(struct asker *asker, enum asker_end end, const struct smtp_reply *reply)
{
	struct transaction *transaction = list_of(asker, struct transaction, asker);
	struct gw_session *session = transaction->session;
	if (!session) {
		transaction_free(transaction);
		return;
	}
	if (end == ASKER_REFUSED)
		say_refusal(session, &transaction->refusal);
	else if (end == ASKER_DELIVERED)
		say_delivered(session, reply);
	else if (end == ASKER_LOST)
		say_lost(session);
	else
		say_queued(session, end);
	session_end_old(session);
	session_ready(session);
}

/* Who closed its side may be gone: nothing is lost where it gets a report instead. */
static bool refuse(struct asker *asker, const struct smtp_reply *reply)
{
	struct transaction *transaction = list_of(asker, struct transaction, asker);
	struct gw_session *session = transaction->session;
	if (stream_peer_closed(session->stream))
		return false;
	transaction->refusal = *reply;
	transaction->refusal.text = arena_str(&session->message->arena, reply->text);
	return transaction->refusal.text.ptr != NULL;
}

/* --- begin and end --- */

/* What is held is not delivered now, and what was refused already is given back. */
static bool is_wanted(const struct gw_message *message)
{
	return message->answer_wait && !message->held &&
	       !message_note(message, gw_str(NOTE_REFUSED)).ptr &&
	       !atomic_load_explicit(&runtime.stopping, memory_order_relaxed);
}

bool cutthrough_begin(struct gw_session *session)
{
	struct gw_message *message = session->message;
	struct transaction *transaction = session->transaction;
	if (!is_wanted(message))
		return false;
	transaction->asker = (struct asker){ .id = message->id, .refuse = refuse, .told = told };
	if (queue_ask(session->worker, &transaction->asker, message->answer_wait) != 0)
		return false;
	transaction->queued = true;
	buf_finish(&transaction->envelope);
	queue_add_stored(session->worker, message->id);
	return true;
}

bool cutthrough_waits(const struct gw_session *session)
{
	const struct transaction *transaction = session->transaction;
	return transaction && transaction->queued && transaction->asker.state == ASKER_WAITS;
}

void cutthrough_end(struct transaction *transaction)
{
	if (queue_unask(transaction->worker, &transaction->asker))
		transaction_free(transaction);
}
