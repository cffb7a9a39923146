#include "queue/submit.h"

#include "base/clock.h"
#include "base/log.h"
#include "module/chain.h"
#include "smtp/command.h"

#include <stdlib.h>

/* A submission on its way through the hook and the commit; freed when it is told. */
struct pending {
	struct spool_append append;
	struct gw_call call;
	struct chain_answer answer;
	struct gw_message *message;
	struct buf envelope;
	void (*done)(void *arg, uint64_t id, bool taken);
	void *arg;
};

uint64_t submit_id(struct worker *worker)
{
	return id_next(worker_get(worker, SLOT_IDS), worker_wall(worker));
}

/* Nobody waits for an answer: what a hook discards is as good as accepted, and only what the
 * gateway cannot keep is refused. */
static void tell(const struct pending *pending, bool taken)
{
	bool accepted = taken || pending->answer.verdict == GW_DISCARD;
	struct gw_event event = {
		.message = pending->message,
		.json = gw_str(taken      ? ""
			       : accepted ? "{\"discarded\":true}"
					  : "{\"stage\":\"message\"}"),
		.code = accepted ? 0 : 451,
	};
	event_tell(pending->message->worker, pending->message->snapshot,
		   accepted ? EVENT_ACCEPTED : EVENT_REFUSED, &event);
}

static void finish(struct pending *pending, bool taken)
{
	struct gw_message *message = pending->message;
	uint64_t id = message->id;
	tell(pending, taken);
	if (taken) {
		queue_add(message);
	} else {
		struct snapshot *snapshot = message->snapshot;
		message_destroy(message);
		snapshot_release(snapshot);
	}
	if (pending->done)
		pending->done(pending->arg, id, taken);
	buf_finish(&pending->envelope);
	free(pending);
}

static void log_submission(const struct gw_message *message, enum event_id event, const char *why)
{
	struct log_line *line = log_open(event);
	log_id(line, message->id);
	log_str(line, KEY_FROM, message->sender);
	if (message->rcpt_count)
		log_str(line, KEY_TO, message->rcpts[0]->address);
	log_int(line, KEY_SIZE, (int64_t)message->content.size);
	if (why)
		log_text(line, KEY_REASON, why);
	log_close(line);
}

static void committed(struct post *post)
{
	struct pending *pending = (struct pending *)post;
	bool taken = pending->append.result == SPOOL_OK;
	log_submission(pending->message, taken ? EVENT_SUBMITTED : EVENT_SUBMISSION_FAILED,
		       taken ? NULL : "the spool did not take it");
	finish(pending, taken);
}

static void commit(struct pending *pending)
{
	struct gw_message *message = pending->message;
	if (message_encode_envelope(message, &pending->envelope) != 0) {
		finish(pending, false);
		return;
	}
	pending->append = (struct spool_append){
		.post.run = committed,
		.worker = message->worker,
		.type = SPOOL_MESSAGE,
		.durable = true,
		.id = message->id,
		.meta = buf_str(&pending->envelope),
		.data = message->content.tail,
	};
	spool_append(runtime.spool, &pending->append);
}

/* What a hook refuses of our own mail is kept, on hold: there is nobody to give it back to. */
static void carry_out(struct gw_call *call, void *arg)
{
	struct pending *pending = arg;
	struct gw_message *message = pending->message;
	if (pending->answer.verdict == GW_DISCARD) {
		log_submission(message, EVENT_SUBMISSION_DISCARDED, pending->answer.instance);
		finish(pending, false);
		return;
	}
	if (pending->answer.verdict != GW_CONTINUE) {
		message->held = true;
		message->hold_reason = pending->answer.text.len ? pending->answer.text
								: gw_str("a module refused it");
	}
	commit(pending);
}

static void judged(struct gw_call *call, void *arg)
{
	struct pending *pending = arg;
	pending->answer = call->answer;
	call->done = carry_out;
	if (chain_cancel(call))
		carry_out(call, pending);
}

static int fill_in(struct gw_message *message, const struct submission *from)
{
	const struct settings *settings = &message->snapshot->settings;
	message->sender = arena_str(&message->arena, from->sender);
	message->type = arena_str(&message->arena,
				  from->type.len ? from->type : settings->default_type);
	message->content.tail = arena_str(&message->arena, from->bytes);
	message->content.size = from->bytes.len;
	message->content.spool = runtime.spool;
	message->content.id = message->id;
	message->received_at = message->next_at = queue_now();
	message->expires_at = message->received_at + settings->queue.expire;
	message->own = true;
	message->smtputf8 = from->smtputf8;
	message->requiretls = from->requiretls;
	for (size_t i = 0; i < from->bytes.len && !message->eight_bit; i++)
		message->eight_bit = (from->bytes.ptr[i] & 0x80) != 0;
	message->body = message->eight_bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
	for (size_t i = 0; i < from->rcpt_count; i++)
		if (!message_rcpt_add(message, from->rcpts[i], gw_str(NULL), 0))
			return -1;
	return message->sender.ptr && message->type.ptr && message->content.tail.ptr ? 0 : -1;
}

static void refuse(const struct submission *from)
{
	struct log_line *line = log_open(EVENT_SUBMISSION_FAILED);
	log_text(line, KEY_REASON, "no memory");
	log_close(line);
	if (from->done)
		from->done(from->arg, 0, false);
}

struct gw_message *submission_message(const struct submission *from)
{
	uint64_t id = from->id ? from->id : submit_id(from->worker);
	struct gw_message *message = message_create(from->worker, snapshot_hold(from->snapshot),
						    id);
	if (message && fill_in(message, from) == 0)
		return message;
	if (message)
		message_destroy(message);
	snapshot_release(from->snapshot);
	return NULL;
}

void submit(const struct submission *from)
{
	struct pending *pending = calloc(1, sizeof(*pending));
	struct gw_message *message = pending ? submission_message(from) : NULL;
	if (!message) {
		free(pending);
		refuse(from);
		return;
	}
	pending->message = message;
	pending->done = from->done;
	pending->arg = from->arg;
	buf_init(&pending->envelope, 0);
	chain_init(&pending->call, from->worker, message->snapshot, &message->arena);
	pending->call.message = message;
	pending->call.explain = call_log_reason;
	if (chain_run(&pending->call, GW_HOOK_message, judged, pending))
		judged(&pending->call, pending);
}
