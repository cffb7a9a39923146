/* answer.c - what the client of a message hears that waits for its next hop: one reply to all
 * recipients, of the first round, or that the message is queued. */
#include "deliver/delivery_private.h"

#include "queue/asker.h"

static bool all_delivered(const struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (round->recipients[i].outcome.status != GW_DELIVERED)
			return false;
	return true;
}

/* What was given up for other reasons, as its age, is no answer to the client. */
static bool is_refused(const struct outcome *outcome)
{
	uint8_t enhanced[3];
	outcome_enhanced(outcome, enhanced);
	return outcome->status == GW_BOUNCED && enhanced[0] == 5 &&
	       (!outcome->reply.code || outcome->reply.code / 100 == 5);
}

static bool all_refused(const struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (!is_refused(&round->recipients[i].outcome))
			return false;
	return true;
}

static struct smtp_reply reply_to_first(const struct delivery_round *round)
{
	const struct outcome *outcome = &round->recipients[0].outcome;
	struct smtp_reply reply = outcome->reply;
	bool refused = outcome->status == GW_BOUNCED;
	outcome_enhanced(outcome, reply.enhanced);
	if (!reply.code)
		reply.code = refused ? 554 : 250;
	if (!reply.text.len)
		reply.text = gw_str(refused ? "refused" : "delivered");
	return reply;
}

static void tell_delivered(const struct delivery_round *round)
{
	struct smtp_reply reply = reply_to_first(round);
	queue_tell(round->message, ASKER_DELIVERED, &reply);
}

bool answer_round(const struct delivery_round *round)
{
	const struct gw_message *message = round->message;
	bool whole = round->count && round->count == message->rcpt_count;
	if (!queue_is_asked(message->worker, message->id))
		return false;
	if (whole && all_refused(round))
		return true;
	if (whole && all_delivered(round))
		tell_delivered(round);
	else
		queue_tell(round->message, ASKER_OPEN, NULL);
	return false;
}

bool answer_refuse(struct delivery_round *round)
{
	struct smtp_reply reply = reply_to_first(round);
	if (!queue_refuse(round->message, &reply))
		return false;
	for (size_t i = 0; i < round->count; i++) {
		round->recipients[i].rcpt->status = RCPT_FAILED;
		COUNT(bounced);
	}
	return true;
}
