/* session_end.c - how a session ends, and how it forgets a transaction. */
#include "receive/session.h"

#include "base/log.h"

#include <stdlib.h>

/* How long goodbye may take to leave. */
#define LINGER_MS 2000

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
void session_released(struct gw_call *call, void *arg)
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

void session_goodbye(struct gw_session *session, const char *why)
{
	session->phase = PHASE_NONE;
	session_reply(session, 421, "4.3.2", gw_str(why));
	session_close(session);
}

void session_no_memory(struct gw_session *session)
{
	log_close(session_log(session, EVENT_NO_MEMORY));
	session_reply(session, 421, "4.3.0", gw_str("no memory"));
	session_close(session);
}

void session_time_out(struct gw_session *session)
{
	log_close(session_log(session, EVENT_CLIENT_TIMEOUT));
	session_reply(session, 421, "4.4.2", gw_str("timeout"));
	session_close(session);
}
