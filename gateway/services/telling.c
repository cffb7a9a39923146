/* telling.c - what modules say: log lines, answers to an admin, problems, events, mail. */
#include "services/services.h"

#include "base/json_writer.h"
#include "base/log.h"
#include "queue/submit.h"
#include "queue/runtime.h"

void services_status_line(struct gw_call *call, const char *key, const char *format, ...)
{
	struct service_output *output = call->answer_to;
	char text[1024];
	va_list args;
	if ((call->hook != GW_HOOK_status && call->hook != GW_HOOK_relay_status) || !output)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	output->status_line(output, call->instance->name, key, text);
}

void services_answer(struct gw_call *call, struct gw_str json)
{
	struct service_output *output = call->answer_to;
	if (call->hook == GW_HOOK_control && output)
		output->answer(output, json);
}

void services_problem(struct gw_call *call, bool fatal, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (call->problems)
		problem_vadd(call->problems, fatal, call->instance->fragment->path,
			     call->instance->fragment->line, format, args);
	va_end(args);
}

void services_answer_json(struct gw_call *call, struct gw_json *json)
{
	struct service_output *output = call->answer_to;
	if (!json_writer_text(json).ptr)
		services_problem(call, true, "the answer cannot be written: %s",
				 json_writer_fault(json));
	else if (call->hook == GW_HOOK_control && output) {
		output->written(output, json);
		return;
	}
	json_writer_destroy(json);
}

void services_emit(struct gw_call *call, const struct gw_event *event)
{
	struct gw_event given = { 0 };
	struct gw_call told;
	memcpy(&given, event, event->size < sizeof(given) ? event->size : sizeof(given));
	given.size = sizeof(given);
	struct log_line *line = log_open(EVENT_MODULE_EVENT);
	if (call->message)
		log_id(line, call->message->id);
	log_str(line, KEY_NAME, given.name);
	log_text(line, KEY_BY, call->instance->name);
	log_str(line, KEY_TEXT, given.text);
	log_close(line);
	chain_init(&told, call->worker, call->snapshot, call->arena);
	told.message = call->message;
	told.argument = &given;
	chain_tell(&told, GW_HOOK_event);
}

int services_submit(struct gw_call *call, const struct gw_submission *submission)
{
	struct gw_submission given = { 0 };
	memcpy(&given, submission,
	       submission->size < sizeof(given) ? submission->size : sizeof(given));
	const char *wrong = bounds_submission(&given, &call->snapshot->settings);
	if (wrong)
		bounds_refuse(call, "submit", wrong);
	if (wrong || !call->worker || !worker_get(call->worker, SLOT_IDS))
		return -1;
	struct submission own = {
		.worker = call->worker,
		.snapshot = call->snapshot,
		.sender = given.sender,
		.rcpts = given.rcpts.items,
		.rcpt_count = given.rcpts.count,
		.bytes = given.bytes,
		.type = given.type,
	};
	submit(&own);
	return 0;
}

void services_log(const struct gw_call *call, enum gw_log_level level, const char *format, ...)
{
	static const enum log_level levels[] = { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING,
						 LOG_LEVEL_ERROR };
	char text[LOG_LINE_MAX];
	va_list args;
	struct log_line *line = log_open_module(
		levels[level <= GW_LOG_ERROR ? level : GW_LOG_ERROR], call->instance->module->name);
	if (!line)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (call->message)
		log_id(line, call->message->id);
	log_text(line, KEY_BY, call->instance->name);
	log_text(line, KEY_TEXT, text);
	log_close(line);
}
