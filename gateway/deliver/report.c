/* report.c - the bounce hook for each recipient that failed or is late, then one DSN for those that ask for one. */
#include "deliver/delivery.h"

#include "base/log.h"
#include "deliver/dsn.h"
#include "queue/submit.h"
#include "smtp/command.h"

#define RETURN_MAX (256 * 1024)

/* A recipient to report, and as what. */
static bool action_of(const struct journey *journey, const struct rcpt_round *round, enum dsn_action *action)
{
	const struct gw_message *message = journey->message;
	switch (round->outcome.status) {
	case GW_DELIVERED:
		/* A next hop that takes the request reports for itself: RFC 3461 section 5.2.2. */
		*action = round->local ? DSN_DELIVERED : DSN_RELAYED;
		return (round->rcpt->notify & SMTP_NOTIFY_SUCCESS) && !round->reported;
	case GW_BOUNCED:
		*action = DSN_FAILED;
		return true;
	case GW_DEFERRED:
	case GW_UNKNOWN:
		*action = DSN_DELAYED;
		return !round->rcpt->delay_told && message->snapshot->settings.queue.delay_warning > 0 &&
		       queue_now() - message->received_at >= message->snapshot->settings.queue.delay_warning;
	default:
		return false;
	}
}

/* --- the report itself --- */

static void written(void *arg, uint64_t id, bool taken)
{
	struct journey *journey = arg;
	/* A report that was not kept is written again: its recipients stay pending until it is. */
	journey->report_lost |= !taken;
	if (--journey->reports == 0)
		settle_written(journey);
}

static void log_report(const struct gw_message *message, uint64_t id, enum dsn_action action)
{
	static const char *const words[] = { [DSN_FAILED] = "failed", [DSN_DELAYED] = "delayed", [DSN_DELIVERED] = "delivered", [DSN_RELAYED] = "relayed" };
	char text[ID_TEXT];
	struct log_line *line = log_open(LOG_INFORM, "report");
	log_id(line, message->id);
	log_text(line, "report", id_format(id, text));
	log_str(line, "to", message->sender);
	log_text(line, "action", words[action]);
	log_close(line);
	line = log_open(LOG_INFORM, "reporting");
	log_id(line, id);
	log_text(line, "parent", id_format(message->id, text));
	log_close(line);
}

/* A report in UTF-8 needs next hops that take it, and when they do not there is nobody to tell: so only to a sender that is written so. */
static bool needs_utf8(const struct gw_message *message)
{
	for (size_t i = 0; message->smtputf8 && i < message->sender.len; i++)
		if (message->sender.ptr[i] & 0x80)
			return true;
	return false;
}

/* What a limit keeps does not expire before it was tried, so its sender is told of no end. */
static int64_t retry_until(const struct journey *journey)
{
	return journey->patient && !journey->tried ? 0 : journey->message->expires_at;
}

static void write_report(struct journey *journey, enum dsn_action action, const struct dsn_rcpt *rcpts, size_t count)
{
	struct gw_message *message = journey->message;
	struct buf bytes;
	buf_init(&bytes, 0);
	struct dsn dsn = {
		.action = action, .hostname = message->snapshot->settings.hostname, .message = message, .rcpts = rcpts, .count = count,
		.now = queue_now(), .id = submit_id(message->worker), .will_retry_until = retry_until(journey), .max_return = RETURN_MAX,
		.utf8 = needs_utf8(message),
	};
	if (dsn_write(&dsn, &bytes) != 0) {
		buf_finish(&bytes);
		written(journey, 0, false);
		return;
	}
	struct submission submission = {
		.worker = message->worker, .snapshot = message->snapshot, .rcpts = &message->sender, .rcpt_count = 1, .bytes = buf_str(&bytes),
		.id = dsn.id, .smtputf8 = dsn.utf8, .requiretls = message->requiretls, .done = written, .arg = journey,
	};
	COUNT(dsns);
	log_report(message, dsn.id, action);
	submit(&submission);
	buf_finish(&bytes);
}

static size_t collect(struct journey *journey, enum dsn_action action, struct dsn_rcpt *into)
{
	size_t count = 0;
	for (size_t i = 0; i < journey->count; i++) {
		struct rcpt_round *round = &journey->rounds[i];
		enum dsn_action its;
		if (round->quiet || !action_of(journey, round, &its) || its != action)
			continue;
		if (action == DSN_DELAYED)
			round->rcpt->delay_told = journey->message->changed = true;
		if (dsn_wanted(round->rcpt, action))
			into[count++] = (struct dsn_rcpt){ round->rcpt, round->outcome };
	}
	return count;
}

static void write_reports(struct journey *journey)
{
	static const enum dsn_action actions[] = { DSN_FAILED, DSN_DELAYED, DSN_RELAYED, DSN_DELIVERED };
	struct dsn_rcpt *rcpts = arena_alloc(&journey->message->arena, journey->count * sizeof(*rcpts));
	journey->reports = 1; /* held up while they begin */
	journey->report_lost = !rcpts && journey->count;
	for (size_t i = 0; rcpts && i < sizeof(actions) / sizeof(actions[0]); i++) {
		size_t count = collect(journey, actions[i], rcpts);
		if (!count || !journey->message->sender.len) /* never about a null sender: RFC 5321 section 6.1 */
			continue;
		journey->reports++;
		write_report(journey, actions[i], rcpts, count);
	}
	if (--journey->reports == 0)
		settle_written(journey);
}

/* --- the bounce hook --- */

static void ask_bounce(struct journey *journey);

static void bounce_judged(struct gw_call *call, void *arg)
{
	struct journey *journey = arg;
	journey->rounds[journey->at++].quiet = call->answer.verdict == GW_DISCARD;
	ask_bounce(journey);
}

static void fill_result(struct journey *journey, const struct rcpt_round *round, bool delayed)
{
	journey->result = (struct gw_result){
		.size = sizeof(journey->result), .rcpt = round->rcpt, .relay = round->rcpt->relay,
		.attempt = journey->message->attempts + 1, .delayed = delayed,
	};
	outcome_tell(&round->outcome, &journey->told, &journey->result);
	outcome_enhanced(&round->outcome, journey->told.enhanced);
}

static void ask_bounce(struct journey *journey)
{
	for (; journey->at < journey->count; journey->at++) {
		struct rcpt_round *round = &journey->rounds[journey->at];
		enum dsn_action action;
		if (!action_of(journey, round, &action) || round->outcome.status == GW_DELIVERED)
			continue;
		fill_result(journey, round, action == DSN_DELAYED);
		journey->call.rcpt = round->rcpt;
		journey->call.argument = &journey->result;
		if (!chain_run(&journey->call, GW_HOOK_bounce, bounce_judged, journey))
			return;
		round->quiet = journey->call.answer.verdict == GW_DISCARD;
	}
	write_reports(journey);
}

void report_begin(struct journey *journey)
{
	journey->at = 0;
	ask_bounce(journey);
}
