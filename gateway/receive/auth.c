/* auth.c - AUTH (RFC 4954): the exchange is libgsasl's, the judgement a module's. */
#include "receive/session.h"

#include "base/log.h"

static void end_exchange(struct gw_session *session)
{
	session->complained = false;
	session->token_status = session->token_scope = gw_str("");
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
	struct gw_str user = login->user.len ? login->user : session->client;
	COUNT(logins);
	if (session_set(session, &session->login, user) != 0) {
		session_reply(session, 454, "4.3.0", gw_str("no memory"));
		return;
	}
	if (!session->client.len)
		session->client = session->login;
	log_login(session, EVENT_LOGIN);
	session_reply(session, 235, "2.7.0", gw_str("welcome"));
}

static void note_refused(struct gw_session *session)
{
	COUNT(logins_failed);
	log_login(session, EVENT_LOGIN_FAILED);
	session->login_failures++;
}

/* The words are the same whether the user exists or not. */
static void say_refused(struct gw_session *session)
{
	session_reply(session, 535, "5.7.8", gw_str("authentication failed"));
}

static void refuse_login(struct gw_session *session)
{
	note_refused(session);
	say_refused(session);
}

/* A client may try so often. */
static void count_failures(struct gw_session *session)
{
	if (session->login_failures < session->snapshot->settings.limits.login_failures)
		return;
	session_reply(session, 421, "4.7.0", gw_str("too many failed logins"));
	session_close(session);
}

static void defer_login(struct gw_session *session)
{
	log_login(session, EVENT_LOGIN_DEFERRED);
	session_answer(session, "", "454 4.7.0 cannot check that now, try again later");
	session->login_failures++;
}

/* What is proven of a user whom nobody has is proven of nobody. */
static void keys_judged(struct gw_session *session)
{
	enum gw_verdict verdict = session->call.answer.verdict;
	struct gw_str out;

	session->decoy = verdict != GW_ACCEPT;
	if ((verdict == GW_ACCEPT || verdict == GW_CONTINUE) &&
	    sasl_proceed(session->sasl, &out) == SASL_MORE) {
		session->mode = MODE_SASL;
		session_reply(session, 334, NULL, out);
		return;
	}
	if (verdict == GW_TEMPFAIL)
		defer_login(session);
	else
		refuse_login(session);
	end_exchange(session);
	count_failures(session);
}

/* Of a token the client is told first why it is not taken, and answers that. */
static bool complain(struct gw_session *session)
{
	struct gw_str status = session->token_status.len ? session->token_status
							 : gw_str("invalid_token");
	struct gw_str line = sasl_refuse_token(session->sasl, status, session->token_scope);

	if (!line.len)
		return false;
	note_refused(session); /* it may leave instead of answering */
	session->complained = true;
	session->mode = MODE_SASL;
	session_reply(session, 334, NULL, line);
	return true;
}

void session_token_refused(struct gw_session *session, struct gw_str status, struct gw_str scope)
{
	session->token_status = status;
	session->token_scope = scope;
}

static void login_judged(struct gw_session *session)
{
	switch (session->call.answer.verdict) {
	case GW_ACCEPT:
		accept_login(session);
		break;
	case GW_TEMPFAIL:
		defer_login(session);
		break;
	default:
		if (complain(session))
			return;
		refuse_login(session);
		break;
	}
	end_exchange(session);
	count_failures(session);
}

static void judged(struct gw_session *session)
{
	switch (session->offered.proof) {
	case GW_PROOF_WANTED:
		keys_judged(session);
		return;
	case GW_PROOF_WRONG:
		session->call.answer.verdict = GW_REJECT;
		break;
	default:
		break;
	}
	login_judged(session);
}

static void judged_later(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	judged(session);
	session_ready(session);
}

static enum gw_proof proof_of(const struct gw_session *session, enum sasl_proof proof)
{
	switch (proof) {
	case SASL_PROOF_WANTED:
		return GW_PROOF_WANTED;
	case SASL_PROOF_RIGHT:
		return session->decoy ? GW_PROOF_WRONG : GW_PROOF_RIGHT;
	case SASL_PROOF_WRONG:
		return GW_PROOF_WRONG;
	default:
		return GW_PROOF_NONE;
	}
}

void session_proof_keys(struct gw_session *session, const struct gw_proof_keys *keys)
{
	const struct sasl_keys given = { keys->iterations, keys->salt, keys->stored_key,
					 keys->server_key };

	if (session->sasl && session->offered.proof == GW_PROOF_WANTED)
		sasl_give_keys(session->sasl, &given);
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
		.proof = proof_of(session, found->proof),
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
	case SASL_ASK:
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
	if (session->complained) { /* whatever the answer is */
		say_refused(session);
		end_exchange(session);
		count_failures(session);
		return;
	}
	if (gw_str_eq(line, gw_str("*"))) {
		end_exchange(session);
		refuse_exchange(session, 501, "5.7.0", "cancelled");
		return;
	}
	step(session, line);
}

struct sasl_binding session_binding(const struct gw_session *session,
				    char room[2][STREAM_BINDING_MAX])
{
	const struct stream *stream = session->stream;

	return (struct sasl_binding){
		.exporter = gw_str_n(room[0],
				     stream_binding(stream, STREAM_BINDING_EXPORTER, room[0])),
		.unique = gw_str_n(room[1], stream_binding(stream, STREAM_BINDING_UNIQUE, room[1])),
	};
}

/* NULL: none that was offered, or no memory. */
static struct sasl *begin(const struct gw_session *session, struct gw_str mechanism)
{
	int number = sasl_mechanism_number(mechanism);
	bool offered = number >= 0 && session->mechanisms & 1u << number;
	struct sasl *sasl = offered ? sasl_server_create(mechanism) : NULL;
	char room[2][STREAM_BINDING_MAX];
	struct sasl_binding binding = session_binding(session, room);

	if (!sasl || sasl_bind(sasl, &binding) == 0)
		return sasl;
	sasl_destroy(sasl);
	return NULL;
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
	session->sasl = begin(session, mechanism);
	if (!session->sasl) {
		refuse_exchange(session, 504, "5.5.4", "no such mechanism here");
		return;
	}
	if (end < args.len)
		step(session, initial);
	else
		step(session, gw_str(""));
}
