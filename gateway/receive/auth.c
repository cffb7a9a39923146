/* auth.c - AUTH (RFC 4954): the exchange is libgsasl's, the judgement a module's. */
#include "receive/session.h"

#include "base/log.h"

static void end_exchange(struct gw_session *session)
{
	sasl_destroy(session->sasl);
	session->sasl = NULL;
	session->mode = MODE_COMMAND;
	session_expect(session, session->snapshot->settings.timeouts.command);
}

/* People type passwords where the name belongs: a name is only written down when it is somebody's,
 * which the module that refused it knows, and the gateway of those it let in. */
static void log_login(struct gw_session *session, enum event_id event)
{
	const struct sasl_login *login = sasl_login(session->sasl);
	struct log_line *line = session_log(session, event);
	if (session->call.answer.verdict == GW_ACCEPT)
		log_str(line, KEY_LOGIN, login->user);
	log_str(line, KEY_MECHANISM, login->mechanism);
	log_text(line, KEY_BY,
		 session->call.answer.instance ? session->call.answer.instance : "nobody");
	log_close(line);
}

static void accept_login(struct gw_session *session)
{
	const struct sasl_login *login = sasl_login(session->sasl);
	COUNT(logins);
	if (session_set(session, &session->login, login->user) != 0) {
		session_reply(session, 454, "4.3.0", gw_str("no memory"));
		return;
	}
	if (!session->client.len)
		session->client = session->login;
	log_login(session, EVENT_LOGIN);
	session_reply(session, 235, "2.7.0", gw_str("welcome"));
}

/* The words are the same whether the user exists or not. */
static void refuse_login(struct gw_session *session)
{
	COUNT(logins_failed);
	log_login(session, EVENT_LOGIN_FAILED);
	session_reply(session, 535, "5.7.8", gw_str("authentication failed"));
	session->login_failures++;
}

static void judged(struct gw_session *session)
{
	switch (session->call.answer.verdict) {
	case GW_ACCEPT:
		accept_login(session);
		break;
	case GW_TEMPFAIL:
		log_login(session, EVENT_LOGIN_DEFERRED);
		session_answer(session, "", "454 4.7.0 cannot check that now, try again later");
		session->login_failures++;
		break;
	default:
		refuse_login(session);
		break;
	}
	end_exchange(session);
	if (session->login_failures >= session->snapshot->settings.limits.login_failures) {
		session_reply(session, 421, "4.7.0", gw_str("too many failed logins"));
		session_close(session);
	}
}

static void judged_later(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	judged(session);
	session_ready(session);
}

static void auth_check(struct gw_session *session)
{
	const struct sasl_login *found = sasl_login(session->sasl);
	session->offered = (struct gw_login){
		.size = sizeof(session->offered),
		.mechanism = found->mechanism,
		.user = found->user,
		.secret = found->secret,
		.acting_as = found->acting_as,
	};
	session->call.session = session;
	session->call.argument = &session->offered;
	if (chain_run(&session->call, GW_HOOK_auth, judged_later, session))
		judged(session);
	else
		session_busy(session);
}

static void refuse_exchange(struct gw_session *session, int code, const char *enhanced,
			    const char *text)
{
	session_reply(session, code, enhanced, gw_str(text));
	session_useless(session);
}

static void step(struct gw_session *session, struct gw_str in)
{
	struct gw_str out;
	switch (sasl_step(session->sasl, in, &out)) {
	case SASL_MORE:
		session->mode = MODE_SASL;
		session_reply(session, 334, NULL, out);
		break;
	case SASL_DONE:
		auth_check(session);
		break;
	case SASL_BAD:
		end_exchange(session);
		refuse_exchange(session, 501, "5.5.2", "that is no valid answer");
		break;
	}
}

void session_sasl(struct gw_session *session, struct gw_str line)
{
	if (gw_str_eq(line, gw_str("*"))) {
		end_exchange(session);
		refuse_exchange(session, 501, "5.7.0", "cancelled");
		return;
	}
	step(session, line);
}

void auth_begin(struct gw_session *session, struct gw_str args)
{
	size_t end = gw_str_find(args, ' ');
	struct gw_str mechanism = gw_str_n(args.ptr, end), initial = gw_str_from(args, end + 1);
	if (!auth_offered(session)) {
		refuse_exchange(session, 538, "5.7.11", "start TLS first");
		return;
	}
	if (session->login.len) {
		refuse_exchange(session, 503, "5.5.1", "logged in already");
		return;
	}
	session->sasl = sasl_server_create(mechanism);
	if (!session->sasl) {
		refuse_exchange(session, 504, "5.5.4", "no such mechanism here");
		return;
	}
	if (end < args.len)
		step(session, initial);
	else
		step(session, gw_str(""));
}
