/* bdat.c - BDAT: bytes by number (RFC 3030). A state machine of its own: no dot and no line end
 * means anything here.
 *
 * The octets that were announced are taken whatever becomes of them, or they would be read as
 * commands. */
#include "receive/transaction.h"

/* What comes after a chunk that was not kept would be a message without its beginning: nothing is
 * taken until the client begins again (RFC 3030 section 2). The last chunk ends the transaction,
 * whatever became of it. */
static void chunk_refused(struct gw_session *session)
{
	const struct chunk *chunk = &session->chunk;
	session_reply(session, chunk->code, chunk->enhanced, gw_str(chunk->text));
	session->chunk_lost = session->message != NULL;
	if (chunk->last)
		session_reset(session);
	if (chunk->code >= 500)
		session_useless(session);
}

static void chunk_done(struct gw_session *session)
{
	const struct chunk *chunk = &session->chunk;
	session->mode = MODE_COMMAND;
	stream_timeout(session->stream, 0);
	session_expect(session, session->snapshot->settings.timeouts.command);
	if (chunk->code) {
		chunk_refused(session);
	} else if (chunk->last) {
		data_scan_end(&session->transaction->reader);
		transaction_end(session);
	} else {
		session_reply(session, 250, "2.0.0", gw_str("chunk taken"));
	}
}

static bool keep(struct gw_session *session, struct gw_str in)
{
	struct transaction *transaction = session->transaction;
	if (buf_add_str(&transaction->bytes, in) != 0)
		return false;
	data_scan(&transaction->reader, in);
	transaction->reader.done = session->chunk.last && session->chunk.left == 0;
	transaction_account(transaction, in.len);
	return true;
}

bool bdat_input(struct gw_session *session)
{
	struct chunk *chunk = &session->chunk;
	struct gw_str in = stream_input(session->stream);
	if (!in.len && chunk->left)
		return false;
	in.len = in.len < chunk->left ? in.len : (size_t)chunk->left;
	if (!chunk->code)
		in.len = transaction_bite(session->transaction, in.len);
	chunk->left -= in.len;
	if (!chunk->code && !keep(session, in)) {
		session_no_memory(session);
		return false;
	}
	stream_consume(session->stream, in.len);
	session_intake(session, in.len);
	if (chunk->left == 0)
		chunk_done(session);
	else if (!chunk->code && session->transaction->in_flight >= EXTENTS_IN_FLIGHT)
		session_busy(session);
	return true;
}

/* Its octets do not matter to anybody, and its answer brings no message closer. */
static bool is_empty(const struct chunk *chunk)
{
	return !chunk->left && !chunk->last;
}

static void refuse_chunk(struct chunk *chunk, int code, const char *enhanced, const char *text)
{
	chunk->code = code;
	chunk->enhanced = enhanced;
	chunk->text = text;
}

/* Why the octets will not be kept, if so. */
static void judge_chunk(struct gw_session *session)
{
	struct chunk *chunk = &session->chunk;
	if (session->rejected)
		refuse_chunk(chunk, 503, "5.7.1", SESSION_REJECTED);
	else if (!session->message)
		refuse_chunk(chunk, 503, "5.5.1", "say MAIL first");
	else if (session->chunk_lost)
		refuse_chunk(chunk, 503, "5.5.1", "a chunk before it was refused: say RSET");
	else if (!session->message->rcpt_count)
		refuse_chunk(chunk, 554, "5.5.1", "no valid recipients");
	else if (!session->transaction && !transaction_create(session))
		refuse_chunk(chunk, 451, "4.3.0", "no memory");
	else
		session->transaction->chunked = true;
}

void bdat_begin(struct gw_session *session, struct gw_str args)
{
	struct chunk *chunk = &session->chunk;
	*chunk = (struct chunk){ 0 };
	if (!smtp_bdat_parse(args, &chunk->left, &chunk->last)) {
		/* How many octets follow cannot be known: they must not be taken for commands. */
		session_reply(session, 501, "5.5.4", gw_str("that is no chunk size"));
		session_close(session);
		return;
	}
	if (is_empty(chunk) && !session_useless(session))
		return;
	session_intake(session, 0);
	judge_chunk(session);
	/* what it was refused for before was told then */
	if (chunk->code == 503 || chunk->code == 554)
		session->phase = PHASE_NONE;
	session->mode = MODE_BDAT;
	session_expect(session, session->snapshot->settings.timeouts.message);
	stream_timeout(session->stream, session->snapshot->settings.timeouts.data);
}
