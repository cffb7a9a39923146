#include "module/chain_private.h"

#include "base/log.h"

#include <stdio.h>

#define REPLY_MAX 500

static const char *const names[] = {
	[GW_CONTINUE] = "CONTINUE", [GW_ACCEPT] = "ACCEPT",
	[GW_REJECT] = "REJECT",     [GW_TEMPFAIL] = "TEMPFAIL",
	[GW_DISCARD] = "DISCARD",   [GW_HOLD] = "HOLD",
	[GW_NEXT] = "NEXT",         [GW_WAIT] = "WAIT",
	[GW_PENDING] = "PENDING",   [GW_DISCONNECT] = "DISCONNECT",
	[GW_FAILED] = "FAILED",
};

const char *verdict_name(enum gw_verdict verdict)
{
	return (unsigned)verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "unknown";
}

/* --- the reply --- */

void answer_clear(struct chain_answer *answer)
{
	answer->code = 0;
	answer->enhanced[0] = '\0';
	answer->text = gw_str("");
	answer->wait_until = 0;
	answer->cause = 0;
	answer->key = answer->reason = gw_str("");
}

/* What a module says goes into a reply line: octets that could end or garble the line are replaced.
 */
static void make_printable(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = text[i] == '\r' || text[i] == '\n' || text[i] == '\t' ? ' ' : '?';
}

static bool is_enhanced(const char *text)
{
	unsigned class, subject, detail;
	int end = 0;

	return strlen(text) < sizeof(((struct chain_answer *)0)->enhanced) &&
	       sscanf(text, "%1u.%3u.%3u%n", &class, &subject, &detail, &end) == 3 &&
	       text[end] == '\0';
}

void call_reply(struct gw_call *call, int code, const char *enhanced, const char *format,
		va_list args)
{
	char text[REPLY_MAX + 1];
	struct chain_answer *answer = &call->answer;

	answer->code = code;
	answer->enhanced[0] = '\0';
	if (enhanced && is_enhanced(enhanced))
		strcpy(answer->enhanced, enhanced);
	vsnprintf(text, sizeof(text), format, args);
	make_printable(text, strlen(text));
	answer->text = call->arena ? arena_str(call->arena, gw_str(text)) : gw_str("");
	if (!answer->text.ptr)
		answer->text = gw_str("");
}

/* The reply class a verdict stands for; 0: any. */
static int reply_class(enum gw_verdict verdict)
{
	switch (verdict) {
	case GW_REJECT:
		return 5;
	case GW_TEMPFAIL:
	case GW_DISCONNECT:
		return 4;
	default:
		return 0;
	}
}

void answer_finish(struct gw_call *call)
{
	struct chain_answer *answer = &call->answer;
	int class = reply_class(answer->verdict);

	if (class && answer->code / 100 != class)
		answer->code = 0;
	if (class && answer->enhanced[0] != '0' + class)
		answer->enhanced[0] = '\0';
}

/* --- what a verdict means --- */

static bool allows(const struct hook_row *row, enum gw_verdict verdict)
{
	return (row->verdicts & VERDICT_BIT(verdict)) != 0;
}

static enum gw_verdict transient(const struct hook_row *row)
{
	if (allows(row, GW_TEMPFAIL))
		return GW_TEMPFAIL;
	return allows(row, GW_WAIT) ? GW_WAIT : row->broken;
}

static enum gw_verdict on_error_verdict(const struct hook_row *row, enum on_error on_error)
{
	switch (on_error) {
	case ON_ERROR_CONTINUE:
		return GW_CONTINUE;
	case ON_ERROR_TEMPFAIL:
	case ON_ERROR_WAIT:
		return transient(row);
	case ON_ERROR_HOLD:
		return allows(row, GW_HOLD) ? GW_HOLD : transient(row);
	case ON_ERROR_REJECT:
		return allows(row, GW_REJECT) ? GW_REJECT : transient(row);
	default:
		return row->broken;
	}
}

static void tell_broken(struct gw_call *call, const char *why, enum gw_verdict became)
{
	const char *hook = hook_table[call->hook].name;
	struct log_line *line = log_open(EVENT_MODULE_FAILED);

	log_text(line, KEY_BY, call->instance->name);
	log_text(line, KEY_HOOK, hook);
	log_text(line, KEY_TEXT, why);
	log_text(line, KEY_VERDICT, verdict_name(became));
	if (call_id(call))
		log_id(line, call_id(call));
	log_close(line);
	if (call->explain) {
		char sentence[256];
		snprintf(sentence, sizeof(sentence), "broke: %s; on_error makes that %s", why,
			 verdict_name(became));
		call->explain(call, gw_str(sentence));
	}
}

static enum chain_step end_with(struct gw_call *call, enum gw_verdict verdict)
{
	call->answer.verdict = verdict;
	call->answer.instance = call->instance->name;
	return STEP_END;
}

static enum chain_step failed(struct gw_call *call, const char *why)
{
	enum gw_verdict verdict = on_error_verdict(&hook_table[call->hook],
						   call->instance->on_error);

	atomic_fetch_add_explicit(&call->instance->counters->hooks[call->hook].failures, 1,
				  memory_order_relaxed);
	tell_broken(call, why, verdict);
	if (verdict == GW_CONTINUE)
		return STEP_ON;
	call->answer.broke = true;
	return end_with(call, verdict);
}

/* What it said before it broke was not meant for this. */
enum chain_step verdict_broken(struct gw_call *call, const char *why)
{
	answer_clear(&call->answer);
	return failed(call, why);
}

void verdict_stop(struct gw_call *call)
{
	answer_clear(&call->answer);
	call->answer.broke = true;
	end_with(call, transient(&hook_table[call->hook]));
}

enum chain_step verdict_take(struct gw_call *call, enum gw_verdict verdict)
{
	const struct hook_row *row = &hook_table[call->hook];

	if (call->hold && verdict == GW_PENDING)
		return STEP_HELD;
	if (call->hold) {
		hold_abandon(call);
		return verdict_broken(call, "it answered a call that it held");
	}
	if (verdict == GW_PENDING)
		return verdict_broken(call, "it said PENDING and held nothing");
	if (verdict == GW_FAILED)
		return failed(call, "it said FAILED");
	bool is_vote = verdict == GW_ACCEPT && row->mode != HOOK_CLAIM;

	if ((unsigned)verdict < GW_FAILED && allows(row, verdict) && !is_vote)
		return end_with(call, verdict);
	if (verdict == GW_ACCEPT)
		call->answer.voted = true;
	else if (verdict != GW_CONTINUE)
		return verdict_broken(call, "its verdict is none that this hook knows");
	return STEP_ON;
}
