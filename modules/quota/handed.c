/* handed.c - a message's note says in which run of the gateway it was counted, since that count is
 * in memory: after a restart what is queued counts as it goes out. */
#include "handed.h"

#include "ledger.h"
#include "words.h"

#include <stdio.h>

/* Where recipients count, each ends by itself; where messages do, the whole message does once. */
static const char *const note_keys[] = {
	[COUNT_RECIPIENTS] = "handed", [COUNT_MESSAGES] = "handed_once"
};

static bool is_dry(const struct gw_message *message)
{
	return gw->message_number(message, GW_MESSAGE_DRY) == 1;
}

static struct gw_str run_of_gateway(void)
{
	return gw_str(ledgers_run());
}

static bool is_counted(struct gw_call *call, const struct gw_message *message, enum counts counts)
{
	struct gw_str note = gw->note(call, message, note_keys[counts]);

	return note.ptr && gw_str_eq(note, run_of_gateway());
}

/* --- coming in --- */

static void say_refusal(struct gw_call *call, const struct applied *applied)
{
	char whose[WORDS_MAX], until[WORDS_MAX];
	struct view view;

	ledger_view(call, applied, &view);
	words_whose(applied, whose);
	words_time(call, applied->limit, view.opens, until);
	gw->reply(call, 452, "4.7.1", "daily limit of %lld for %s is reached until %s",
		  (long long)applied->limit->daily, whose, until);
}

/* Before its header is known, only where its client or its port has a word about it. */
static bool is_typed(const struct gw_message *message)
{
	return gw->message_fact(message, GW_MESSAGE_TYPE_BY).len != 0;
}

enum gw_verdict on_rcpt(struct gw_call *call, struct gw_message *message, struct gw_rcpt *rcpt)
{
	int64_t rcpts = gw->message_number(message, GW_MESSAGE_RCPTS); /* this one too */
	struct applies applies;
	size_t i;

	if (!limits_refusing(call, message, is_typed(message), &applies))
		return GW_CONTINUE;
	for (i = 0; i < applies.count; i++)
		if (!ledger_hand_in(call, &applies.items[i],
				    limit_amount(applies.items[i].limit, rcpts), true)) {
			say_refusal(call, &applies.items[i]);
			return GW_TEMPFAIL;
		}
	return GW_CONTINUE;
}

static void take_back(const struct applies *applies, size_t count, int64_t rcpts)
{
	size_t i;

	for (i = 0; i < count; i++)
		ledger_final(&applies->items[i], limit_amount(applies->items[i].limit, rcpts));
}

static bool write_notes(struct gw_call *call, struct gw_message *message)
{
	return gw->note_set(call, message, note_keys[COUNT_RECIPIENTS], run_of_gateway()) == 0 &&
	       gw->note_set(call, message, note_keys[COUNT_MESSAGES], run_of_gateway()) == 0;
}

enum gw_verdict on_message(struct gw_call *call, struct gw_message *message)
{
	int64_t rcpts = gw->message_number(message, GW_MESSAGE_RCPTS);
	bool dry = is_dry(message);
	struct applies applies;
	size_t i;

	if (!limits_refusing(call, message, true, &applies))
		return GW_CONTINUE;
	for (i = 0; i < applies.count; i++)
		if (!ledger_hand_in(call, &applies.items[i],
				    limit_amount(applies.items[i].limit, rcpts), dry)) {
			take_back(&applies, dry ? 0 : i, rcpts);
			say_refusal(call, &applies.items[i]);
			return GW_TEMPFAIL;
		}
	if (!dry && !write_notes(call, message))
		take_back(&applies, applies.count, rcpts);
	return GW_CONTINUE;
}

static bool is_discarded(struct gw_str json)
{
	struct gw_json_value *details = json.len ? gw->json_read(json, NULL, 0) : NULL;
	bool discarded = gw->json_value_bool(gw->json_member(details, "discarded"), false);

	gw->json_free(details);
	return discarded;
}

/* Refused after we had counted it: by another module, by the disk, or because the client left. Or
 * thrown away. */
static bool goes_nowhere(const struct gw_event *event)
{
	if (gw_str_eq(event->name, gw_str("accepted")))
		return is_discarded(event->json);
	return gw_str_eq(event->name, gw_str("refused"));
}

void on_event(struct gw_call *call, const struct gw_event *event)
{
	struct applies applies;

	if (!event->message || !goes_nowhere(event) ||
	    !limits_refusing(call, event->message, true, &applies))
		return;
	if (is_counted(call, event->message, COUNT_RECIPIENTS))
		take_back(&applies, applies.count,
			  gw->message_number(event->message, GW_MESSAGE_RCPTS));
}

/* --- final --- */

static void final_rcpts(const struct applies *applies, int64_t rcpts)
{
	size_t i;

	for (i = 0; i < applies->count; i++)
		if (applies->items[i].limit->counts == COUNT_RECIPIENTS)
			ledger_final(&applies->items[i], rcpts);
}

static void final_message(const struct applies *applies)
{
	size_t i;

	for (i = 0; i < applies->count; i++)
		if (applies->items[i].limit->counts == COUNT_MESSAGES)
			ledger_final(&applies->items[i], 1);
}

static void message_is_over(struct gw_call *call, struct gw_message *message,
			    const struct applies *applies)
{
	if (!is_counted(call, message, COUNT_MESSAGES))
		return;
	final_message(applies);
	gw->note_set(call, message, note_keys[COUNT_MESSAGES], gw_str(""));
}

void handed_delivered(struct gw_call *call, struct gw_message *message, int64_t rcpts, bool counted)
{
	struct applies applies;

	if (!limits_refusing(call, message, true, &applies))
		return;
	if (is_counted(call, message, COUNT_RECIPIENTS))
		final_rcpts(&applies, rcpts);
	if (counted)
		message_is_over(call, message, &applies);
}

static bool is_last(struct gw_message *message, const struct gw_rcpt *rcpt)
{
	struct gw_rcpt *other;
	size_t nth;

	for (nth = 0; (other = gw->message_rcpt(message, nth)) != NULL; nth++)
		if (other != rcpt && gw->rcpt_number(other, GW_RCPT_STATUS) == 0)
			return false;
	return true;
}

enum gw_verdict on_bounce(struct gw_call *call, struct gw_message *message,
			  const struct gw_result *result)
{
	struct applies applies;

	if (result->delayed || !limits_refusing(call, message, true, &applies))
		return GW_CONTINUE;
	if (is_counted(call, message, COUNT_RECIPIENTS))
		final_rcpts(&applies, 1);
	if (is_last(message, result->rcpt))
		message_is_over(call, message, &applies);
	return GW_CONTINUE;
}
