#include "receive/transaction.h"

/* A client that waited longer for its answer may be gone: that is looked at. */
#define PATIENCE_MS 1000

void message_refuse(struct gw_session *session, int code, const char *enhanced, const char *text)
{
	struct log_line *line = session_log(session, EVENT_MESSAGE_REFUSED);
	log_str(line, KEY_FROM, session->message->sender);
	log_int(line, KEY_SIZE, (int64_t)session->transaction->size);
	log_int(line, KEY_CODE, code);
	log_text(line, KEY_REASON, text);
	log_close(line);
	COUNT(messages_refused);
	session_reply(session, code, enhanced, gw_str(text));
	session_reset(session);
	if (code >= 500)
		session_useless(session);
}

static void log_received(struct gw_session *session)
{
	const struct gw_message *message = session->message;
	struct log_line *line = session_log(session,
					    message->held ? EVENT_RECEIVED_HELD : EVENT_RECEIVED);
	log_str(line, KEY_FROM, message->sender);
	log_str(line, KEY_TO, message->rcpts[0]->address);
	log_int(line, KEY_RCPTS, (int64_t)message->rcpt_count);
	log_int(line, KEY_SIZE, (int64_t)message->content.size);
	log_str(line, KEY_TYPE, message->type);
	if (message->login.len)
		log_str(line, KEY_LOGIN, message->login);
	if (message->tls.len)
		log_str(line, KEY_TLS, message->tls);
	log_close(line);
}

static void count_received(const struct gw_message *message)
{
	COUNT(messages);
	COUNT_ADD(bytes, message->content.size);
}

static bool still_waits(const struct gw_session *session)
{
	return worker_now(session->worker) - session->transaction->ended_at < PATIENCE_MS ||
	       !stream_peer_closed(session->stream);
}

void message_accept(struct gw_session *session, const char *enhanced, struct gw_str text,
		    const char *json)
{
	const struct gw_message *message = session->message;
	bool heard = still_waits(session);
	session_reply(session, 250, enhanced, text);
	count_received(message);
	session_taken(session);
	if (heard)
		emit_accepted(message, json);
	else
		emit_unanswered(message, true);
}

void message_accept_queued(struct gw_session *session)
{
	char text[sizeof("Ok: queued as ") + ID_TEXT], id[ID_TEXT];
	snprintf(text, sizeof(text), "Ok: queued as %s", id_format(session->message->id, id));
	message_accept(session, "2.0.0", gw_str(text), "");
}

/* What a client may do was asked when it came: one that stays for days is asked again, by having to
 * come again. */
void session_end_old(struct gw_session *session)
{
	int64_t most = session->snapshot->settings.timeouts.session;
	if (most && worker_now(session->worker) - session->began >= most)
		session_goodbye(session, "this session is old, connect again");
}

/* After this the message is the queue's and the client is told so; nothing in between may fail. */
static void accept_transaction(struct gw_session *session)
{
	struct gw_message *message = session->message;
	struct transaction *transaction = session->transaction;
	message_accept_queued(session);
	session->message = NULL;
	session_call_free(session);
	session->transaction = NULL;
	transaction_free(transaction);
	queue_add(message);
	session_end_old(session);
}

static void keep(struct gw_session *session)
{
	log_received(session); /* first: whoever has heard the 250 may ask what became of it */
	if (cutthrough_begin(session))
		return;
	accept_transaction(session);
	session_ready(session);
}

static void answer_commit(struct gw_session *session, enum spool_result result)
{
	if (result == SPOOL_OK) {
		keep(session);
		return;
	}
	if (result == SPOOL_FULL)
		message_refuse(session, 452, "4.3.1", "no room for a message now, try again later");
	else
		message_refuse(session, 451, "4.3.0",
			       "cannot keep the message now, try again later");
	session_ready(session);
}

void message_unanswered(const struct gw_message *message, bool kept)
{
	struct log_line *line = log_open(EVENT_RECEIVED_UNANSWERED);
	log_id(line, message->id);
	log_str(line, KEY_FROM, message->sender);
	log_text(line, KEY_KEPT, kept ? "yes" : "no");
	log_close(line);
	emit_unanswered(message, kept);
	if (kept)
		count_received(message);
}

/* The client left without an answer. What is on disk is sent: whether the 250 would have reached it
 * cannot be known. */
static void keep_unanswered(struct transaction *transaction)
{
	struct gw_message *message = transaction->message;
	bool kept = transaction->append.result == SPOOL_OK;
	message_unanswered(message, kept);
	if (kept) {
		transaction_free(transaction);
		queue_add(message);
		return;
	}
	struct snapshot *snapshot = message->snapshot;
	message_destroy(message);
	snapshot_release(snapshot);
	transaction_abandon(transaction);
}

static void committed(struct post *post)
{
	struct transaction *transaction = list_of(post, struct transaction, append.post);
	struct gw_session *session = transaction->session;
	if (!session) {
		keep_unanswered(transaction);
		return;
	}
	session->message = transaction->message;
	transaction->message = NULL;
	answer_commit(session, transaction->append.result);
}

void transaction_commit(struct gw_session *session)
{
	struct transaction *transaction = session->transaction;
	struct gw_message *message = session->message;
	message->received_at = message->next_at = queue_now();
	message->expires_at = message->received_at + session->snapshot->settings.queue.expire;
	if (message_encode_envelope(message, &transaction->envelope) != 0) {
		message_refuse(session, 451, "4.3.0", "no memory");
		return;
	}
	transaction->append = (struct spool_append){
		.post.run = committed,
		.worker = session->worker,
		.type = SPOOL_MESSAGE,
		.durable = true,
		.id = message->id,
		.meta = buf_str(&transaction->envelope),
		.data = message->content.tail,
		.extents = transaction->extents,
		.extent_count = transaction->extent_count,
	};
	/* Before it is on disk: from then on a process that is killed leaves a message that is
	 * sent, and that has to be explained. */
	log_keep(message->id);
	transaction->message = message;
	session->message = NULL;
	session_call_free(session);
	if (!session->busy)
		session_busy(session);
	session_coming(session, false);
	spool_append(runtime.spool, &transaction->append);
}
