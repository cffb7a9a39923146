/* verbs.c - the table of verbs: what each one needs, and who carries it out. */
#include "receive/session.h"

#include "base/log.h"

/* What must be so before a verb is carried out; the first that is not gives the reply. */
enum need {
	NEED_HELO = 1,       /* 503 before EHLO */
	NEED_NO_MAIL = 2,    /* 503 inside a transaction */
	NEED_MAIL = 4,       /* 503 outside one */
	NEED_RCPT = 8,       /* 503 before a recipient was accepted */
	NEED_CLEAR = 16,     /* 503 once TLS is on */
	NEED_ESMTP = 32,     /* 503 after HELO */
	NEED_ARGS = 64,      /* 501 without arguments */
	NEED_NO_ARGS = 128,  /* 501 with some */
	NEED_RUNNING = 256,  /* 421 while the gateway stops */
	NEED_NO_BYTES = 512, /* 503 once a chunk of the message came */
};

struct verb {
	unsigned needs;
	void (*run)(struct gw_session *session, struct gw_str args);
	bool junk; /* counts towards the limit of useless commands */
	enum session_phase phase;
	bool if_rejected; /* also for a client that was turned away when it came */
};

static void do_ehlo(struct gw_session *session, struct gw_str args)
{
	ehlo_begin(session, args, true);
}

static void do_helo(struct gw_session *session, struct gw_str args)
{
	ehlo_begin(session, args, false);
}

static void do_starttls(struct gw_session *session, struct gw_str args)
{
	if (session->listener->tls != TLS_STARTTLS)
		session_reply(session, 502, "5.5.1", gw_str("TLS is not offered here"));
	else
		session_starttls(session);
}

static void do_data(struct gw_session *session, struct gw_str args)
{
	data_begin(session);
}

static void do_rset(struct gw_session *session, struct gw_str args)
{
	if (!session->counted && !session_useless(session))
		return;
	session_reset(session);
	session_reply(session, 250, "2.0.0", gw_str("forgotten"));
}

static void do_noop(struct gw_session *session, struct gw_str args)
{
	session_reply(session, 250, "2.0.0", gw_str("ok"));
}

static void do_vrfy(struct gw_session *session, struct gw_str args)
{
	session_reply(session, 252, "2.1.5", gw_str("send it, and it will be tried"));
}

static void do_help(struct gw_session *session, struct gw_str args)
{
	session_reply(session, 214, "2.0.0",
		      gw_str("EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT"));
}

static void do_quit(struct gw_session *session, struct gw_str args)
{
	session_reply(session, 221, "2.0.0", gw_str("bye"));
	session_close(session);
}

static void do_unknown(struct gw_session *session, struct gw_str args)
{
	session_reply(session, 500, "5.5.1", gw_str("no such command"));
}

static void do_unoffered(struct gw_session *session, struct gw_str args)
{
	session_reply(session, 502, "5.5.1", gw_str("not offered"));
}

static const struct verb verbs[] = {
	[SMTP_EHLO] = { NEED_ARGS, do_ehlo, false, PHASE_EHLO },
	[SMTP_HELO] = { NEED_ARGS, do_helo, false, PHASE_EHLO },
	[SMTP_STARTTLS] = { NEED_NO_ARGS | NEED_CLEAR | NEED_ESMTP, do_starttls },
	[SMTP_AUTH] = { NEED_ARGS | NEED_HELO | NEED_ESMTP | NEED_NO_MAIL, auth_begin, false,
			PHASE_AUTH },
	[SMTP_MAIL] = { NEED_RUNNING | NEED_ARGS | NEED_HELO | NEED_NO_MAIL, mail_begin, false,
			PHASE_MAIL },
	[SMTP_RCPT] = { NEED_ARGS | NEED_MAIL | NEED_NO_BYTES, rcpt_begin, false, PHASE_RCPT },
	[SMTP_DATA] = { NEED_NO_ARGS | NEED_MAIL | NEED_RCPT | NEED_NO_BYTES, do_data, false,
			PHASE_DATA },
	[SMTP_BDAT] = { 0, bdat_begin, false, PHASE_DATA, true }, /* takes its octets */
	[SMTP_RSET] = { NEED_NO_ARGS, do_rset },
	[SMTP_NOOP] = { 0, do_noop, true },
	[SMTP_VRFY] = { NEED_ARGS, do_vrfy, true },
	[SMTP_EXPN] = { 0, do_unoffered, true },
	[SMTP_HELP] = { 0, do_help, true },
	[SMTP_QUIT] = { NEED_NO_ARGS, do_quit, false, PHASE_NONE, true },
	[SMTP_ETRN] = { 0, do_unoffered, true },
	[SMTP_UNKNOWN] = { 0, do_unknown, true },
};

struct complaint {
	enum need need;
	int code;
	const char *enhanced, *text;
};

/* In the order in which they are looked at. */
static const struct complaint complaints[] = {
	{ NEED_RUNNING, 421, "4.3.2", "shutting down, try again soon" },
	{ NEED_HELO, 503, "5.5.1", "say EHLO first" },
	{ NEED_ESMTP, 503, "5.5.1", "say EHLO first" },
	{ NEED_NO_ARGS, 501, "5.5.4", "no argument is allowed here" },
	{ NEED_ARGS, 501, "5.5.4", "an argument is needed" },
	{ NEED_CLEAR, 503, "5.5.1", "TLS is on already" },
	{ NEED_NO_MAIL, 503, "5.5.1", "not inside a transaction" },
	{ NEED_MAIL, 503, "5.5.1", "say MAIL first" },
	{ NEED_NO_BYTES, 503, "5.5.1", "the message comes by BDAT" },
	{ NEED_RCPT, 554, "5.5.1", "no valid recipients" },
};

static bool met(const struct gw_session *session, enum need need, struct gw_str args)
{
	switch (need) {
	case NEED_RUNNING:
		return !atomic_load_explicit(&runtime.stopping, memory_order_relaxed);
	case NEED_HELO:
		return session->helo.len != 0;
	case NEED_ESMTP:
		return session->esmtp;
	case NEED_NO_ARGS:
		return args.len == 0;
	case NEED_ARGS:
		return args.len != 0;
	case NEED_CLEAR:
		return !stream_is_tls(session->stream);
	case NEED_NO_MAIL:
		return !session->message;
	case NEED_MAIL:
		return session->message != NULL;
	case NEED_NO_BYTES:
		return !session->transaction && !session->chunk_lost;
	case NEED_RCPT:
		return session->message->rcpt_count != 0;
	}
	return true;
}

static const struct complaint *unmet(const struct gw_session *session, const struct verb *verb,
				     struct gw_str args)
{
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if ((verb->needs & complaints[i].need) && !met(session, complaints[i].need, args))
			return &complaints[i];
	return NULL;
}

static void protocol_error(struct gw_session *session, const struct complaint *complaint)
{
	if (complaint->code != 421 && !session_useless(session))
		return;
	session_reply(session, complaint->code, complaint->enhanced, gw_str(complaint->text));
	if (complaint->code == 421)
		session_close(session);
}

/* A browser made to send mail speaks HTTP first, and SMTP in the body of its request. */
static bool is_http(struct gw_str line)
{
	static const char *const methods[] = { "GET",     "HEAD",    "POST",  "PUT",   "DELETE",
					       "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI" };
	struct gw_str word = gw_str_n(line.ptr, gw_str_find(line, ' '));
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (gw_str_ieq(word, gw_str(methods[i])))
			return true;
	return false;
}

static void disconnect(struct gw_session *session)
{
	log_close(session_log(session, EVENT_HTTP_CLIENT));
	session_reply(session, 554, "5.5.1", gw_str("this is no web server"));
	session_close(session);
}

void session_command(struct gw_session *session, struct gw_str line)
{
	static const struct complaint malformed = { 0, 500, "5.5.2", "syntax error" };
	struct smtp_command command;
	session_expect(session, session->snapshot->settings.timeouts.command);
	session->phase = PHASE_NONE;
	session_names_tidy(session);
	if (is_http(line)) {
		disconnect(session);
		return;
	}
	if (!smtp_command_parse(line, &command)) {
		protocol_error(session, &malformed);
		return;
	}
	const struct verb *verb = &verbs[command.verb];
	if (session->rejected && !verb->if_rejected) {
		if (session_useless(session))
			session_reply(session, 503, "5.7.1", gw_str(SESSION_REJECTED));
		return;
	}
	const struct complaint *complaint = unmet(session, verb, command.args);
	if (!complaint || complaint->code == 421)
		session->phase = verb->phase;
	if (complaint)
		protocol_error(session, complaint);
	else if (!verb->junk || session_useless(session))
		verb->run(session, command.args);
}
