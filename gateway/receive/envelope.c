/* envelope.c - MAIL and RCPT: syntax, limits, then the hooks. */
#include "receive/session.h"

#include "base/log.h"
#include "queue/submit.h"

#define OFFERED                                                                                    \
	(SMTP_HAS_SIZE | SMTP_HAS_8BITMIME | SMTP_HAS_SMTPUTF8 | SMTP_HAS_DSN | SMTP_HAS_AUTH)

struct syntax_reply {
	int code;
	const char *enhanced, *text;
};

/* REQUIRETLS counts only where the message came over TLS itself (RFC 8689 section 4.1). */
static unsigned offered(const struct gw_session *session)
{
	if (!session->esmtp)
		return 0;
	return stream_is_tls(session->stream) ? OFFERED | SMTP_HAS_REQUIRETLS : OFFERED;
}

static void say_syntax(struct gw_session *session, enum smtp_syntax why, const char *bad_address)
{
	static const struct syntax_reply replies[] = {
		[SMTP_BAD_SYNTAX] = { 501, "5.5.4", "syntax error in arguments" },
		[SMTP_BAD_ADDRESS] = { 501, NULL, "that is no address" },
		[SMTP_BAD_PARAMETER] = { 501, "5.5.4", "malformed parameter" },
		[SMTP_UNKNOWN_PARAMETER] = { 555, "5.5.4", "unknown parameter" },
		[SMTP_TOO_BIG] = { 552, "5.3.4", "message too big" },
	};
	session_reply(session, replies[why].code,
		      replies[why].enhanced ? replies[why].enhanced : bad_address,
		      gw_str(replies[why].text));
	session_useless(session);
}

/* --- MAIL --- */

static struct gw_str first_of(struct gw_str a, struct gw_str b, struct gw_str c)
{
	return a.len ? a : b.len ? b : c;
}

static int copy_client(struct gw_message *message, const struct gw_session *session)
{
	struct {
		struct gw_str *to, from;
	} copies[] = {
		{ &message->client, session->client },
		{ &message->login, session->login },
		{ &message->type, first_of(session->type, session->listener->type,
					   session->snapshot->settings.default_type) },
		{ &message->domains, session->domains },
		{ &message->peer, stream_peer(session->stream) },
		{ &message->helo, session->helo },
		{ &message->listener, session->listener->name },
		{ &message->tls, stream_tls_text(session->stream) },
	};
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		*copies[i].to = arena_str(&message->arena, copies[i].from);
		if (!copies[i].to->ptr)
			return -1;
	}
	message->type_by = gw_str(session->type.len             ? "client"
				  : session->listener->type.len ? "listener"
								: "");
	return 0;
}

static struct gw_message *begin_message(struct gw_session *session, const struct smtp_mail *mail)
{
	struct gw_message *message = message_create(session->worker, session->snapshot,
						    submit_id(session->worker));
	if (!message)
		return NULL;
	log_hold(message->id);
	snapshot_hold(session->snapshot);
	session->message = message;
	message->sender = arena_str(&message->arena, mail->path.whole);
	message->body = mail->body;
	message->ret = mail->ret;
	message->smtputf8 = mail->smtputf8;
	message->requiretls = mail->requiretls;
	message->answer_wait = session->listener->accept ? session->listener->accept_wait : 0;
	message->envid = arena_str(&message->arena, mail->envid);
	message->content.size = mail->size > 0 ? (uint64_t)mail->size : 0;
	if (message->sender.ptr && message->envid.ptr && copy_client(message, session) == 0)
		return message;
	session_reset(session);
	return NULL;
}

static void mail_checked(struct gw_session *session)
{
	const enum gw_verdict verdict = session->call.answer.verdict;
	if (verdict == GW_CONTINUE || verdict == GW_ACCEPT) {
		session_coming(session, true);
		session_reply(session, 250, "2.1.0", gw_str("sender ok"));
		return;
	}
	session_answer(session, "550 5.7.1 sender refused", "451 4.3.0 not now, try again later");
	session_reset(session);
	if (verdict == GW_DISCONNECT)
		session_close(session);
	else
		session_useless(session);
}

static void mail_checked_later(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	mail_checked(session);
	session_ready(session);
}

/* Who the client is was settled when it came; what becomes of its mail goes by what is configured
 * now. Modules' bytes of the session belong to the instances that made them: the new ones begin
 * with none. */
static void renew(struct gw_session *session)
{
	struct snapshot *newest = snapshot_is_outdated(session->snapshot) ? snapshot_current()
									  : NULL;
	if (!newest)
		return;
	snapshot_release(session->snapshot);
	session->snapshot = newest;
	session->data = NULL;
	chain_init(&session->call, session->worker, newest, &session->arena);
	session->call.session = session;
	session->call.explain = call_log_reason;
}

static bool mail_room(struct gw_session *session, const struct smtp_mail *mail)
{
	if (mail->size > session->snapshot->settings.limits.message_size) {
		session_reply(session, 552, "5.3.4", gw_str("message too big"));
		session_useless(session);
		return false;
	}
	enum spool_result room = spool_room(runtime.spool, mail->size);
	if (room == SPOOL_FULL)
		session_reply(session, 452, "4.3.1",
			      gw_str("no room for a message now, try again later"));
	else if (room == SPOOL_FAILED)
		session_reply(session, 451, "4.3.0",
			      gw_str("cannot keep a message now, try again later"));
	return room == SPOOL_OK;
}

void mail_begin(struct gw_session *session, struct gw_str args)
{
	struct smtp_mail mail;
	renew(session);
	enum smtp_syntax syntax = smtp_mail_parse(args, offered(session), &mail);
	if (syntax != SMTP_OK) {
		say_syntax(session, syntax, "5.1.7");
		return;
	}
	if (!mail_room(session, &mail))
		return;
	if (!begin_message(session, &mail)) {
		session_reply(session, 451, "4.3.0", gw_str("no memory"));
		return;
	}
	session->call.session = session;
	session->call.message = session->message;
	session->call.arena = &session->message->arena;
	if (chain_run(&session->call, GW_HOOK_mail, mail_checked_later, session))
		mail_checked(session);
	else
		session_busy(session);
}

/* --- RCPT --- */

static void forget_last(struct gw_message *message)
{
	message->rcpt_count--;
}

static void log_denied(struct gw_session *session)
{
	const struct gw_rcpt *rcpt = session->call.rcpt;
	struct log_line *line = session_log_refusal(session, EVENT_RCPT_REFUSED);
	log_str(line, KEY_FROM, session->message->sender);
	log_str(line, KEY_TO, rcpt->address);
	log_text(line, KEY_BY,
		 session->call.answer.instance ? session->call.answer.instance
					       : "nobody voted for it");
	if (session->call.answer.text.len)
		log_str(line, KEY_REASON, session->call.answer.text);
	log_close(line);
}

static void rcpt_checked(struct gw_session *session)
{
	const struct chain_answer *answer = &session->call.answer;
	if (answer->verdict == GW_ACCEPT || (answer->verdict == GW_CONTINUE && answer->voted)) {
		session_reply(session, 250, "2.1.5", gw_str("recipient ok"));
		session_useful(session);
		return;
	}
	log_denied(session);
	if (answer->verdict == GW_CONTINUE)
		session_reply(session, 550, "5.7.1", gw_str("relaying denied"));
	else
		session_answer(session, "550 5.7.1 recipient refused",
			       "451 4.3.0 not now, try again later");
	forget_last(session->message);
	session->counted = true;
	session_useless(session);
}

static void rcpt_checked_later(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	rcpt_checked(session);
	session_ready(session);
}

void rcpt_begin(struct gw_session *session, struct gw_str args)
{
	struct smtp_rcpt rcpt;
	enum smtp_syntax syntax = smtp_rcpt_parse(args, offered(session),
						  session->message->smtputf8, &rcpt);
	if (syntax != SMTP_OK) {
		say_syntax(session, syntax, "5.1.3");
		return;
	}
	if ((int64_t)session->message->rcpt_count >=
	    session->snapshot->settings.limits.recipients) {
		session->phase = PHASE_LIMIT;
		session_reply(session, 452, "4.5.3",
			      gw_str("too many recipients, send the rest in another transaction"));
		return;
	}
	session->call.rcpt = message_rcpt_add(session->message, rcpt.path.whole, rcpt.orcpt,
					      rcpt.notify);
	if (!session->call.rcpt) {
		session_reply(session, 451, "4.3.0", gw_str("no memory"));
		return;
	}
	session->call.session = session;
	session->call.message = session->message;
	session->call.arena = &session->message->arena;
	if (chain_run(&session->call, GW_HOOK_rcpt, rcpt_checked_later, session))
		rcpt_checked(session);
	else
		session_busy(session);
}
