#include "deliver/delivery.h"

#include "base/log.h"
#include "deliver/dsn.h"
#include "deliver/explain.h"

#include <stdlib.h>

#define RECHECK_MS (15 * 60 * 1000)

/* --- telling --- */

static void log_enhanced(struct log_line *line, const struct outcome *outcome)
{
	uint8_t enhanced[3];
	outcome_enhanced(outcome, enhanced);
	log_fmt(line, "status", "%u.%u.%u", enhanced[0], enhanced[1], enhanced[2]);
}

static void count_outcome(enum gw_status status)
{
	COUNT(attempts);
	if (status == GW_DELIVERED)
		COUNT(delivered);
	else if (status == GW_DEFERRED)
		COUNT(deferred);
	else if (status == GW_UNKNOWN)
		COUNT(unknown);
}

static void log_outcome(const struct gw_message *message, const struct gw_rcpt *rcpt, const struct outcome *outcome,
			const struct gw_delivery *delivery)
{
	struct log_line *line = log_open(outcome->status == GW_DELIVERED ? LOG_INFORM : LOG_WARN, status_name(outcome->status));
	log_id(line, message->id);
	log_str(line, "to", rcpt->address);
	if (delivery && delivery->attempt.relay)
		log_str(line, "relay", delivery->attempt.relay->name);
	if (outcome->host.len)
		log_str(line, "host", outcome->host);
	if (outcome->status != GW_DELIVERED)
		log_text(line, "stage", stage_name(outcome->stage));
	if (outcome->reply.code)
		log_int(line, "code", outcome->reply.code);
	log_enhanced(line, outcome);
	if (outcome->fault)
		log_text(line, "fault", fault_name(outcome->fault));
	log_int(line, "delay_ms", queue_now() - message->received_at);
	if (delivery && delivery->attempt.tls.len)
		log_str(line, "tls", delivery->attempt.tls);
	log_str(line, "text", outcome->reply.text);
	log_close(line);
}

void outcome_record(const struct gw_message *message, const struct gw_rcpt *rcpt, const struct outcome *outcome, const struct gw_delivery *delivery)
{
	count_outcome(outcome->status);
	log_outcome(message, rcpt, outcome, delivery);
}

void tell_event(struct gw_message *message, const struct gw_rcpt *rcpt, const char *name, struct gw_str text)
{
	struct gw_event event = { .name = gw_str(name), .message = message, .rcpt = rcpt, .text = text, .client = message->client };
	event_tell(message->worker, message->snapshot, &event);
}

/* --- the end of a round --- */

/* A report of ours has nobody to tell: it stays for an admin. */
static bool may_expire(const struct gw_message *message)
{
	return !message->held || message->sender.len;
}

static bool expired(const struct journey *journey)
{
	const struct gw_message *message = journey->message;
	return queue_now() >= message->expires_at && may_expire(message) && (journey->tried || !journey->patient) && !journey->again;
}

/* The last real cause stays readable in the words. */
static void expire(struct journey *journey, struct rcpt_round *round)
{
	struct arena *arena = &journey->message->arena;
	const struct outcome last = round->outcome;
	struct gw_str text = arena_printf(arena, "not delivered in time; the last attempt said: %s%.*s", last.reply.code ? "" : "(no reply) ",
	                                  (int)last.reply.text.len, last.reply.text.ptr);
	outcome_set(&round->outcome, arena, GW_BOUNCED, last.stage, last.link, 0, "4.4.7", text, last.host);
	outcome_record(journey->message, round->rcpt, &round->outcome, NULL);
}

/* Nobody would hear of what it reports: whatever ends it, but for an admin, it is kept for one. */
static void keep_report(struct journey *journey, struct rcpt_round *round)
{
	struct outcome *outcome = &round->outcome;
	const char *why = outcome->status == GW_BOUNCED ? "no next hop takes this report" : "this report was not delivered in time";
	if (outcome->status == GW_DELIVERED || (outcome->status != GW_BOUNCED && !expired(journey)) || queue_wants_bounce(journey->message))
		return;
	outcome->status = GW_DEFERRED;
	journey->hold_why = arena_printf(&journey->message->arena, "%s: %.*s", why, GW_STR_ARGS(outcome->reply.text));
	if (!journey->hold_why.len)
		journey->hold_why = gw_str(why);
}

static void settle_round(struct journey *journey, struct rcpt_round *round)
{
	struct gw_rcpt *rcpt = round->rcpt;
	enum gw_status status = round->outcome.status;
	if (message_is_report(journey->message))
		keep_report(journey, round);
	else if (status != GW_DELIVERED && status != GW_BOUNCED && expired(journey))
		expire(journey, round);
	if (!round->placed)
		outcome_record(journey->message, rcpt, &round->outcome, NULL);
	if (round->outcome.stage == STAGE_NONE) /* nothing was tried: what is known stays */
		return;
	rcpt->last = round->outcome.reply;
	rcpt->last_host = round->outcome.host;
	tell_event(journey->message, rcpt, status_name(round->outcome.status), round->outcome.reply.text);
}

void journey_settle(struct journey *journey)
{
	for (size_t i = 0; i < journey->count; i++)
		settle_round(journey, &journey->rounds[i]);
	report_begin(journey);
}

/* Something wakes it; its own time is for its expiry, and for whatever failed to wake it. */
static int64_t woken_before(const struct journey *journey)
{
	const struct gw_message *message = journey->message;
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
static int64_t held_until(const struct journey *journey)
{
	const struct gw_message *message = journey->message;
	int64_t now = queue_now(), expiry = message->expires_at > now ? message->expires_at : now + RECHECK_MS;
	return before_warning(message, expiry);
}

static int64_t next_try(const struct journey *journey)
{
	const struct gw_message *message = journey->message;
	int64_t due = queue_now() + queue_backoff(&message->snapshot->settings, message->attempts);
	if (journey->tried)
		return journey->wait_until && journey->wait_until < due ? journey->wait_until : due;
	if (journey->wait_until)
		return journey->wait_until;
	return journey->wait_on.len ? woken_before(journey) : due;
}

/* Asked to wait until a time that has passed already: not at once again, so that a module in error makes no loop. */
static int64_t next_time(const struct journey *journey)
{
	int64_t due = before_warning(journey->message, next_try(journey)), soonest = queue_now() + 1000;
	return due > soonest ? due : soonest;
}

static void log_later(const struct journey *journey)
{
	const struct gw_message *message = journey->message;
	struct log_line *line = log_open(LOG_INFORM, "later");
	log_id(line, message->id);
	log_int(line, "in_s", (message->next_at - queue_now()) / 1000);
	if (journey->again)
		log_text(line, "reason", snapshot_is_outdated(message->snapshot) ? "the configuration changed" : "it was moved");
	log_close(line);
}

static void put_off(struct journey *journey)
{
	struct gw_message *message = journey->message;
	message->attempts += journey->tried;
	message->changed |= journey->tried;
	message->wait_on = message->held || journey->again ? gw_str("") : journey->wait_on;
	if (message->held || journey->hold_why.len) {
		message->next_at = held_until(journey);
	} else {
		message->next_at = journey->again ? queue_now() : next_time(journey);
		log_later(journey);
	}
	if (journey->hold_why.len)
		queue_hold(message, journey->hold_why);
	else
		queue_later(message);
}

static void end_round(struct journey *journey)
{
	struct gw_message *message = journey->message;
	list_take(&journey->link);
	if (message->dry) {
		explain_end(message->explanation);
		return;
	}
	if (message_pending(message) == 0) {
		struct log_line *line = log_open(LOG_INFORM, "done");
		log_id(line, message->id);
		log_close(line);
		queue_final(message);
		return;
	}
	put_off(journey);
}

static void released(struct gw_call *call, void *arg)
{
	struct journey *journey = arg;
	if (--journey->open == 0)
		end_round(journey);
}

static void release(struct journey *journey, struct gw_call *call)
{
	call->done = released;
	call->arg = journey;
	if (!chain_cancel(call))
		journey->open++;
}

/* The message goes when no module's work looks at it. */
void journey_release(struct journey *journey)
{
	journey->open = 1;
	release(journey, &journey->call);
	for (struct gw_delivery *delivery = journey->deliveries; delivery; delivery = delivery->next)
		release(journey, &delivery->call);
	released(NULL, journey);
}

/* Every report is on disk (or there was none): now the failures may be final too. */
void settle_written(struct journey *journey)
{
	for (size_t i = 0; i < journey->count; i++)
		if (journey->rounds[i].outcome.status == GW_BOUNCED && !journey->report_lost) {
			journey->rounds[i].rcpt->status = RCPT_FAILED;
			journey->message->changed = true;
			COUNT(bounced);
		}
	journey_release(journey);
}
