#include "deliver/explain.h"

#include "deliver/delivery.h"
#include "queue/submit.h"

#include <stdlib.h>

struct explanation {
	struct explain_question question;
	struct gw_message *message;
	struct gw_call call;         /* of the message hook */
	struct gw_str reasons;       /* at the relay that is looked at */
};

void explain_say(struct explanation *explanation, struct gw_str relay, const char *answer, struct gw_str why)
{
	struct explain_step step = { relay, answer, why };
	explanation->question.step(explanation->question.arg, &step);
}

/* --- what modules say --- */

static struct explanation *of(const struct gw_call *call)
{
	return call->message->explanation;
}

static struct gw_str joined(struct gw_call *call, struct gw_str before, struct gw_str sentence)
{
	return arena_printf(&call->message->arena, "%.*s%s%.*s", GW_STR_ARGS(before), before.len ? "; " : "", GW_STR_ARGS(sentence));
}

static void hear_reason(struct gw_call *call, struct gw_str sentence)
{
	struct explanation *explanation = of(call);
	if (call->hook == GW_HOOK_route)
		explain_say(explanation, gw_str(""), "rule", sentence);
	else if (call->hook == GW_HOOK_message && explanation->question.whole)
		explain_say(explanation, gw_str(""), "type", sentence);
	else if (call->hook == GW_HOOK_message)
		return;
	else
		explanation->reasons = joined(call, explanation->reasons, sentence);
}

static void hear_passed(struct gw_call *call, struct gw_relay *relay, struct gw_str sentence)
{
	explain_say(of(call), relay->name, "no candidate", sentence);
}

void explain_listen(struct explanation *explanation, struct gw_call *call)
{
	call->explain = hear_reason;
	call->passed = hear_passed;
	explanation->reasons = gw_str("");
}

void explain_taken(struct gw_delivery *delivery)
{
	struct explanation *explanation = delivery->message->explanation;
	explain_say(explanation, delivery->call.relay->name, "takes it", explanation->reasons);
	for (size_t i = delivery->at + 1; i < delivery->route.count; i++)
		explain_say(explanation, delivery->route.relays[i]->name, "next", gw_str("asked only when those before do not take it"));
}

/* --- from the question to the journey --- */

static void finish(struct explanation *explanation)
{
	struct explain_question question = explanation->question;
	message_destroy(explanation->message);
	snapshot_release(question.snapshot);
	free(explanation);
	question.done(question.arg);
}

void explain_end(struct explanation *explanation)
{
	finish(explanation);
}

static const char *refusal(enum gw_verdict verdict)
{
	switch (verdict) {
	case GW_DISCARD:
		return "taken and thrown away";
	case GW_HOLD:
		return "held";
	default:
		return "refused";
	}
}

static void carry_on(struct gw_call *call, void *arg)
{
	struct explanation *explanation = arg;
	const struct chain_answer *answer = &call->answer;
	if (answer->verdict == GW_CONTINUE) {
		journey_explain(explanation->message);
		return;
	}
	explain_say(explanation, gw_str(""), refusal(answer->verdict),
	            arena_printf(&explanation->message->arena, "%s: %d %s %.*s", answer->instance ? answer->instance : "", answer->code,
	                         answer->enhanced, GW_STR_ARGS(answer->text)));
	finish(explanation);
}

/* The journey makes calls of its own: this one has to be let go of first. */
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

static void ask_message(struct explanation *explanation)
{
	struct gw_call *call = &explanation->call;
	journey_call(call, explanation->message);
	if (chain_run(call, GW_HOOK_message, judged, explanation))
		judged(call, explanation);
}

static struct gw_message *message_asked(const struct explain_question *question)
{
	struct submission as = {
		.worker = question->worker, .snapshot = question->snapshot, .sender = question->sender, .rcpts = &question->rcpt, .rcpt_count = 1,
		.bytes = question->bytes, .type = question->type, .id = submit_id(question->worker),
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
	ask_message(explanation);
}
