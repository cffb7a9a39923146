/* session_time.c - until when a client has to have said its command, or handed in its message. */
#include "receive/session.h"

static void on_deadline(struct timer *timer);

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

static void on_deadline(struct timer *timer)
{
	struct gw_session *session = list_of(timer, struct gw_session, timer);
	int64_t left = session->deadline - worker_now(session->worker);
	if (left > 0 || session->busy) {
		arm_deadline(session, left > 1000 ? left : 1000);
		return;
	}
	session_time_out(session);
}
