#include "show.h"

#include "book.h"
#include "closing.h"
#include "pace.h"
#include "reply.h"
#include "scrub.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- relays --- */

#define STATE_MAX 700

static const char *state_of(struct gw_call *call, const struct gw_relay *relay,
			    const struct book *book, char out[STATE_MAX])
{
	const struct closure *closure = &book->closure;
	char until[TEXT_UNTIL];

	if (book_closed(book, gw->now(call)))
		snprintf(out, STATE_MAX, "%s until %s because of %s", closure_word(closure),
			 text_until(call, gw->relay_fact(relay, GW_RELAY_TIMEZONE), closure->until,
				    until),
			 closure->why);
	else if (book->trial)
		snprintf(out, STATE_MAX, "on trial: one connection until it takes a message");
	else if (throttle_is_slow(&book->throttle))
		pace_text(&book->throttle, out);
	else
		snprintf(out, STATE_MAX, "up");
	return out;
}

void on_status(struct gw_call *call)
{
	struct gw_relay *relay;
	char state[STATE_MAX];
	size_t nth;

	for (nth = 0; (relay = gw->relay_at(call, nth)); nth++) {
		const struct rules *rules = gw->relay_conf(call, relay);
		if (!rules || !rules->book->special)
			continue;
		book_lock(rules->book);
		gw->status_line(call, rules->book->name, "%s",
				state_of(call, relay, rules->book, state));
		book_unlock(rules->book);
	}
}

/* Since the last turn of the day, or within the time that is counted over. */
static int64_t count_now(struct gw_call *call, const struct gw_relay *relay,
			 const struct rules *rules)
{
	int64_t now = gw->now(call), since = now - rules->within_ms, count = 0, i;
	struct gw_day day;

	if (!rules->within_ms) {
		relay_day(call, relay, now, &day);
		since = day.begins;
	}
	for (i = 0; i < rules->book->count; i++)
		count += rules->book->failures[i].time >= since;
	return count;
}

static void show_failures(struct gw_call *call, const struct gw_relay *relay,
			  const struct rules *rules)
{
	const char *row = rules->mode == MODE_CONSECUTIVE ? " in a row" : "";
	struct gw_str within = rules->within_ms ? rules->within : gw_str("today");
	const char *in = rules->within_ms ? "within " : "";
	int64_t count = count_now(call, relay, rules);

	if (rules->failures)
		gw->status_line(call, "failures", "%" PRId64 " of %" PRId64 "%s %s%.*s", count,
				rules->failures, row, in, GW_STR_ARGS(within));
	else
		gw->status_line(call, "failures", "%" PRId64 "%s %s%.*s", count, row, in,
				GW_STR_ARGS(within));
}

static void show_last(struct gw_call *call, const struct book *book)
{
	const struct failure *last = &book->last_error;
	int64_t success = atomic_load(&book->last_success);
	char when[TEXT_TIME], words[FAILURE_BRIEF];

	if (last->time) {
		text_keep(words, sizeof words, gw_str(last->text));
		text_swap(words, '\n', ' ');
		gw->status_line(call, "last error", "%s, at %s%s%s: %s (%s)",
				text_time(last->time, when), last->stage, *last->host ? ", " : "",
				last->host, words, last->class);
	}
	if (success)
		gw->status_line(call, "last success", "%s", text_time(success, when));
}

void on_relay_status(struct gw_call *call, struct gw_relay *relay)
{
	const struct rules *rules = gw->relay_conf(call, relay);
	char state[STATE_MAX];

	if (!rules)
		return;
	book_lock(rules->book);
	gw->status_line(call, "state", "%s", state_of(call, relay, rules->book, state));
	if (!relay_is_mx(relay))
		show_failures(call, relay, rules);
	show_last(call, rules->book);
	book_unlock(rules->book);
}

/* --- gatewayctl failover classify --- */

#define WORDS_MAX SCRUB_MAX

/* A stage may be the last word, or be left out; the words in between are the text, in quotes or
 * not. */
static void read_words(const struct gw_list *words, struct reply *reply, char text[WORDS_MAX])
{
	size_t last = words->count, len = 0, i;

	if (words->count > 3 && reply_is_stage(words->items[words->count - 1]))
		reply->stage = words->items[--last];
	for (i = 2; i < last && len < WORDS_MAX; i++)
		len += (size_t)snprintf(text + len, WORDS_MAX - len, "%s%.*s", i > 2 ? " " : "",
					GW_STR_ARGS(words->items[i]));
	reply->code = atoi(words->items[1].ptr);
	reply->text = gw_str(text);
	reply_status_from_text(reply);
	scrub_quoted(text);
}

static void answer_verdict(struct gw_call *call, const struct verdict *verdict)
{
	static const struct gw_column columns[] = {
		{ "class", "CLASS" },   { "fault", "FAULT" }, { "counts", "COUNTS" },
		{ "action", "ACTION" }, { "row", "ROW" },     { "hint", "HINT" },
		{ NULL, NULL },
	};
	struct gw_json *table = gw->table_create(columns);

	gw->table_row(table);
	gw->json_string(table, "class", verdict->class);
	gw->json_string(table, "fault", gw_str(fault_name(verdict->fault)));
	gw->json_bool(table, "counts", verdict->counts);
	gw->json_string(table, "action", gw_str(action_name(verdict->action)));
	if (verdict->row)
		gw->json_format(table, "row", "replies[%zu]", verdict->row - 1);
	else
		gw->json_string(table, "row", gw_str("built in"));
	gw->json_string(table, "hint", verdict->hint);
	gw->answer_json(call, table);
}

void on_control(struct gw_call *call, const struct gw_command *command)
{
	const struct config *config = gw->conf(call);
	struct reply reply = { .stage = gw_str("rcpt"), .fault = GW_FAULT_MESSAGE };
	char text[WORDS_MAX] = "";
	struct verdict verdict;

	if (command->words.count < 3 || !gw_str_eq(command->words.items[0], gw_str("classify"))) {
		gw->problem(call, true, "failover knows: " CONTROL_WORDS);
		return;
	}
	read_words(&command->words, &reply, text);
	if (reply.code < 200 || reply.code > 599) {
		gw->problem(call, true, "\"%.*s\" is no reply code",
			    GW_STR_ARGS(command->words.items[1]));
		return;
	}
	verdict = reply_judge(&reply, &config->replies);
	answer_verdict(call, &verdict);
}
