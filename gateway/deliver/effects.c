/* effects.c - what a round does to the world: counters, the log, the event hook, the queue. */
#include "deliver/delivery_private.h"

#include "base/log.h"

/* --- outcomes --- */

static void log_enhanced(struct log_line *line, const struct outcome *outcome)
{
	uint8_t enhanced[3];
	outcome_enhanced(outcome, enhanced);
	log_fmt(line, KEY_STATUS, "%u.%u.%u", enhanced[0], enhanced[1], enhanced[2]);
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

/* The level that was wanted, and what the link got; of no link nothing is said. */
static void log_tls(struct log_line *line, const struct attempt_tls *tls)
{
	const struct {
		enum event_key key;
		struct gw_str text;
	} rows[] = { { KEY_TLS, tls->text },
		     { KEY_TLS_WANTED, tls->wanted },
		     { KEY_TLS_GOT, tls->got },
		     { KEY_TLS_DOUBT, tls->doubt } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].text.len)
			log_str(line, rows[i].key, rows[i].text);
}

static void log_outcome(const struct gw_message *message, const struct gw_rcpt *rcpt,
			const struct outcome *outcome, const struct gw_delivery *delivery)
{
	struct log_line *line = log_open(status_event(outcome->status));
	log_id(line, message->id);
	log_str(line, KEY_TO, rcpt->address);
	if (delivery && delivery->attempt.relay)
		log_str(line, KEY_RELAY, delivery->attempt.relay->name);
	if (outcome->host.len)
		log_str(line, KEY_HOST, outcome->host);
	if (outcome->status != GW_DELIVERED)
		log_text(line, KEY_STAGE, stage_name(outcome->stage));
	if (outcome->reply.code)
		log_int(line, KEY_CODE, outcome->reply.code);
	log_enhanced(line, outcome);
	if (outcome->fault)
		log_text(line, KEY_FAULT, fault_name(outcome->fault));
	log_int(line, KEY_DELAY_MS, queue_now() - message->received_at);
	if (delivery)
		log_tls(line, &delivery->attempt.tls);
	log_str(line, KEY_TEXT, outcome->reply.text);
	log_close(line);
}

void outcome_record(const struct gw_message *message, const struct gw_rcpt *rcpt,
		    const struct outcome *outcome, const struct gw_delivery *delivery)
{
	count_outcome(outcome->status);
	log_outcome(message, rcpt, outcome, delivery);
}

static void record_decided(struct gw_delivery *delivery)
{
	for (size_t i = 0; i < delivery->attempt.count; i++) {
		delivery->recipients[i]->outcome = delivery->attempt.outcomes[i];
		outcome_record(delivery->message, delivery->attempt.rcpts[i],
			       &delivery->attempt.outcomes[i], delivery);
	}
}

/* --- along the route --- */

static void log_reasons(struct gw_call *call)
{
	call->explain = call_log_reason;
}

/* For `message explain`. Where mail only stands in line there is nothing to explain, and there may
 * be much of it. */
static void log_skipped(const struct gw_delivery *delivery, enum gw_cause cause, struct gw_str why)
{
	if (cause == GW_CAUSE_RATE)
		return;
	struct log_line *line = log_open(EVENT_PASSED_OVER);
	log_id(line, delivery->message->id);
	log_str(line, KEY_RELAY, delivery->task.call.relay->name);
	log_str(line, KEY_REASON, why);
	log_close(line);
}

static void log_parked(const struct gw_delivery *delivery)
{
	if (!delivery->why.len)
		return;
	struct log_line *line = log_open(EVENT_PARKED);
	log_id(line, delivery->message->id);
	log_str(line, KEY_REASON, delivery->why);
	log_close(line);
}

static enum step go_on(const struct gw_delivery *delivery)
{
	return STEP_PREPARE;
}

const struct round_effects real_effects = {
	.begins_anew = true,
	.listen = log_reasons,
	.skipped = log_skipped,
	.waits = log_parked,
	.decided = record_decided,
	.admitted = go_on,
	.outcomes = round_outcomes,
	.ended = round_ended,
};
