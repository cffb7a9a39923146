#include "receive/session.h"

#include "base/log.h"

#include <stdlib.h>

/* Octets of answers that the client did not read, above which it is not asked for more. */
#define UNREAD_MOST (16 * 1024)

/* --- the loop --- */

void session_busy(struct gw_session *session)
{
	if (!session->busy)
		session->busy_since = worker_now(session->worker);
	session->busy = true;
	stream_pause(session->stream);
}

static void on_line(struct gw_session *session, struct gw_str line)
{
	if (session->mode == MODE_SASL)
		session_sasl(session, line);
	else
		session_command(session, line);
}

/* AUTH may bring its first answer with it (RFC 4954 section 4), and that is longer than any other
 * command. */
static size_t line_most(const struct gw_session *session)
{
	static const struct gw_str auth = GW_STR("AUTH ");
	size_t most = (size_t)session->snapshot->settings.limits.line;
	struct gw_str in = stream_input(session->stream);
	bool is_auth = in.len >= auth.len && gw_str_ieq(gw_str_n(in.ptr, auth.len), auth);
	if ((session->mode == MODE_SASL || is_auth) && most < SASL_COMMAND_MAX)
		return SASL_COMMAND_MAX;
	return most;
}

/* Takes what is there. False: the session may be gone, look at it no more. */
static bool take(struct gw_session *session)
{
	struct gw_str line;
	if (session->mode == MODE_DATA)
		return data_input(session);
	if (session->mode == MODE_BDAT)
		return bdat_input(session);
	int got = stream_line(session->stream, line_most(session), &line);
	if (got == 0)
		return false;
	if (got < 0) {
		session_say(session, 500, "5.5.2", "line too long");
		session_close(session);
		return false;
	}
	on_line(session, line);
	return true;
}

/* Answers to a client that does not read them are not piled up: nothing is taken until they are
 * gone. */
static bool choke(struct gw_session *session)
{
	if (stream_unwritten(session->stream) <= UNREAD_MOST)
		return false;
	session->choked = true;
	stream_pause(session->stream);
	return true;
}

static void input(struct gw_session *session)
{
	while (!session->busy && session->mode != MODE_CLOSING && !choke(session))
		if (!take(session))
			break;
	/* A client that closed its side still gets the answers to all it had sent. */
	if (session->eof && !session->busy && !session->choked && session->mode != MODE_CLOSING)
		session_close(session);
}

static void go_on(struct gw_session *session)
{
	if (session->eof)
		input(session);
	else
		stream_resume(session->stream);
}

void session_ready(struct gw_session *session)
{
	if (session->releasing || session->mode == MODE_CLOSING)
		return;
	if (session->busy && session->intake.since) /* the time that we took is not the client's */
		session->intake.since += worker_now(session->worker) - session->busy_since;
	if (session->mode == MODE_DATA || session->mode == MODE_BDAT)
		session_expect(session, session->snapshot->settings.timeouts.message);
	session->busy = false;
	if (!session->choked)
		go_on(session);
}

static void on_drained(struct gw_session *session)
{
	bool choked = session->choked;
	session->choked = false;
	if (choked && !session->busy)
		go_on(session);
}

/* --- the beginning of it --- */

static void greet(struct gw_session *session)
{
	const struct gw_str host = session->snapshot->settings.hostname;
	const enum gw_verdict verdict = session->call.answer.verdict;
	session_expect(session, session->snapshot->settings.timeouts.command);
	session->known = (struct known){ session->client, session->type, session->domains };
	if (verdict == GW_CONTINUE || verdict == GW_ACCEPT) {
		session_say(session, 220, NULL, "%.*s ESMTP", (int)host.len, host.ptr);
		return;
	}
	COUNT(sessions_refused);
	session_answer(session, "554 5.7.1 no service for you here",
		       "421 4.3.0 not now, try again later");
	session->rejected = true;
	if (verdict != GW_REJECT)
		session_close(session);
}

static void connect_checked(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	greet(session);
	session_ready(session);
}

static void begin(struct gw_session *session)
{
	session->call.session = session;
	session->phase = PHASE_CONNECT;
	if (chain_run(&session->call, GW_HOOK_connect, connect_checked, session))
		greet(session);
	else
		session_busy(session);
}

/* The handshake is done: the client begins anew, whatever it had said in clear. */
static void secured(struct gw_session *session)
{
	COUNT(tls_handshakes);
	stream_timeout(session->stream, 0);
	if (session->listener->tls == TLS_IMPLICIT) {
		begin(session);
		return;
	}
	session->helo = session->login = gw_str(NULL);
	session->client = session->known.client;
	session->type = session->known.type;
	session->domains = session->known.domains;
	session_expect(session, session->snapshot->settings.timeouts.command);
}

static void on_lost(struct gw_session *session)
{
	struct log_line *line = session_log(session, EVENT_CLIENT_LOST);
	log_str(line, KEY_REASON, stream_error(session->stream));
	log_close(line);
	if (stream_handshake_failed(session->stream))
		COUNT(tls_failed);
	session_drop(session);
}

/* No byte for too long: in a handshake, or in a message. */
static void on_silence(struct gw_session *session)
{
	if (session->busy)
		stream_timeout(session->stream, session->snapshot->settings.timeouts.data);
	else if (session->mode == MODE_DATA || session->mode == MODE_BDAT)
		session_time_out(session);
	else
		session_drop(session);
}

static void on_eof(struct gw_session *session)
{
	session->eof = true;
	input(session);
}

static void on_event(struct stream *stream, enum stream_event event, void *arg)
{
	struct gw_session *session = arg;
	switch (event) {
	case STREAM_CONNECTED:
		secured(session);
		break;
	case STREAM_DATA:
		input(session);
		break;
	case STREAM_DRAINED:
		on_drained(session);
		break;
	case STREAM_EOF:
		on_eof(session);
		break;
	case STREAM_TIMEOUT:
		on_silence(session);
		break;
	case STREAM_ERROR:
		on_lost(session);
		break;
	}
}

static int begin_tls(struct gw_session *session)
{
	stream_timeout(session->stream, session->snapshot->settings.timeouts.handshake);
	return stream_start_tls_server(session->stream, session->listener->server);
}

void session_starttls(struct gw_session *session)
{
	session_say(session, 220, "2.0.0", "ready to start TLS");
	session_reset(session);
	/* text behind STARTTLS in clear: somebody injects it, RFC 3207 section 4.2 */
	if (begin_tls(session) != 0) {
		log_close(session_log(session, EVENT_STARTTLS_INJECTION));
		session_drop(session);
	}
}

static struct gw_session *session_alloc(struct worker *worker, struct snapshot *snapshot,
					const struct listen_settings *listener)
{
	struct gw_session *session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->worker = worker;
	session->began = worker_now(worker);
	session->snapshot = snapshot_hold(snapshot);
	session->entered = snapshot_hold(snapshot);
	session->listener = listener;
	arena_init(&session->arena, 512);
	arena_init(&session->names, 512);
	arena_init(&session->scratch, 512);
	buf_init(&session->capabilities, 8192);
	chain_init(&session->call, worker, snapshot, &session->arena);
	session->call.explain = call_log_reason;
	atomic_fetch_add_explicit(&counters.sessions_open, 1, memory_order_relaxed);
	COUNT(sessions);
	return session;
}

struct gw_session *session_create(struct worker *worker, int fd, struct snapshot *snapshot,
				  const struct listen_settings *listener,
				  const struct sockaddr *peer)
{
	static const struct stream_limits limits = { .input = 256 * 1024,
						     .output = 64 * 1024,
						     .farewell = "421 4.3.0 no memory\r\n" };
	struct gw_session *session = session_alloc(worker, snapshot, listener);
	if (!session)
		return NULL;
	session->stream = stream_accept(worker, fd, &limits, on_event, session);
	if (!session->stream) {
		session_released(&session->call, session);
		return NULL;
	}
	stream_set_peer(session->stream, peer);
	if (listener->tls == TLS_IMPLICIT) {
		if (begin_tls(session) < 0)
			session_drop(session);
	} else {
		begin(session);
	}
	return session;
}
