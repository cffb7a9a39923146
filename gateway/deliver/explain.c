#include "deliver/explain.h"

#include "deliver/delivery_private.h"
#include "queue/submit.h"

#include <stdlib.h>

struct explanation {
	struct explain_question question;
	struct gw_message *message;
	struct gw_call call;   /* of one of `hooks` after the other */
	size_t asked;          /* of `hooks`, that had nothing against it */
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
	struct explanation *explanation = delivery->message->explanation;
	explain_say(explanation, delivery->task.call.relay->name, "passed over", why);
	explanation->reasons = gw_str(""); /* the next relay hears of its own alone */
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

/* As a session asks them. */
static const enum gw_hook hooks[] = { GW_HOOK_mail, GW_HOOK_rcpt, GW_HOOK_message };

static struct gw_str reply_of(struct explanation *explanation, const struct chain_answer *answer)
{
	static const char *const refusals[GW_HOOKS] = {
		[GW_HOOK_mail] = "550 5.7.1 sender refused",
		[GW_HOOK_rcpt] = "550 5.7.1 recipient refused",
		[GW_HOOK_message] = "554 5.7.1 message refused",
	};
	if (answer->text.len && answer->code)
		return arena_printf(&explanation->message->arena, "%d %s%s%.*s", answer->code,
				    answer->enhanced, answer->enhanced[0] ? " " : "",
				    GW_STR_ARGS(answer->text));
	return gw_str(answer->verdict == GW_REJECT ? refusals[hooks[explanation->asked]]
						   : "451 4.3.0 not now, try again later");
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
		step.answer = explanation->message->accept_then_bounce &&
					      answer->verdict == GW_REJECT &&
					      hooks[explanation->asked] == GW_HOOK_message
				      ? EXPLAIN_GIVEN_BACK
				      : EXPLAIN_REFUSED;
		step.why = reply_of(explanation, answer);
	}
	explanation->question.step(explanation->question.arg, &step);
}

static void ask(struct explanation *explanation);

/* Of a client that nobody knows it is not asked whether it may send at all: it may be anybody. */
static bool is_denied(const struct explanation *explanation, const struct chain_answer *answer)
{
	return hooks[explanation->asked] == GW_HOOK_rcpt && explanation->question.known &&
	       !answer->voted;
}

static void tell_denied(struct explanation *explanation)
{
	explain_say(explanation, gw_str(""), EXPLAIN_REFUSED, gw_str("550 5.7.1 relaying denied"));
}

static void carry_on(struct gw_call *call, void *arg)
{
	struct explanation *explanation = arg;
	enum gw_verdict verdict = call->answer.verdict;
	if (verdict != GW_CONTINUE && verdict != GW_ACCEPT) {
		tell_end(explanation, &call->answer);
		finish(explanation);
	} else if (is_denied(explanation, &call->answer)) {
		tell_denied(explanation);
		finish(explanation);
	} else if (++explanation->asked < sizeof(hooks) / sizeof(hooks[0])) {
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

static void ask(struct explanation *explanation)
{
	struct gw_call *call = &explanation->call;
	call_init(call, explanation->message);
	call->rcpt = hooks[explanation->asked] == GW_HOOK_rcpt ? explanation->message->rcpts[0]
							       : NULL;
	if (chain_run(call, hooks[explanation->asked], judged, explanation))
		judged(call, explanation);
}

/* What its session would know of it; the type that was asked for is more than the client's. */
static void come_as_client(struct gw_message *message, const struct explain_question *question)
{
	const struct gw_client *client = question->client;
	struct arena *arena = &message->arena;
	if (!client)
		return;
	message->client = arena_str(arena, client->name);
	if (!question->known)
		return;
	message->domains = arena_str(arena, client->domains);
	message->peer = arena_str(arena, client->peer);
	if (client->logins.count)
		message->login = arena_str(arena, client->logins.items[0]);
	if (question->type.len || !client->type.len)
		return;
	message->type = arena_str(arena, client->type);
	message->type_by = gw_str("client");
}

static struct gw_str with(struct arena *arena, const char *what, struct gw_str text)
{
	return text.len ? arena_printf(arena, "%s%.*s", what, GW_STR_ARGS(text)) : gw_str("");
}

static void tell_client(struct explanation *explanation)
{
	const struct explain_question *question = &explanation->question;
	const struct gw_message *message = explanation->message;
	struct arena *arena = &explanation->message->arena;
	struct gw_str name = message->client;
	if (!name.len)
		return;
	struct gw_str why =
		question->known
			? arena_printf(arena, "%.*s%.*s%.*s%.*s%.*s", GW_STR_ARGS(name),
				       GW_STR_ARGS(with(arena, " from ", message->peer)),
				       GW_STR_ARGS(with(arena, ", logged in as ", message->login)),
				       GW_STR_ARGS(with(arena, ", domains ", message->domains)),
				       GW_STR_ARGS(with(arena, ", type ", question->client->type)))
			: arena_printf(arena, "no module knows a client %.*s: by its name alone",
				       GW_STR_ARGS(name));
	explain_say(explanation, gw_str(""), "client", why);
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
	come_as_client(message, question);
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
	tell_client(explanation);
	ask(explanation);
}
