/* data.c - DATA: bytes up to a dot (RFC 5321 section 4.1.1.4). */
#include "receive/reception.h"

#include "base/log.h"

void reception_end(struct gw_session *session)
{
	struct reception *reception = session->reception;
	reception->ended = true;
	reception->ended_at = worker_now(session->worker);
	session->mode = MODE_COMMAND;
	session->point = POINT_MESSAGE;
	session_expect(session, session->snapshot->settings.timeouts.command);
	stream_timeout(session->stream, 0);
	if (reception->in_flight)
		session_busy(session);
	else
		reception_complete(reception);
}

/* A refused message is read to its end, so that the dialogue stays in step, and nothing of it is kept. */
static void keep_nothing(struct reception *reception)
{
	buf_clear(&reception->bytes);
}

void reception_account(struct reception *reception, size_t written)
{
	reception->size += written;
	if (reception->size > (uint64_t)reception->session->snapshot->settings.limits.message_size)
		reception->too_big = true;
	if (reception->too_big || reception->result != SPOOL_OK || reception->reader.bare)
		keep_nothing(reception);
	else if (buf_len(&reception->bytes) >= reception->extent_size && !reception->reader.done)
		reception_flush(reception);
}

/* At most what fills the extent is taken at once, so that one extent is what is in memory. */
size_t reception_bite(const struct reception *reception, size_t have)
{
	size_t kept = buf_len(&reception->bytes), room = reception->extent_size > kept ? reception->extent_size - kept : 1;
	return have < room ? have : room;
}

bool data_input(struct gw_session *session)
{
	struct reception *reception = session->reception;
	struct gw_str in = stream_input(session->stream);
	size_t written = 0, taken;
	if (!in.len)
		return false;
	in.len = reception_bite(reception, in.len);
	char *out = buf_reserve(&reception->bytes, in.len + 4);
	if (!out) {
		session_no_memory(session);
		return false;
	}
	taken = data_read(&reception->reader, in, out, &written);
	buf_added(&reception->bytes, written);
	stream_consume(session->stream, taken);
	session_intake(session, taken);
	reception_account(reception, written);
	if (reception->reader.done)
		reception_end(session);
	else if (reception->in_flight >= EXTENTS_IN_FLIGHT)
		session_busy(session);
	return true;
}

void data_begin(struct gw_session *session)
{
	session_intake(session, 0);
	if (!reception_create(session)) {
		session_reply(session, 451, "4.3.0", gw_str("no memory"));
		return;
	}
	session->mode = MODE_DATA;
	session_expect(session, session->snapshot->settings.timeouts.message);
	stream_timeout(session->stream, session->snapshot->settings.timeouts.data);
	session_reply(session, 354, NULL, gw_str("end with <CRLF>.<CRLF>"));
}

void data_abort(struct gw_session *session)
{
	struct reception *reception = session->reception;
	session->reception = NULL;
	if (!reception)
		return;
	reception->session = NULL;
	if (reception->in_flight == 0 && !reception->message)
		reception_abandon(reception);
}
