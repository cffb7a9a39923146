#include "receive/session.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

/* How long goodbye may take to leave. */
#define LINGER_MS 2000

/* Octets of answers that the client did not read, above which it is not asked for more. */
#define UNREAD_MOST (16 * 1024)

static void on_deadline(struct timer *timer);

/* --- what is said --- */

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

/* --- the end of it --- */

void session_coming(struct gw_session *session, bool coming)
{
	if (session->coming != coming)
		spool_expect(runtime.spool, coming ? 1 : -1);
	session->coming = coming;
}

void session_call_free(struct gw_session *session)
{
	session->call.message = NULL;
	session->call.rcpt = NULL;
	session->call.arena = &session->arena;
}

static void forget(struct gw_session *session)
{
	session_coming(session, false);
	session->counted = session->chunk_lost = false;
	data_abort(session);
	struct gw_message *message = session->message;
	session->message = NULL;
	session_call_free(session);
	if (!message)
		return;
	struct snapshot *snapshot = message->snapshot;
	message_destroy(message);
	snapshot_release(snapshot);
}

static void session_free(struct post *post)
{
	struct gw_session *session = list_of(post, struct gw_session, gone);
	buf_finish(&session->capabilities);
	snapshot_release(session->snapshot);
	snapshot_release(session->entered);
	arena_finish(&session->arena);
	arena_finish(&session->names);
	arena_finish(&session->scratch);
	client_limits_leave(session->peer);
	free(session);
	atomic_fetch_sub_explicit(&counters.sessions_open, 1, memory_order_relaxed);
}

/* Freed from the loop: whoever is still on the stack may look at its mode. */
static void session_released(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	forget(session);
	session->gone.run = session_free;
	worker_post(session->worker, &session->gone);
}

static void session_gone(struct gw_session *session)
{
	emit_gone(session);
	session_refusals_end(session);
	session->stream = NULL;
	session->mode = MODE_CLOSING;
	timer_clear(&session->timer);
	list_take(&session->link);
	sasl_destroy(session->sasl);
	session->sasl = NULL;
	/* A module's work on a pool thread may still look at the session and its message: freed
	 * when that has returned. */
	session->call.done = session_released;
	session->call.arg = session;
	if (chain_cancel(&session->call))
		session_released(&session->call, session);
}

void session_drop(struct gw_session *session)
{
	stream_destroy(session->stream);
	session_gone(session);
}

void session_close(struct gw_session *session)
{
	stream_finish(session->stream, LINGER_MS);
	session_gone(session);
}

static void reset_released(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	session->releasing = false;
	forget(session);
	session_ready(session);
}

void session_reset(struct gw_session *session)
{
	session->call.done = reset_released;
	session->call.arg = session;
	if (chain_cancel(&session->call)) {
		forget(session);
		return;
	}
	session->releasing = true;
	if (!session->busy)
		session_busy(session);
}

/* --- time --- */

static void arm_deadline(struct gw_session *session, int64_t ms)
{
	session->timer_at = worker_now(session->worker) + ms;
	if (timer_set(session->worker, &session->timer, ms, on_deadline) < 0)
		stream_give_up(session->stream);
}

/* When the message that comes in has to be here, by what came of it so far. */
static int64_t intake_due(const struct gw_session *session)
{
	const struct settings *settings = &session->snapshot->settings;
	int64_t most = settings->timeouts.message, rate = settings->limits.data_rate;
	if (!session->intake.since || (session->mode == MODE_COMMAND && !session->transaction))
		return INT64_MAX;
	uint64_t earned = rate ? session->intake.octets * 1000 / (uint64_t)rate : (uint64_t)most;
	if (earned < (uint64_t)most && settings->timeouts.data + (int64_t)earned < most)
		most = settings->timeouts.data + (int64_t)earned;
	return session->intake.since + most;
}

/* A deadline that moves on needs no other timer: the timer looks how far it has moved. */
void session_expect(struct gw_session *session, int64_t ms)
{
	int64_t due = intake_due(session);
	session->since = worker_now(session->worker);
	session->deadline = session->since + ms < due ? session->since + ms : due;
	ms = session->deadline - session->since;
	if (!timer_pending(&session->timer) || session->deadline < session->timer_at)
		arm_deadline(session, ms);
}

void session_intake(struct gw_session *session, uint64_t octets)
{
	if (!octets && !session->transaction)
		session->intake = (struct intake){ worker_now(session->worker), 0 };
	session->intake.octets += octets;
	session_expect(session, session->snapshot->settings.timeouts.message);
}

bool session_idle(const struct gw_session *session, int64_t ms)
{
	return !session->busy && !session->messages &&
	       (session->mode == MODE_COMMAND || session->mode == MODE_SASL) &&
	       !session->transaction && worker_now(session->worker) - session->since >= ms;
}

void session_goodbye(struct gw_session *session, const char *why)
{
	session->phase = PHASE_NONE;
	session_reply(session, 421, "4.3.2", gw_str(why));
	session_close(session);
}

static void time_out(struct gw_session *session)
{
	log_close(session_log(session, EVENT_CLIENT_TIMEOUT));
	session_reply(session, 421, "4.4.2", gw_str("timeout"));
	session_close(session);
}

void session_no_memory(struct gw_session *session)
{
	log_close(session_log(session, EVENT_NO_MEMORY));
	session_reply(session, 421, "4.3.0", gw_str("no memory"));
	session_close(session);
}

static void on_deadline(struct timer *timer)
{
	struct gw_session *session = list_of(timer, struct gw_session, timer);
	int64_t left = session->deadline - worker_now(session->worker);
	if (left > 0 || session->busy) {
		arm_deadline(session, left > 1000 ? left : 1000);
		return;
	}
	time_out(session);
}

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
		time_out(session);
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
