#include "deliver/explain.h"

#include "deliver/delivery_private.h"
#include "queue/submit.h"

#include <stdlib.h>

struct explanation {
	struct explain_question question;
	struct gw_message *message;
	struct gw_call call;   /* of the rcpt hook, then of the message hook */
	bool taken_rcpt;       /* the rcpt hook has nothing against it */
	struct gw_str reasons; /* at the relay that is looked at */
};

static void explain_say(struct explanation *explanation, struct gw_str relay, const char *answer,
			struct gw_str why)
{
	struct explain_step step = { .relay = relay, .answer = answer, .why = why };
	explanation->question.step(explanation->question.arg, &step);
}

static void explain_outcome(struct explanation *explanation, struct gw_str relay,
			    const struct outcome *outcome)
{
	const struct smtp_reply *reply = &outcome->reply;
	struct gw_str text = reply->text;
	char enhanced[16];
	if (reply->code) {
		snprintf(enhanced, sizeof(enhanced), "%d.%d.%d", reply->enhanced[0],
			 reply->enhanced[1], reply->enhanced[2]);
		text = arena_printf(&explanation->message->arena, "%d %s %.*s", reply->code,
				    enhanced, GW_STR_ARGS(text));
	}
	explain_say(explanation, relay,
		    outcome->status == GW_BOUNCED ? EXPLAIN_GIVEN_BACK : "waits", text);
}

/* --- what modules say --- */

static struct explanation *explanation_of(const struct gw_call *call)
{
	return call->message->explanation;
}

static struct gw_str joined(struct gw_call *call, struct gw_str before, struct gw_str sentence)
{
	return arena_printf(&call->message->arena, "%.*s%s%.*s", GW_STR_ARGS(before),
			    before.len ? "; " : "", GW_STR_ARGS(sentence));
}

static void hear_reason(struct gw_call *call, struct gw_str sentence)
{
	struct explanation *explanation = explanation_of(call);
	if (call->hook == GW_HOOK_route)
		explain_say(explanation, gw_str(""), "rule", sentence);
	else if (call->hook == GW_HOOK_message && explanation->question.whole)
		explain_say(explanation, gw_str(""), "type", sentence);
	else if (call->hook == GW_HOOK_message || call->hook == GW_HOOK_rcpt)
		return;
	else
		explanation->reasons = joined(call, explanation->reasons, sentence);
}

static void hear_passed(struct gw_call *call, struct gw_relay *relay, struct gw_str sentence)
{
	struct explanation *explanation = explanation_of(call);
	if (explanation->question.all)
		explain_say(explanation, relay->name, "no candidate", sentence);
}

static void explain_listen(struct gw_call *call)
{
	call->explain = hear_reason;
	call->passed = hear_passed;
	explanation_of(call)->reasons = gw_str("");
}

/* --- what the round would do --- */

static void finish(struct explanation *explanation)
{
	struct explain_question question = explanation->question;
	message_destroy(explanation->message);
	snapshot_release(question.snapshot);
	free(explanation);
	question.done(question.arg);
}

static void explain_skipped(const struct gw_delivery *delivery, enum gw_cause cause,
			    struct gw_str why)
{
	explain_say(delivery->message->explanation, delivery->task.call.relay->name, "passed over",
		    why);
}

static void explain_waits(const struct gw_delivery *delivery)
{
	explain_say(delivery->message->explanation, gw_str(""), "waits",
		    gw_str("until one of them takes mail again"));
}

static void explain_decided(struct gw_delivery *delivery)
{
	explain_outcome(delivery->message->explanation, delivery->task.call.relay->name,
			&delivery->attempt.outcomes[0]);
}

/* The relay would take it; the rest of its route would be next. */
static enum step explain_admitted(const struct gw_delivery *delivery)
{
	struct explanation *explanation = delivery->message->explanation;
	explain_say(explanation, delivery->task.call.relay->name, "takes it", explanation->reasons);
	for (size_t i = delivery->at + 1; i < delivery->route.count; i++)
		explain_say(explanation, delivery->route.relays[i]->name, "next",
			    gw_str("asked only when those before do not take it"));
	return STEP_FINISH;
}

/* What became of recipients in a delivery was said there. */
static enum step explain_outcomes(struct delivery_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (!round->recipients[i].sorted)
			explain_outcome(round->message->explanation, gw_str(""),
					&round->recipients[i].outcome);
	return STEP_RELEASE;
}

static void explain_ended(struct delivery_round *round)
{
	finish(round->message->explanation);
}

const struct round_effects explain_effects = {
	.listen = explain_listen,
	.skipped = explain_skipped,
	.waits = explain_waits,
	.decided = explain_decided,
	.admitted = explain_admitted,
	.outcomes = explain_outcomes,
	.ended = explain_ended,
};

/* --- from the question to the round --- */

static struct gw_str reply_of(struct explanation *explanation, const struct chain_answer *answer)
{
	bool refuses = answer->verdict == GW_REJECT;
	if (answer->text.len && answer->code)
		return arena_printf(&explanation->message->arena, "%d %s%s%.*s", answer->code,
				    answer->enhanced, answer->enhanced[0] ? " " : "",
				    GW_STR_ARGS(answer->text));
	if (!explanation->taken_rcpt && refuses)
		return gw_str("550 5.7.1 recipient refused");
	return gw_str(refuses ? "554 5.7.1 message refused" : "451 4.3.0 not now, try again later");
}

static void tell_end(struct explanation *explanation, const struct chain_answer *answer)
{
	struct explain_step step = { .by = gw_str(answer->instance ? answer->instance : "") };
	switch (answer->verdict) {
	case GW_DISCARD:
		step.answer = "taken and thrown away";
		step.why = answer->text;
		break;
	case GW_HOLD:
		step.answer = "held";
		step.why = answer->text;
		break;
	default:
		step.answer = EXPLAIN_REFUSED;
		step.why = reply_of(explanation, answer);
	}
	explanation->question.step(explanation->question.arg, &step);
}

static void ask(struct explanation *explanation);

static void carry_on(struct gw_call *call, void *arg)
{
	struct explanation *explanation = arg;
	enum gw_verdict verdict = call->answer.verdict;
	if (verdict != GW_CONTINUE && verdict != GW_ACCEPT) {
		tell_end(explanation, &call->answer);
		finish(explanation);
	} else if (!explanation->taken_rcpt) {
		explanation->taken_rcpt = true;
		ask(explanation);
	} else if (round_explain(explanation->message) != 0) {
		finish(explanation);
	}
}

/* What is asked next makes a call of its own: this one has to be let go of first. */
static void judged(struct gw_call *call, void *arg)
{
	struct explanation *explanation = arg;
	struct chain_answer answer = call->answer;
	call->done = carry_on;
	call->arg = explanation;
	if (chain_cancel(call)) {
		call->answer = answer;
		carry_on(call, explanation);
	}
}

/* Whether a client may send at all is not asked: there is none. */
static void ask(struct explanation *explanation)
{
	struct gw_call *call = &explanation->call;
	call_init(call, explanation->message);
	call->rcpt = explanation->taken_rcpt ? NULL : explanation->message->rcpts[0];
	if (chain_run(call, explanation->taken_rcpt ? GW_HOOK_message : GW_HOOK_rcpt, judged,
		      explanation))
		judged(call, explanation);
}

static struct gw_message *message_asked(const struct explain_question *question)
{
	struct submission as = {
		.worker = question->worker,
		.snapshot = question->snapshot,
		.sender = question->sender,
		.rcpts = &question->rcpt,
		.rcpt_count = 1,
		.bytes = question->bytes,
		.type = question->type,
		.id = submit_id(question->worker),
	};
	struct gw_message *message = submission_message(&as);
	if (!message)
		return NULL;
	message->own = false;
	message->dry = true;
	message->type_by = gw_str(question->type.len ? "client" : "");
	message->client = arena_str(&message->arena, question->client);
	return message;
}

void explain_begin(const struct explain_question *question)
{
	struct explanation *explanation = calloc(1, sizeof(*explanation));
	struct gw_message *message = explanation ? message_asked(question) : NULL;
	if (!message) {
		free(explanation);
		question->done(question->arg);
		return;
	}
	explanation->question = *question;
	explanation->message = message;
	message->explanation = explanation;
	ask(explanation);
}
