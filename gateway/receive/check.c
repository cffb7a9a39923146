#include "receive/transaction.h"

#include "base/clock.h"

#include <stdlib.h>

/* --- what a module says --- */

static void commit_released(struct gw_call *call, void *arg)
{
	transaction_commit(arg);
}

/* The queue may free the message at any time: work that a module gave up on has to have returned.
 */
static void commit_when_free(struct gw_session *session)
{
	session->call.done = commit_released;
	session->call.arg = session;
	if (chain_cancel(&session->call))
		transaction_commit(session);
	else if (!session->busy)
		session_busy(session);
}

static void discard(struct gw_session *session)
{
	char id[ID_TEXT];
	COUNT(discarded);
	log_keep(session->message->id); /* it has a 250 as any other */
	struct log_line *line = session_log(session, EVENT_DISCARDED);
	log_text(line, KEY_BY, session->call.answer.instance ? session->call.answer.instance : "");
	log_close(line);
	session_say(session, 250, "2.0.0", "Ok: queued as %s", id_format(session->message->id, id));
	emit_accepted(session->message, "{\"discarded\":true}");
	session_reset(session);
}

#define REFUSED "554 5.7.1 message refused"

/* Its client is told 250, and the queue gives it back; the note is written with the envelope, so
 * that it is never taken for a message to deliver. False: refuse it then. */
static bool accept_then_bounce(struct gw_session *session)
{
	struct gw_message *message = session->message;
	struct gw_str reply = session_answer_text(session, REFUSED);
	if (!reply.ptr || message_note_set(message, gw_str(NOTE_REFUSED), reply) != 0)
		return false;
	struct log_line *line = session_log(session, EVENT_REFUSED_TAKEN);
	log_text(line, KEY_BY, session->call.answer.instance);
	log_str(line, KEY_REPLY, reply);
	log_close(line);
	commit_when_free(session);
	return true;
}

static void message_checked(struct gw_session *session)
{
	const struct chain_answer *answer = &session->call.answer;
	switch (answer->verdict) {
	case GW_CONTINUE:
	case GW_ACCEPT:
		commit_when_free(session);
		return;
	case GW_HOLD:
		session->message->held = true;
		session->message->hold_reason = answer->text.len ? answer->text
								 : gw_str(answer->instance);
		commit_when_free(session);
		return;
	case GW_DISCARD:
		discard(session);
		return;
	default:
		if (answer->verdict == GW_REJECT && session->message->accept_then_bounce &&
		    accept_then_bounce(session))
			return;
		COUNT(messages_refused);
		session_answer(session, REFUSED, "451 4.3.0 not now, try again later");
		session_reset(session);
		session_useless(session);
	}
}

static void message_checked_later(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	message_checked(session);
	if (!session->transaction)
		session_ready(session);
}

/* --- what the gateway itself looks at --- */

/* Where a client is bound to domains, a From that only lenient readers see would pass by what binds
 * it. */
static bool hides_its_header(const struct gw_message *message, const struct header_block *header)
{
	return header->hidden && message->domains.len;
}

static void log_odd_header(struct gw_session *session, const struct header_block *header)
{
	struct log_line *line = session_log(session, EVENT_HEADER_ODD);
	log_int(line, KEY_FIELDS, (int64_t)header->count);
	log_text(line, KEY_BEHIND, header->hidden ? "fields" : "text");
	log_close(line);
}

/* What looks at the header sees all of it, or the message is not taken. True: it was refused. */
static bool header_refused(struct gw_session *session)
{
	struct gw_message *message = session->message;
	const struct header_block *header = message_headers(message);
	if (!header && message->header_too_large)
		message_refuse(session, 554, "5.6.0", "the header is too large");
	else if (!header)
		message_refuse(session, 451, "4.3.0",
			       "cannot read the message's header now, try again later");
	else if (hides_its_header(message, header))
		message_refuse(session, 554, "5.6.0",
			       "a line in the header is no field, and fields stand behind it");
	else {
		if (header->odd)
			log_odd_header(session, header);
		return false;
	}
	return true;
}

static unsigned hops(struct gw_message *message)
{
	const struct header_block *headers = message_headers(message);
	unsigned count = 0;
	for (size_t i = 0; headers && i < headers->count; i++)
		count += gw_str_ieq(headers->fields[i].name, gw_str("Received"));
	return count;
}

/* A name beyond ASCII was taken, and a trace field is ASCII. */
static struct gw_str ascii_name(struct gw_message *message)
{
	struct gw_str copy = message->helo;
	size_t at = 0;
	while (at < copy.len && (unsigned char)copy.ptr[at] <= 127)
		at++;
	if (at < copy.len)
		copy = arena_str(&message->arena, message->helo);
	for (size_t i = at; i < copy.len; i++)
		if ((unsigned char)copy.ptr[i] > 127)
			((char *)copy.ptr)[i] = '?';
	return copy;
}

/* RFC 5321 section 4.4; the name the client gave is checked by EHLO, addresses by their grammar. */
static int received_field_add(struct gw_session *session)
{
	struct gw_message *message = session->message;
	const struct gw_str host = session->snapshot->settings.hostname;
	char id[ID_TEXT], date[CLOCK_RFC5322];
	const struct gw_str helo = ascii_name(message);
	bool v6 = gw_str_find(message->peer, ':') < message->peer.len,
	     one = message->rcpt_count == 1 && message->rcpts[0]->address.len < 200;
	message->trace = arena_printf(
		&message->arena,
		"Received: from %.*s ([%s%.*s])\r\n\tby %.*s with %s%s%s id %s%s%.*s%s;\r\n\t%s\r\n",
		(int)helo.len, helo.ptr ? helo.ptr : "?", v6 ? "IPv6:" : "", (int)message->peer.len,
		message->peer.ptr, (int)host.len, host.ptr,
		message->smtputf8 ? "UTF8SMTP"
		: session->esmtp  ? "ESMTP"
				  : "SMTP",
		message->tls.len ? "S" : "", message->login.len ? "A" : "",
		id_format(message->id, id), one ? "\r\n\tfor <" : "",
		one ? (int)message->rcpts[0]->address.len : 0,
		one ? message->rcpts[0]->address.ptr : "", one ? ">" : "",
		clock_rfc5322(clock_wall(), date));
	return message->trace.ptr ? 0 : -1;
}

static void free_bytes(void *arg)
{
	free(arg);
}

/* The buffer becomes the message's: it is delivered from memory, without a copy. */
static int hand_over(struct transaction *transaction, struct gw_message *message)
{
	struct buf *bytes = &transaction->bytes;
	if (bytes->data && arena_defer(&message->arena, free_bytes, bytes->data) != 0)
		return -1;
	message->content = (struct spool_content){
		.spool = runtime.spool,
		.id = message->id,
		.size = transaction->size,
		.extents = transaction->extents,
		.extent_count = transaction->extent_count,
		.tail = buf_str(bytes),
	};
	message->eight_bit = transaction->reader.eight_bit;
	message->long_line = transaction->reader.long_line;
	buf_init(bytes, 0);
	return 0;
}

struct flaw {
	bool found;
	int code;
	const char *enhanced, *text;
};

/* True: it was refused. */
static bool message_flawed(struct gw_session *session)
{
	const struct transaction *transaction = session->transaction;
	const struct flaw flaws[] = {
		{ transaction->too_big, 552, "5.3.4", "message too big" },
		{ transaction->reader.bare, 554, "5.6.0",
		  "a bare CR or LF is in the message: lines end in CRLF" },
		{ transaction->reader.nul, 554, "5.6.0", "a NUL is in the message" },
		{ transaction->result == SPOOL_FULL, 452, "4.3.1",
		  "no room for a message now, try again later" },
		{ transaction->result == SPOOL_FAILED, 451, "4.3.0",
		  "cannot keep the message now, try again later" },
	};
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		if (!flaws[i].found)
			continue;
		message_refuse(session, flaws[i].code, flaws[i].enhanced, flaws[i].text);
		return true;
	}
	return false;
}

static void message_check(struct gw_session *session)
{
	struct gw_message *message = session->message;
	if (hand_over(session->transaction, message) != 0 || received_field_add(session) != 0) {
		message_refuse(session, 451, "4.3.0", "no memory");
		return;
	}
	if (header_refused(session))
		return;
	if (hops(message) > session->snapshot->settings.limits.hops) {
		COUNT(loops);
		message_refuse(session, 554, "5.4.6", "too many hops: the message loops");
		return;
	}
	session->call.session = session;
	session->call.message = message;
	session->call.arena = &message->arena;
	session->call.rcpt = NULL;
	if (chain_run(&session->call, GW_HOOK_message, message_checked_later, session))
		message_checked(session);
	else if (!session->busy)
		session_busy(session);
}

/* All bytes are here and every extent is in the log. */
void transaction_check(struct transaction *transaction)
{
	struct gw_session *session = transaction->session;
	bool waited = session->busy;
	if (!message_flawed(session))
		message_check(session);
	/* What was awaited were the extents; a transaction that is left awaits something new. */
	if (waited && !session->transaction)
		session_ready(session);
}
