/* round_end.c - what becomes of a message when every recipient has its outcome: final, bounced, too
 * old, on hold, or tried later. */
#include "deliver/delivery_private.h"

#include "base/log.h"

#include <stdlib.h>

#define RECHECK_MS (15 * 60 * 1000)

/* --- outcomes --- */

/* A report of ours has nobody to tell: it stays for an admin. */
static bool may_expire(const struct gw_message *message)
{
	return !message->held || message->sender.len;
}

static bool expired(const struct delivery_round *round)
{
	const struct gw_message *message = round->message;
	return queue_now() >= message->expires_at && may_expire(message) &&
	       (round->tried || !round->patient) && !round->again;
}

/* The last real cause stays readable in the words. */
static void expire(struct delivery_round *round, struct rcpt_attempt *recipient)
{
	struct arena *arena = &round->message->arena;
	const struct outcome last = recipient->outcome;
	struct gw_str text = arena_printf(arena,
					  "not delivered in time; the last attempt said: %s%.*s",
					  last.reply.code ? "" : "(no reply) ",
					  (int)last.reply.text.len, last.reply.text.ptr);
	outcome_set(&recipient->outcome, arena, GW_BOUNCED, last.stage, last.link, 0, "4.4.7", text,
		    last.host);
	outcome_record(round->message, recipient->rcpt, &recipient->outcome, NULL);
}

/* Nobody would hear of what it reports: whatever ends it, but for an admin, it is kept for one. */
static void keep_report(struct delivery_round *round, struct rcpt_attempt *recipient)
{
	struct outcome *outcome = &recipient->outcome;
	const char *why = outcome->status == GW_BOUNCED ? "no next hop takes this report"
							: "this report was not delivered in time";
	if (outcome->status == GW_DELIVERED || (outcome->status != GW_BOUNCED && !expired(round)) ||
	    queue_wants_bounce(round->message))
		return;
	outcome->status = GW_DEFERRED;
	round->hold_why = arena_printf(&round->message->arena, "%s: %.*s", why,
				       GW_STR_ARGS(outcome->reply.text));
	if (!round->hold_why.len)
		round->hold_why = gw_str(why);
}

static void tell_outcome(const struct delivery_round *round, const struct rcpt_attempt *recipient)
{
	struct gw_message *message = round->message;
	struct gw_event event = { .message = message,
				  .rcpt = recipient->rcpt,
				  .text = recipient->outcome.reply.text,
				  .client = message->client,
				  .relay = recipient->rcpt->relay,
				  .code = recipient->outcome.reply.code };
	event_tell(message->worker, message->snapshot, status_event(recipient->outcome.status),
		   &event);
}

static void recipient_end(struct delivery_round *round, struct rcpt_attempt *recipient)
{
	struct gw_rcpt *rcpt = recipient->rcpt;
	enum gw_status status = recipient->outcome.status;
	if (message_is_report(round->message))
		keep_report(round, recipient);
	else if (status != GW_DELIVERED && status != GW_BOUNCED && expired(round))
		expire(round, recipient);
	if (!recipient->sorted)
		outcome_record(round->message, rcpt, &recipient->outcome, NULL);
	if (recipient->outcome.stage == STAGE_NONE) /* nothing was tried: what is known stays */
		return;
	rcpt->last = recipient->outcome.reply;
	rcpt->last_host = recipient->outcome.host;
	tell_outcome(round, recipient);
}

enum step round_outcomes(struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		recipient_end(round, &round->recipients[i]);
	round->at = 0;
	round->refusal = answer_round(round);
	return round->refusal ? STEP_RELEASE : STEP_BOUNCE;
}

enum step step_outcomes(struct task *task)
{
	struct delivery_round *round = round_of(task);
	return round->effects->outcomes(round);
}

/* The disk did not take what would have told the sender: the next round tries again. */
static void take_back_warnings(struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (round->recipients[i].warned)
			round->recipients[i].rcpt->delay_told = false;
}

/* Every report is on disk (or there was none): now the failures may be final too. */
enum step step_fail(struct task *task)
{
	struct delivery_round *round = round_of(task);
	if (round->warning_lost)
		take_back_warnings(round);
	for (size_t i = 0; i < round->count; i++)
		if (round->recipients[i].outcome.status == GW_BOUNCED && !round->report_lost) {
			round->recipients[i].rcpt->status = RCPT_FAILED;
			round->message->changed = round->unrecorded = true;
			COUNT(bounced);
		}
	return STEP_RELEASE;
}

/* --- when it comes back --- */

/* Something wakes it; its own time is for its expiry, and for whatever failed to wake it. */
static int64_t woken_before(const struct delivery_round *round)
{
	const struct gw_message *message = round->message;
	int64_t now = queue_now(), due = now + RECHECK_MS + random() % RECHECK_MS;
	return message->expires_at > now && message->expires_at < due ? message->expires_at : due;
}

static bool owes_warning(const struct gw_message *message)
{
	for (size_t i = 0; i < message->rcpt_count; i++)
		if (message->rcpts[i]->status == RCPT_PENDING && !message->rcpts[i]->delay_told)
			return message->snapshot->settings.queue.delay_warning > 0;
	return false;
}

/* However long it waits, the sender is told of the delay in time. */
static int64_t before_warning(const struct gw_message *message, int64_t due)
{
	int64_t warning = message->received_at + message->snapshot->settings.queue.delay_warning;
	return warning > queue_now() && warning < due && owes_warning(message) ? warning : due;
}

/* On hold it comes back when its sender is to be told of the delay, and when it expires. */
static int64_t held_until(const struct delivery_round *round)
{
	const struct gw_message *message = round->message;
	int64_t now = queue_now(),
		expiry = message->expires_at > now ? message->expires_at : now + RECHECK_MS;
	return before_warning(message, expiry);
}

static int64_t next_try(const struct delivery_round *round)
{
	const struct gw_message *message = round->message;
	int64_t due = queue_now() + queue_backoff(&message->snapshot->settings, message->attempts);
	if (round->tried)
		return round->wait_until && round->wait_until < due ? round->wait_until : due;
	if (round->wait_until)
		return round->wait_until;
	return round->wait_on.len ? woken_before(round) : due;
}

/* Asked to wait until a time that has passed already: not at once again, so that a module in error
 * makes no loop. */
static int64_t next_time(const struct delivery_round *round)
{
	int64_t due = before_warning(round->message, next_try(round)), soonest = queue_now() + 1000;
	return due > soonest ? due : soonest;
}

static void log_later(const struct delivery_round *round)
{
	const struct gw_message *message = round->message;
	struct log_line *line = log_open(EVENT_LATER);
	log_id(line, message->id);
	log_int(line, KEY_IN_S, (message->next_at - queue_now()) / 1000);
	if (round->again)
		log_text(line, KEY_REASON,
			 snapshot_is_outdated(message->snapshot) ? "the configuration changed"
								 : "it was moved");
	log_close(line);
}

static void log_done(const struct gw_message *message)
{
	struct log_line *line = log_open(EVENT_DONE);
	log_id(line, message->id);
	log_close(line);
}

static void put_off(struct delivery_round *round)
{
	struct gw_message *message = round->message;
	message->attempts += round->tried;
	message->changed |= round->tried;
	message->wait_on = message->held || round->again ? gw_str("") : round->wait_on;
	if (message->held || round->hold_why.len) {
		message->next_at = held_until(round);
	} else {
		message->next_at = round->again ? queue_now() : next_time(round);
		log_later(round);
	}
	if (round->hold_why.len)
		queue_hold(message, round->hold_why);
	else
		queue_later(message);
}

void round_ended(struct delivery_round *round)
{
	if (message_pending(round->message)) {
		put_off(round);
		return;
	}
	log_done(round->message);
	queue_final(round->message);
}

/* --- the end --- */

static void work_returned(struct gw_call *call, void *arg)
{
	struct delivery_round *round = arg;
	if (--round->open == 0)
		task_continue(&round->task, STEP_REQUEUE);
}

static void call_release(struct delivery_round *round, struct gw_call *call)
{
	call->done = work_returned;
	call->arg = round;
	if (!chain_cancel(call))
		round->open++;
}

/* The message goes when no module's work looks at it. */
enum step step_release(struct task *task)
{
	struct delivery_round *round = round_of(task);
	call_release(round, &task->call);
	for (struct gw_delivery *delivery = round->deliveries; delivery; delivery = delivery->next)
		call_release(round, &delivery->task.call);
	if (!round->open)
		return STEP_REQUEUE;
	round_record(round);
	return STEP_WAITS;
}

enum step step_requeue(struct task *task)
{
	struct delivery_round *round = round_of(task);
	bool refusal = round->refusal;
	round->refusal = false;
	if (refusal && !answer_refuse(round))
		return STEP_BOUNCE;
	list_take(&round->link);
	round->effects->ended(round);
	return STEP_OVER;
}
