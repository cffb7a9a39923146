/* report.c - the bounce hook for each recipient that failed or is late, then one DSN for those that
 * ask for one. */
#include "deliver/delivery_private.h"

#include "base/log.h"
#include "deliver/dsn.h"
#include "queue/submit.h"
#include "smtp/command.h"

#define RETURN_MAX (256 * 1024)

/* A recipient to report, and as what. */
static bool action_of(const struct delivery_round *round, const struct rcpt_attempt *recipient,
		      enum dsn_action *action)
{
	const struct gw_message *message = round->message;
	switch (recipient->outcome.status) {
	case GW_DELIVERED:
		/* A next hop that takes the request reports for itself: RFC 3461 section 5.2.2. */
		*action = recipient->local ? DSN_DELIVERED : DSN_RELAYED;
		return (recipient->rcpt->notify & SMTP_NOTIFY_SUCCESS) && !recipient->reported;
	case GW_BOUNCED:
		*action = DSN_FAILED;
		return true;
	case GW_DEFERRED:
	case GW_UNKNOWN:
		*action = DSN_DELAYED;
		return !recipient->rcpt->delay_told &&
		       message->snapshot->settings.queue.delay_warning > 0 &&
		       queue_now() - message->received_at >=
			       message->snapshot->settings.queue.delay_warning;
	default:
		return false;
	}
}

/* --- the report itself --- */

/* A report that was not kept is written again: its recipients stay pending until it is. */
static void report_written(void *arg, uint64_t id, bool taken)
{
	struct delivery_round *round = arg;
	round->report_lost |= !taken;
	round->warning_lost |= !taken && id == round->warning;
	if (--round->reports == 0)
		task_continue(&round->task, STEP_FAIL);
}

static void log_report(const struct gw_message *message, uint64_t id, enum dsn_action action)
{
	static const char *const words[] = { [DSN_FAILED] = "failed",
					     [DSN_DELAYED] = "delayed",
					     [DSN_DELIVERED] = "delivered",
					     [DSN_RELAYED] = "relayed" };
	char text[ID_TEXT];
	struct log_line *line = log_open(EVENT_REPORT);
	log_id(line, message->id);
	log_text(line, KEY_REPORT, id_format(id, text));
	log_str(line, KEY_TO, message->sender);
	log_text(line, KEY_ACTION, words[action]);
	log_close(line);
	line = log_open(EVENT_REPORTING);
	log_id(line, id);
	log_text(line, KEY_PARENT, id_format(message->id, text));
	log_close(line);
}

/* A report in UTF-8 needs next hops that take it, and when they do not there is nobody to tell: so
 * only to a sender that is written so. */
static bool needs_utf8(const struct gw_message *message)
{
	for (size_t i = 0; message->smtputf8 && i < message->sender.len; i++)
		if (message->sender.ptr[i] & 0x80)
			return true;
	return false;
}

/* What a limit keeps does not expire before it was tried, so its sender is told of no end. */
static int64_t retry_until(const struct delivery_round *round)
{
	return round->patient && !round->tried ? 0 : round->message->expires_at;
}

static void write_report(struct delivery_round *round, enum dsn_action action,
			 const struct dsn_rcpt *rcpts, size_t count)
{
	struct gw_message *message = round->message;
	struct buf bytes;
	buf_init(&bytes, 0);
	struct dsn dsn = {
		.action = action,
		.hostname = message->snapshot->settings.hostname,
		.message = message,
		.rcpts = rcpts,
		.count = count,
		.now = queue_now(),
		.id = submit_id(message->worker),
		.will_retry_until = retry_until(round),
		.max_return = RETURN_MAX,
		.utf8 = needs_utf8(message),
	};
	if (action == DSN_DELAYED)
		round->warning = dsn.id;
	if (dsn_write(&dsn, &bytes) != 0) {
		buf_finish(&bytes);
		report_written(round, dsn.id, false);
		return;
	}
	struct submission submission = {
		.worker = message->worker,
		.snapshot = message->snapshot,
		.rcpts = &message->sender,
		.rcpt_count = 1,
		.bytes = buf_str(&bytes),
		.id = dsn.id,
		.smtputf8 = dsn.utf8,
		.requiretls = message->requiretls,
		.done = report_written,
		.arg = round,
	};
	COUNT(dsns);
	log_report(message, dsn.id, action);
	submit(&submission);
	buf_finish(&bytes);
}

static size_t collect(struct delivery_round *round, enum dsn_action action, struct dsn_rcpt *into)
{
	size_t count = 0;
	for (size_t i = 0; i < round->count; i++) {
		struct rcpt_attempt *recipient = &round->recipients[i];
		enum dsn_action its;
		if (recipient->quiet || !action_of(round, recipient, &its) || its != action)
			continue;
		if (action == DSN_DELAYED)
			recipient->warned = recipient->rcpt->delay_told = round->message->changed =
				true;
		if (dsn_wanted(recipient->rcpt, action))
			into[count++] = (struct dsn_rcpt){ recipient->rcpt, recipient->outcome };
	}
	return count;
}

/* The count is held up by one while they begin, since any of them may end at once. */
enum step step_report(struct task *task)
{
	static const enum dsn_action actions[] = { DSN_FAILED, DSN_DELAYED, DSN_RELAYED,
						   DSN_DELIVERED };
	struct delivery_round *round = round_of(task);
	struct dsn_rcpt *rcpts = arena_alloc(&round->message->arena, round->count * sizeof(*rcpts));
	round->reports = 1;
	round->report_lost = !rcpts && round->count;
	for (size_t i = 0; rcpts && i < sizeof(actions) / sizeof(actions[0]); i++) {
		size_t count = collect(round, actions[i], rcpts);
		/* never about a null sender: RFC 5321 section 6.1 */
		if (!count || !round->message->sender.len)
			continue;
		round->reports++;
		write_report(round, actions[i], rcpts, count);
	}
	if (--round->reports == 0)
		return STEP_FAIL;
	round_record(round);
	return STEP_WAITS;
}

/* --- the bounce hook --- */

static void fill_result(struct delivery_round *round, const struct rcpt_attempt *recipient,
			bool delayed)
{
	round->result = (struct gw_result){
		.size = sizeof(round->result),
		.rcpt = recipient->rcpt,
		.relay = recipient->rcpt->relay,
		.attempt = round->message->attempts + 1,
		.delayed = delayed,
	};
	outcome_tell(&recipient->outcome, &round->outcome, &round->result);
	outcome_enhanced(&recipient->outcome, round->outcome.enhanced);
}

enum step step_bounce(struct task *task)
{
	struct delivery_round *round = round_of(task);
	for (; round->at < round->count; round->at++) {
		struct rcpt_attempt *recipient = &round->recipients[round->at];
		enum dsn_action action;
		if (!action_of(round, recipient, &action) ||
		    recipient->outcome.status == GW_DELIVERED)
			continue;
		fill_result(round, recipient, action == DSN_DELAYED);
		task->call.rcpt = recipient->rcpt;
		task->call.argument = &round->result;
		round_record(round);
		return STEP_ASK;
	}
	return STEP_REPORT;
}

enum step step_bounce_answered(struct task *task)
{
	struct delivery_round *round = round_of(task);
	round->recipients[round->at++].quiet = task->call.answer.verdict == GW_DISCARD;
	return STEP_BOUNCE;
}
