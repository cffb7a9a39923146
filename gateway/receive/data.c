/* data.c - the bytes of a message from the stream into the spool, and the 250 that promises to keep them.
 *
 * What fits in one extent stays in memory and becomes the tail of one record; more goes out in extents as it arrives, and the session
 * reads on only while fewer than two of them are on their way. */
#include "receive/session.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

#define EXTENTS_IN_FLIGHT 2

/* An extent on its way to the disk; freed when it is there. */
struct extent_write {
	struct spool_append append;
	struct reception *reception;
	unsigned index;
	struct buf bytes;
};

struct reception {
	struct gw_session *session; /* NULL: the client is gone, the extents are still on their way */
	struct worker *worker;
	uint64_t id;
	struct data_reader reader;
	struct buf bytes;           /* what is not in an extent yet */
	uint64_t size;              /* octets so far */
	size_t extent_size;
	struct spool_extent *extents;
	unsigned extent_count, extent_room, in_flight;
	enum spool_result result;   /* the worst so far */
	bool ended;                 /* the final dot was read */
	bool too_big;
	struct buf envelope;
	struct spool_append append; /* of the message */
	struct gw_message *message; /* while it is committed: it is kept even if the client leaves now */
};

static void complete(struct reception *reception);

/* --- extents --- */

static void reception_free(struct reception *reception)
{
	buf_finish(&reception->bytes);
	buf_finish(&reception->envelope);
	free(reception->extents);
	free(reception);
}

static void abandon(struct reception *reception)
{
	if (reception->extent_count)
		spool_abandon(runtime.spool, reception->id, reception->extents, reception->extent_count);
	reception_free(reception);
}

static void extent_written(struct post *post)
{
	struct extent_write *write = (struct extent_write *)post;
	struct reception *reception = write->reception;
	reception->in_flight--;
	if (write->append.result > reception->result)
		reception->result = write->append.result;
	reception->extents[write->index] = write->append.extent;
	buf_finish(&write->bytes);
	free(write);
	if (reception->session && reception->session->busy && !reception->ended)
		session_ready(reception->session);
	else if (reception->in_flight == 0 && !reception->session)
		abandon(reception);
	else if (reception->in_flight == 0 && reception->ended)
		complete(reception);
}

static int extent_slot(struct reception *reception)
{
	if (reception->extent_count < reception->extent_room)
		return 0;
	unsigned room = reception->extent_room ? reception->extent_room * 2 : 16;
	struct spool_extent *extents = reallocarray(reception->extents, room, sizeof(*extents));
	if (!extents)
		return -1;
	reception->extents = extents;
	reception->extent_room = room;
	return 0;
}

static void flush_extent(struct reception *reception)
{
	struct extent_write *write = calloc(1, sizeof(*write));
	if (!write || extent_slot(reception) != 0) {
		free(write);
		reception->result = SPOOL_FAILED;
		buf_clear(&reception->bytes);
		return;
	}
	write->reception = reception;
	write->index = reception->extent_count++;
	memset(&reception->extents[write->index], 0, sizeof(struct spool_extent));
	write->bytes = reception->bytes;
	buf_init(&reception->bytes, 0);
	write->append = (struct spool_append){
		.post.run = extent_written, .worker = reception->worker, .type = SPOOL_EXTENT, .id = reception->id, .data = buf_str(&write->bytes),
	};
	reception->in_flight++;
	spool_append(runtime.spool, &write->append);
}

/* --- the end of the bytes --- */

static void refuse(struct gw_session *session, int code, const char *enhanced, const char *text)
{
	struct log_line *line = session_log(session, LOG_INFORM, "message-refused");
	log_str(line, "from", session->message->sender);
	log_int(line, "size", (int64_t)session->reception->size);
	log_int(line, "code", code);
	log_text(line, "reason", text);
	log_close(line);
	COUNT(messages_refused);
	session_reply(session, code, enhanced, gw_str(text));
	session_reset(session);
}

static void log_received(struct gw_session *session)
{
	const struct gw_message *message = session->message;
	struct log_line *line = session_log(session, LOG_INFORM, message->held ? "received-held" : "received");
	log_str(line, "from", message->sender);
	log_str(line, "to", message->rcpts[0]->address);
	log_int(line, "rcpts", (int64_t)message->rcpt_count);
	log_int(line, "size", (int64_t)message->content.size);
	log_str(line, "type", message->type);
	if (message->login.len)
		log_str(line, "login", message->login);
	if (message->tls.len)
		log_str(line, "tls", message->tls);
	log_close(line);
}

static void count_received(const struct gw_message *message)
{
	COUNT(messages);
	COUNT_ADD(bytes, message->content.size);
}

/* After this the message is the queue's and the client is told so; nothing in between may fail. */
static void promise(struct gw_session *session)
{
	struct gw_message *message = session->message;
	struct reception *reception = session->reception;
	char id[ID_TEXT];
	session_say(session, 250, "2.0.0", "Ok: queued as %s", id_format(message->id, id));
	log_received(session);
	count_received(message);
	session->messages++;
	session->message = NULL;
	session->reception = NULL;
	reception_free(reception);
	queue_add(message);
}

static void answer_commit(struct gw_session *session, enum spool_result result)
{
	if (result == SPOOL_OK)
		promise(session);
	else if (result == SPOOL_FULL)
		refuse(session, 452, "4.3.1", "no room for a message now, try again later");
	else
		refuse(session, 451, "4.3.0", "cannot keep the message now, try again later");
	session_ready(session);
}

/* The client left without an answer. What is on disk is sent: whether the 250 would have reached it cannot be known. */
static void keep_unanswered(struct reception *reception)
{
	struct gw_message *message = reception->message;
	struct log_line *line = log_open(LOG_INFORM, "received-unanswered");
	log_id(line, message->id);
	log_str(line, "from", message->sender);
	log_text(line, "kept", reception->append.result == SPOOL_OK ? "yes" : "no");
	log_close(line);
	if (reception->append.result == SPOOL_OK) {
		count_received(message);
		reception_free(reception);
		queue_add(message);
		return;
	}
	struct snapshot *snapshot = message->snapshot;
	message_destroy(message);
	snapshot_release(snapshot);
	abandon(reception);
}

static void committed(struct post *post)
{
	struct reception *reception = list_of(post, struct reception, append.post);
	struct gw_session *session = reception->session;
	if (!session) {
		keep_unanswered(reception);
		return;
	}
	session->message = reception->message;
	reception->message = NULL;
	answer_commit(session, reception->append.result);
}

static void commit(struct gw_session *session)
{
	struct reception *reception = session->reception;
	struct gw_message *message = session->message;
	message->received_at = message->next_at = queue_now();
	message->expires_at = message->received_at + session->snapshot->settings.queue.expire;
	if (message_encode_envelope(message, &reception->envelope) != 0) {
		refuse(session, 451, "4.3.0", "no memory");
		return;
	}
	reception->append = (struct spool_append){
		.post.run = committed, .worker = session->worker, .type = SPOOL_MESSAGE, .durable = true, .id = message->id,
		.meta = buf_str(&reception->envelope), .data = message->content.tail,
		.extents = reception->extents, .extent_count = reception->extent_count,
	};
	reception->message = message;
	session->message = NULL;
	if (!session->busy)
		session_busy(session);
	spool_append(runtime.spool, &reception->append);
}

static void commit_released(struct gw_call *call, void *arg)
{
	commit(arg);
}

/* The queue may free the message at any time: work that a module gave up on has to have returned. */
static void commit_when_free(struct gw_session *session)
{
	session->call.done = commit_released;
	session->call.arg = session;
	if (chain_cancel(&session->call))
		commit(session);
	else if (!session->busy)
		session_busy(session);
}

static void discard(struct gw_session *session)
{
	char id[ID_TEXT];
	COUNT(discarded);
	struct log_line *line = session_log(session, LOG_INFORM, "discarded");
	log_text(line, "by", session->call.answer.instance ? session->call.answer.instance : "");
	log_close(line);
	session_say(session, 250, "2.0.0", "Ok: queued as %s", id_format(session->message->id, id));
	session_reset(session);
}

static void message_judged(struct gw_session *session)
{
	const struct chain_answer *answer = &session->call.answer;
	switch (answer->verdict) {
	case GW_CONTINUE:
	case GW_ACCEPT:
		commit_when_free(session);
		return;
	case GW_HOLD:
		session->message->held = true;
		session->message->hold_reason = answer->text.len ? answer->text : gw_str(answer->instance);
		commit_when_free(session);
		return;
	case GW_DISCARD:
		discard(session);
		return;
	default:
		COUNT(messages_refused);
		session_answer(session, "554 5.7.1 message refused", "451 4.3.0 not now, try again later");
		session_reset(session);
	}
}

static void message_judged_later(struct gw_call *call, void *arg)
{
	struct gw_session *session = arg;
	message_judged(session);
	if (!session->reception)
		session_ready(session);
}

/* --- what the gateway itself looks at --- */

static unsigned hops(struct gw_message *message)
{
	const struct header_block *headers = message_headers(message);
	unsigned count = 0;
	for (size_t i = 0; headers && i < headers->count; i++)
		count += gw_str_ieq(headers->fields[i].name, gw_str("Received"));
	return count;
}

/* RFC 5321 section 4.4; the name the client gave is checked by EHLO, addresses by their grammar. */
static int trace(struct gw_session *session)
{
	struct gw_message *message = session->message;
	const struct gw_str host = session->snapshot->settings.hostname;
	char id[ID_TEXT], date[CLOCK_RFC5322];
	bool v6 = gw_str_find(message->peer, ':') < message->peer.len, one = message->rcpt_count == 1 && message->rcpts[0]->address.len < 200;
	message->trace = arena_printf(&message->arena,
	                              "Received: from %.*s ([%s%.*s])\r\n\tby %.*s with %s%s%s id %s%s%.*s%s;\r\n\t%s\r\n",
	                              (int)message->helo.len, message->helo.ptr, v6 ? "IPv6:" : "", (int)message->peer.len, message->peer.ptr,
	                              (int)host.len, host.ptr, session->esmtp ? "ESMTP" : "SMTP", message->tls.len ? "S" : "",
	                              message->login.len ? "A" : "", id_format(message->id, id), one ? "\r\n\tfor <" : "",
	                              one ? (int)message->rcpts[0]->address.len : 0, one ? message->rcpts[0]->address.ptr : "", one ? ">" : "",
	                              clock_rfc5322(clock_wall(), date));
	return message->trace.ptr ? 0 : -1;
}

static void free_bytes(void *arg)
{
	free(arg);
}

/* The buffer becomes the message's: it is delivered from memory, without a copy. */
static int hand_over(struct reception *reception, struct gw_message *message)
{
	struct buf *bytes = &reception->bytes;
	if (bytes->data && arena_defer(&message->arena, free_bytes, bytes->data) != 0)
		return -1;
	message->content = (struct spool_content){
		.spool = runtime.spool, .id = message->id, .size = reception->size,
		.extents = reception->extents, .extent_count = reception->extent_count, .tail = buf_str(bytes),
	};
	message->eight_bit = reception->reader.eight_bit;
	message->long_line = reception->reader.long_line;
	buf_init(bytes, 0);
	return 0;
}

struct flaw {
	bool found;
	int code;
	const char *enhanced, *text;
};

/* True: it was refused. */
static bool flawed(struct gw_session *session)
{
	const struct reception *reception = session->reception;
	const struct flaw flaws[] = {
		{ reception->too_big, 552, "5.3.4", "message too big" },
		{ reception->reader.bare, 554, "5.6.0", "a bare CR or LF is in the message: lines end in CRLF" },
		{ reception->reader.nul, 554, "5.6.0", "a NUL is in the message" },
		{ reception->result == SPOOL_FULL, 452, "4.3.1", "no room for a message now, try again later" },
		{ reception->result == SPOOL_FAILED, 451, "4.3.0", "cannot keep the message now, try again later" },
	};
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		if (!flaws[i].found)
			continue;
		refuse(session, flaws[i].code, flaws[i].enhanced, flaws[i].text);
		return true;
	}
	return false;
}

static void judge(struct gw_session *session)
{
	struct gw_message *message = session->message;
	if (hand_over(session->reception, message) != 0 || trace(session) != 0) {
		refuse(session, 451, "4.3.0", "no memory");
		return;
	}
	if (hops(message) > session->snapshot->settings.limits.hops) {
		COUNT(loops);
		refuse(session, 554, "5.4.6", "too many hops: the message loops");
		return;
	}
	session->call.session = session;
	session->call.message = message;
	if (chain_run(&session->call, GW_HOOK_message, message_judged_later, session))
		message_judged(session);
	else if (!session->busy)
		session_busy(session);
}

/* All bytes are here and every extent is in the log. */
static void complete(struct reception *reception)
{
	struct gw_session *session = reception->session;
	bool waited = session->busy;
	if (!flawed(session))
		judge(session);
	/* What was awaited were the extents; a reception that is left awaits something new. */
	if (waited && !session->reception)
		session_ready(session);
}

static void end_of_data(struct gw_session *session)
{
	struct reception *reception = session->reception;
	reception->ended = true;
	session->mode = MODE_COMMAND;
	session_expect(session, session->snapshot->settings.timeouts.command);
	stream_timeout(session->stream, 0);
	if (reception->in_flight)
		session_busy(session);
	else
		complete(reception);
}

/* --- the bytes --- */

/* A refused message is read to its end, so that the dialogue stays in step, and nothing of it is kept. */
static void keep_nothing(struct reception *reception)
{
	buf_clear(&reception->bytes);
}

static void account(struct gw_session *session, size_t written)
{
	struct reception *reception = session->reception;
	reception->size += written;
	if (reception->size > (uint64_t)session->snapshot->settings.limits.message_size)
		reception->too_big = true;
	if (reception->too_big || reception->result != SPOOL_OK || reception->reader.bare)
		keep_nothing(reception);
	else if (buf_len(&reception->bytes) >= reception->extent_size && !reception->reader.done)
		flush_extent(reception);
}

/* At most what fills the extent is taken at once, so that one extent is what is in memory. */
static size_t bite(const struct reception *reception, size_t have)
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
	in.len = bite(reception, in.len);
	char *out = buf_reserve(&reception->bytes, in.len + 4);
	if (!out) {
		log_close(session_log(session, LOG_FAIL, "no-memory"));
		session_reply(session, 421, "4.3.0", gw_str("no memory"));
		session_close(session);
		return false;
	}
	taken = data_read(&reception->reader, in, out, &written);
	buf_added(&reception->bytes, written);
	stream_consume(session->stream, taken);
	account(session, written);
	if (reception->reader.done)
		end_of_data(session);
	else if (reception->in_flight >= EXTENTS_IN_FLIGHT)
		session_busy(session);
	return true;
}

void data_begin(struct gw_session *session)
{
	struct reception *reception = calloc(1, sizeof(*reception));
	if (!reception) {
		session_reply(session, 451, "4.3.0", gw_str("no memory"));
		return;
	}
	reception->session = session;
	reception->worker = session->worker;
	reception->id = session->message->id;
	reception->extent_size = (size_t)session->snapshot->settings.limits.extent;
	data_reader_init(&reception->reader);
	buf_init(&reception->bytes, 0);
	buf_init(&reception->envelope, 0);
	session->reception = reception;
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
		abandon(reception);
}
