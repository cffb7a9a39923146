/* result.c - what an attempt gave: whose fault it was, and what the relay's book says of it. */
#include "closing.h"
#include "pace.h"
#include "reply.h"
#include "result.h"
#include "scrub.h"

#include <inttypes.h>
#include <stdlib.h>

/* A failed attempt, with all that is asked about it. */
struct incident {
	struct gw_call *call;
	const struct gw_relay *relay;
	const struct rules *rules;
	const struct gw_result *result;
	struct verdict verdict;
	int64_t now, message;
};

/* --- a message whose fate is not known --- */

/* How often that was so, this time included; all recipients of an attempt are one time. The note
 * has it: "2 1767225600000". */
static int64_t count_unknown(const struct incident *incident, struct gw_message *message)
{
	struct gw_str note = gw->note(incident->call, message, "unknown");
	int64_t count = 0, began = -1;
	char text[48];

	if (note.ptr)
		sscanf(note.ptr, "%" SCNd64 " %" SCNd64, &count, &began);
	if (began == incident->result->began && count > 0)
		return count;
	count++;
	snprintf(text, sizeof text, "%" PRId64 " %" PRId64, count, incident->result->began);
	gw->note_set(incident->call, message, "unknown", gw_str(text));
	return count;
}

static void hold(const struct incident *incident, int64_t count)
{
	char why[200];

	snprintf(why, sizeof why,
		 "relay %.*s may have it already: its link was lost after the final dot%s",
		 GW_STR_ARGS(gw->relay_fact(incident->relay, GW_RELAY_NAME)),
		 count > 1 ? ", more than once" : "");
	gw->hold_message(incident->call, why);
}

/* The relay's failure, but only once for each message: one that it cannot digest is no outage. */
static void judge_unknown(struct incident *incident, struct gw_delivery *delivery)
{
	int64_t count = count_unknown(incident, gw->delivery_message(delivery));
	const struct rules *rules = incident->rules;

	incident->verdict.counts = count == 1;
	if (rules->unknown == UNKNOWN_FALLBACK)
		incident->verdict.fault = GW_FAULT_RELAY;
	else if (rules->unknown == UNKNOWN_HOLD || count > rules->unknown_tries)
		hold(incident, count);
}

/* --- counting --- */

/* The enhanced code and the words, all lines; "..." where there were more. */
static void describe_words(const struct gw_outcome *outcome, struct failure *failure)
{
	size_t room = sizeof failure->text, len = 0;

	if (outcome->enhanced[0])
		len = (size_t)snprintf(failure->text, room, "%u.%u.%u ", outcome->enhanced[0],
				       outcome->enhanced[1], outcome->enhanced[2]);
	if (len + outcome->text.len < room) {
		text_keep(failure->text + len, room - len, outcome->text);
		return;
	}
	text_keep(failure->text + len, room - len - 3, outcome->text);
	memcpy(failure->text + strlen(failure->text), "...", 4);
}

static void describe_failure(const struct incident *incident, struct failure *failure)
{
	const struct gw_outcome *outcome = incident->result->outcome;

	*failure = (struct failure){ .time = incident->now,
				     .code = outcome->code,
				     .message = incident->message };
	text_keep(failure->class, sizeof failure->class, incident->verdict.class);
	text_keep(failure->stage, sizeof failure->stage, incident->result->stage);
	text_keep(failure->host, sizeof failure->host, outcome->host);
	describe_words(outcome, failure);
	text_keep(failure->hint, sizeof failure->hint, incident->verdict.hint);
}

#define BACKOFF_FIRST_MS ((int64_t)5 * 60 * 1000)
#define BACKOFF_MOST_MS ((int64_t)24 * 3600 * 1000)

static int64_t backoff_ms(int64_t before)
{
	int64_t pause = BACKOFF_FIRST_MS;

	while (before-- > 0 && pause < BACKOFF_MOST_MS)
		pause *= 2;
	return pause < BACKOFF_MOST_MS ? pause : BACKOFF_MOST_MS;
}

static int64_t suspended_until(const struct incident *incident)
{
	struct gw_day day;

	if (incident->rules->backoff)
		return incident->now + backoff_ms(incident->rules->book->suspensions);
	if (incident->rules->suspend_ms)
		return incident->now + incident->rules->suspend_ms;
	relay_day(incident->call, incident->relay, incident->now, &day);
	return day.ends;
}

static int64_t counted_since(const struct incident *incident)
{
	struct gw_day day;

	if (incident->rules->within_ms)
		return incident->now - incident->rules->within_ms;
	relay_day(incident->call, incident->relay, incident->now, &day);
	return day.begins;
}

/* "3 failures today" */
static void say_count(const struct rules *rules, int64_t count, char *out, size_t size)
{
	bool row = rules->mode == MODE_CONSECUTIVE;
	int len = snprintf(out, size, "%" PRId64 " failure%s %s", count, count == 1 ? "" : "s",
			   row ? "in a row " : "");

	if (rules->within_ms)
		snprintf(out + len, size - (size_t)len, "within %.*s", GW_STR_ARGS(rules->within));
	else
		snprintf(out + len, size - (size_t)len, "today");
}

static bool suspend(const struct incident *incident, struct book *book, const char *reason)
{
	const struct failure *last = &book->last_error;
	char why[600 + FAILURE_BRIEF], words[FAILURE_BRIEF];

	text_keep(words, sizeof words, gw_str(last->text));
	snprintf(why, sizeof why, "%s, the last: %s%s%s: %s", reason, last->stage,
		 *last->host ? ", " : "", last->host, words);
	if (!relay_close(incident->call, incident->relay, book, GW_CAUSE_FAILURE,
			 suspended_until(incident), why))
		return false;
	book->trial = false;
	if (incident->rules->backoff) {
		book->closure.warned = book->suspensions++ > 0; /* one warning for all of them */
		book_write(incident->call, book);
	}
	return true;
}

/* What was under way when a failure was counted met the same trouble; unless the clock was set back
 * since. */
static bool began_later(const struct incident *incident, const struct book *book)
{
	return !incident->result->began || incident->result->began > book->last_counted ||
	       book->last_counted > incident->now;
}

/* An outage is one incident for a while, whoever meets it. */
static bool is_apart(const struct incident *incident, const struct book *book)
{
	int64_t last = book->count ? book->failures[book->count - 1].time : 0;

	return !last || last > incident->now || incident->now - last >= incident->rules->apart_ms;
}

/* What a reply to MAIL or later says may be brought about by the message: it is evidence once. */
static bool was_heard(const struct incident *incident, const struct book *book)
{
	static const char sending[] = " mail rcpt data body dot ";
	char stage[20];
	int64_t i;

	snprintf(stage, sizeof stage, " %.*s ", GW_STR_ARGS(incident->result->stage));
	for (i = 0; i < book->count && incident->message && strstr(sending, stage); i++)
		if (book->failures[i].message == incident->message)
			return true;
	return false;
}

static bool is_news(const struct incident *incident, const struct book *book)
{
	return began_later(incident, book) && is_apart(incident, book) &&
	       !was_heard(incident, book);
}

static bool count_failure(const struct incident *incident, struct book *book,
			  const struct failure *failure)
{
	char reason[80];

	if (book->closure.cause || !is_news(incident, book))
		return false;
	book_prune(book, counted_since(incident));
	book_add(book, failure);
	gw->count(incident->call, "failures", 1);
	if (!incident->rules->failures ||
	    (!book->trial && book->count < incident->rules->failures)) {
		book_write(incident->call, book);
		return false;
	}
	say_count(incident->rules, book->count, reason, sizeof reason);
	return suspend(incident, book, reason);
}

/* --- what the row says is done --- */

static bool act_limit(const struct incident *incident, struct book *book)
{
	struct gw_day day;
	char why[500], words[FAILURE_BRIEF];

	relay_day(incident->call, incident->relay, incident->now, &day);
	text_keep(words, sizeof words, gw_str(book->last_error.text));
	snprintf(why, sizeof why, "it takes no more today: %s", words);
	return relay_close(incident->call, incident->relay, book, GW_CAUSE_LIMIT, day.ends, why);
}

static bool act(const struct incident *incident, struct book *book)
{
	switch (incident->verdict.action) {
	case ACTION_THROTTLE:
		pace_slow(incident->call, incident->relay, book, incident->result->began);
		return false;
	case ACTION_LIMIT:
		return act_limit(incident, book);
	case ACTION_SUSPEND:
		return suspend(incident, book, book->last_error.class);
	default:
		return false;
	}
}

/* A dead domain among many is not the failure of a relay that stands for all their hosts. */
static void enter(const struct incident *incident)
{
	struct book *book = incident->rules->book;
	struct failure failure;
	bool closed = false;

	describe_failure(incident, &failure);
	book_lock(book);
	book->last_error = failure;
	if (!relay_is_mx(incident->relay)) {
		if (incident->verdict.counts)
			closed = count_failure(incident, book, &failure);
		closed |= act(incident, book);
	}
	book_unlock(book);
	if (closed)
		relay_tell_closed(incident->call, incident->relay, book);
}

/* --- the hook --- */

/* It takes mail over other links just now, so it is not down: it has enough of them. */
#define LIVELY_MS 60000

static bool is_crowded(const struct incident *incident, const struct reply *reply)
{
	int64_t success = atomic_load_explicit(&incident->rules->book->last_success,
					       memory_order_relaxed);
	bool early = gw_str_eq(reply->stage, gw_str("greeting")) ||
		     gw_str_eq(reply->stage, gw_str("ehlo"));

	return reply->code == 421 && early && success &&
	       success >= incident->result->began - LIVELY_MS && success <= incident->now;
}

static void warn_of_refusals(const struct incident *incident, const struct reply *reply)
{
	char text[500];

	snprintf(
		text, sizeof text,
		"relay %s refuses one message after the other alike, so it is not the messages: %d %s %.*s",
		incident->rules->book->name, reply->code, reply->status,
		GW_STR_ARGS(incident->result->outcome->text));
	text_swap(text, '\n', ' ');
	gw->log(incident->call, GW_LOG_WARNING, "%s", text);
	gw->count(incident->call, "refused_alike", 1);
}

/* A refusal that nobody knows, of several messages: our account's. Their mail goes on, or stays. */
static void judge_refusal(struct incident *incident, const struct reply *reply)
{
	struct book *book = incident->rules->book;
	bool alike;

	book_lock(book);
	alike = refusals_add(&book->refusals, reply, incident->message,
			     atomic_load(&book->last_success), incident->now);
	book_unlock(book);
	if (!alike)
		return;
	incident->verdict = (struct verdict){
		.class = gw_str("refused_alike"),
		.fault = GW_FAULT_ACCOUNT,
		.hint = gw_str(
			"Several messages were refused in the same words and none was taken: see what the provider has against the account."),
	};
	warn_of_refusals(incident, reply);
}

/* The fragment's table is about providers; the hosts of others are judged by the built-in rows. */
static void judge(struct incident *incident, struct gw_delivery *delivery)
{
	static const struct gw_groups none = { 0 };
	const struct config *config = gw->conf(incident->call);
	bool mx = relay_is_mx(incident->relay);
	char text[SCRUB_MAX];
	struct reply reply;

	reply_of(&reply, incident->result);
	reply.text = scrub_copy(reply.text, text);
	scrub_message(delivery, text);
	incident->verdict = reply_judge(&reply, mx ? &none : &config->replies);
	if (mx)
		return;
	if (is_crowded(incident, &reply))
		incident->verdict = (struct verdict){
			.class = gw_str("crowded"),
			.fault = GW_FAULT_RELAY,
			.action = ACTION_THROTTLE,
			.hint = gw_str(
				"It takes no more connections at once: lower the relay's connections.")
		};
	else if (refusal_is_open(&reply, &incident->verdict))
		judge_refusal(incident, &reply);
}

static const char *whose(enum gw_fault fault)
{
	static const char *const words[] = {
		[GW_FAULT_NONE] = "nobody's fault",
		[GW_FAULT_RELAY] = "the relay's fault",
		[GW_FAULT_ACCOUNT] = "our account's fault there",
		[GW_FAULT_RECIPIENT] = "the recipient's fault",
		[GW_FAULT_MESSAGE] = "the message's fault",
		[GW_FAULT_UNKNOWN] = "it may have arrived",
	};

	return words[fault];
}

static void failed(struct incident *incident, struct gw_delivery *delivery)
{
	const struct verdict *verdict = &incident->verdict;

	if (verdict->fault == GW_FAULT_UNKNOWN)
		judge_unknown(incident, delivery);
	if (verdict->fault == GW_FAULT_NONE)
		return;
	gw->fault(incident->call, verdict->fault);
	gw->reason(incident->call, "%.*s: %s%s", GW_STR_ARGS(verdict->class), whose(verdict->fault),
		   verdict->counts ? ", counted" : "");
	enter(incident);
}

/* The trial is over well. */
static void acquit(struct gw_call *call, const struct gw_relay *relay, struct book *book)
{
	book_lock(book);
	book->trial = false;
	book->suspensions = 0;
	gw->relay_connections(call, relay, book->throttle.connections);
	book_write(call, book);
	book_unlock(book);
	gw->log(call, GW_LOG_INFO, "relay %s takes mail again", book->name);
}

static void succeeded(struct gw_call *call, const struct gw_relay *relay, const struct rules *rules)
{
	struct book *book = rules->book;

	atomic_store_explicit(&book->last_success, gw->now(call), memory_order_relaxed);
	if (book->trial)
		acquit(call, relay, book);
	if (rules->mode != MODE_CONSECUTIVE || !book->count)
		return;
	book_lock(book);
	if (!book->closure.cause) {
		book->count = 0;
		book_write(call, book);
	}
	book_unlock(book);
}

void on_result(struct gw_call *call, struct gw_delivery *delivery, const struct gw_result *result)
{
	struct gw_relay *relay = gw->relay_named(call, result->relay);
	struct incident incident = { .call = call, .relay = relay, .result = result };

	incident.rules = relay ? gw->relay_conf(call, relay) : NULL;
	if (!incident.rules)
		return;
	if (result->outcome->status == GW_DELIVERED) {
		succeeded(call, relay, incident.rules);
		return;
	}
	incident.now = gw->now(call);
	incident.message = gw->message_number(gw->delivery_message(delivery), GW_MESSAGE_ID);
	judge(&incident, delivery);
	failed(&incident, delivery);
}
