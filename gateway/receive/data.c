/* data.c - DATA: bytes up to a dot (RFC 5321 section 4.1.1.4). */
#include "receive/transaction.h"

#include "base/log.h"

void transaction_end(struct gw_session *session)
{
	struct transaction *transaction = session->transaction;
	transaction->ended = true;
	transaction->ended_at = worker_now(session->worker);
	session->mode = MODE_COMMAND;
	session->phase = PHASE_MESSAGE;
	session_expect(session, session->snapshot->settings.timeouts.command);
	stream_timeout(session->stream, 0);
	if (transaction->in_flight)
		session_busy(session);
	else
		transaction_check(transaction);
}

/* A refused message is read to its end, so that the dialogue stays in step, and nothing of it is
 * kept. */
static void keep_nothing(struct transaction *transaction)
{
	buf_clear(&transaction->bytes);
}

void transaction_account(struct transaction *transaction, size_t written)
{
	transaction->size += written;
	if (transaction->size >
	    (uint64_t)transaction->session->snapshot->settings.limits.message_size)
		transaction->too_big = true;
	if (transaction->too_big || transaction->result != SPOOL_OK || transaction->reader.bare)
		keep_nothing(transaction);
	else if (buf_len(&transaction->bytes) >= transaction->extent_size &&
		 !transaction->reader.done)
		transaction_flush(transaction);
}

/* At most what fills the extent is taken at once, so that one extent is what is in memory. */
size_t transaction_bite(const struct transaction *transaction, size_t have)
{
	size_t kept = buf_len(&transaction->bytes),
	       room = transaction->extent_size > kept ? transaction->extent_size - kept : 1;
	return have < room ? have : room;
}

bool data_input(struct gw_session *session)
{
	struct transaction *transaction = session->transaction;
	struct gw_str in = stream_input(session->stream);
	size_t written = 0, taken;
	if (!in.len)
		return false;
	in.len = transaction_bite(transaction, in.len);
	char *out = buf_reserve(&transaction->bytes, in.len + 4);
	if (!out) {
		session_no_memory(session);
		return false;
	}
	taken = data_read(&transaction->reader, in, out, &written);
	buf_added(&transaction->bytes, written);
	stream_consume(session->stream, taken);
	session_intake(session, taken);
	transaction_account(transaction, written);
	if (transaction->reader.done)
		transaction_end(session);
	else if (transaction->in_flight >= EXTENTS_IN_FLIGHT)
		session_busy(session);
	return true;
}

void data_begin(struct gw_session *session)
{
	session_intake(session, 0);
	if (!transaction_create(session)) {
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
	struct transaction *transaction = session->transaction;
	session->transaction = NULL;
	if (!transaction)
		return;
	transaction->session = NULL;
	if (transaction->queued)
		cutthrough_end(transaction);
	else if (transaction->in_flight == 0 && !transaction->message)
		transaction_abandon(transaction);
}
