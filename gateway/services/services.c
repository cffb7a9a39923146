#include "services/services.h"

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "deliver/delivery.h"
#include "module/on_worker.h"
#include "queue/submit.h"
#include "receive/session.h"

#include <stdlib.h>

/* --- anywhere --- */

static void service_log(const struct gw_call *call, enum gw_log_level level, const char *format,
			...)
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

static int64_t service_now(const struct gw_call *call)
{
	return clock_wall();
}

static const char *service_instance(const struct gw_call *call)
{
	return call->instance->name;
}

static struct gw_str service_hostname(const struct gw_call *call)
{
	return call->snapshot->settings.hostname;
}

static void *service_conf(const struct gw_call *call)
{
	return call->instance->conf;
}

static void *service_instance_data(const struct gw_call *call)
{
	return call->instance->data;
}

static void service_instance_data_set(struct gw_call *call, void *data)
{
	call->instance->data = data;
}

static void *service_alloc(struct gw_call *call, size_t size)
{
	if (bounds_memory(call, size))
		return arena_alloc(call->arena, size);
	bounds_refuse(call, "alloc", "that is too much memory for one session or message");
	return NULL;
}

/* --- private bytes --- */

/* One block for all instances, made when the first of them asks. */
static void *private_bytes(char **block, struct arena *arena, size_t size, size_t offset)
{
	if (!*block)
		*block = arena_alloc(arena, size);
	return *block ? *block + offset : NULL;
}

static void *service_session_data(struct gw_call *call)
{
	struct gw_session *session = call->session;
	return session ? private_bytes(&session->data, &session->arena,
				       call->snapshot->session_bytes,
				       call->instance->session_offset)
		       : NULL;
}

static void *service_message_data(struct gw_call *call)
{
	struct gw_message *message = call->message;
	return message ? private_bytes(&message->data, &message->arena,
				       call->snapshot->message_bytes,
				       call->instance->message_offset)
		       : NULL;
}

static void *service_delivery_data(struct gw_call *call)
{
	struct gw_delivery *delivery = call->delivery;
	return delivery ? private_bytes(delivery_data(delivery), &delivery_message(delivery)->arena,
					call->snapshot->delivery_bytes,
					call->instance->delivery_offset)
			: NULL;
}

/* --- from one object to another --- */

static struct gw_message *service_delivery_message(struct gw_delivery *delivery)
{
	return delivery_message(delivery);
}

static struct gw_rcpt *service_message_rcpt(struct gw_message *message, size_t nth)
{
	return nth < message->rcpt_count ? message->rcpts[nth] : NULL;
}

static struct gw_rcpt *service_delivery_rcpt(struct gw_delivery *delivery, size_t nth)
{
	const struct attempt *attempt = delivery_attempt(delivery);
	return nth < attempt->count ? attempt->rcpts[nth] : NULL;
}

static struct gw_relay *service_relay_at(struct gw_call *call, size_t nth)
{
	return nth < call->snapshot->relay_count ? &call->snapshot->relays[nth] : NULL;
}

static struct gw_relay *service_relay_named(struct gw_call *call, struct gw_str name)
{
	return snapshot_relay(call->snapshot, name);
}

static long service_secret_again(struct gw_call *call, struct gw_str secret, char *out, size_t size)
{
	if (call->hook == GW_HOOK_tick)
		return secret_again(call->snapshot->secret_files, secret, out, size);
	bounds_refuse(call, "secret_again", "that is asked in tick");
	return 0;
}

static void *service_relay_conf(struct gw_call *call, const struct gw_relay *relay)
{
	return relay->conf[call->instance->relay_slot];
}

/* --- notes --- */

static struct gw_str note_key(struct gw_call *call, const char *key, char *room, size_t size)
{
	int len = strchr(key, '.')
			  ? snprintf(room, size, "%s", key)
			  : snprintf(room, size, "%s.%s", call->instance->module->name, key);
	return gw_str_n(room, len > 0 && (size_t)len < size ? (size_t)len : 0);
}

static struct gw_str service_note(struct gw_call *call, const struct gw_message *message,
				  const char *key)
{
	char room[256];
	return message_note(message, note_key(call, key, room, sizeof(room)));
}

static int service_note_set(struct gw_call *call, struct gw_message *message, const char *key,
			    struct gw_str value)
{
	char room[256];
	struct gw_str full = note_key(call, key, room, sizeof(room));
	return full.len ? message_note_set(message, full, value) : -1;
}

/* --- waiting --- */

static void *service_event_base(struct gw_call *call)
{
	return worker_event_base(call->worker);
}

/* --- answers --- */

static void service_reply(struct gw_call *call, int code, const char *enhanced, const char *format,
			  ...)
{
	va_list args;
	va_start(args, format);
	call_reply(call, code, enhanced, format, args);
	va_end(args);
}

static void service_wait_until(struct gw_call *call, int64_t when)
{
	call->answer.wait_until = when;
}

static void service_reason(struct gw_call *call, const char *format, ...)
{
	char text[1024];
	va_list args;
	if (!call->explain)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (call->arena)
		call->answer.reason = arena_str(call->arena, gw_str(text));
	call->explain(call, gw_str(text));
}

/* --- receiving --- */

static void service_capability(struct gw_call *call, const char *line, bool offered)
{
	if (call->session && call->hook == GW_HOOK_ehlo && !strpbrk(line, "\r\n"))
		session_capability(call->session, gw_str(line), offered);
}

static void service_identify(struct gw_call *call, const struct gw_identity *identity)
{
	struct gw_identity given = { 0 };
	struct gw_session *session = call->session;
	if (!session)
		return;
	memcpy(&given, identity, identity->size < sizeof(given) ? identity->size : sizeof(given));
	const char *wrong = bounds_identity(&given);
	if (wrong) {
		bounds_refuse(call, "identify", wrong);
		return;
	}
	if (given.client.len)
		session_set(session, &session->client, given.client);
	if (given.type.len)
		session_set(session, &session->type, given.type);
	if (given.domains.len)
		session_set(session, &session->domains, given.domains);
}

static int service_type_set(struct gw_call *call, struct gw_message *message, struct gw_str type)
{
	if (call->hook < GW_HOOK_mail || call->hook > GW_HOOK_message)
		return -1;
	if (!bounds_type(type)) {
		bounds_refuse(call, "type_set",
			      "a type is a word of up to 64 letters, digits, '.', '_' and '-'");
		return -1;
	}
	struct gw_str copy = arena_str(&message->arena, type);
	if (!copy.ptr)
		return -1;
	message->type = copy;
	message->type_by = gw_str("module");
	return 0;
}

/* --- state: there is none while a configuration is only checked --- */

static struct gw_str owner(const struct gw_call *call)
{
	return gw_str(call->instance->module->name);
}

static bool can_store(const struct gw_call *call, const char *service, struct gw_str name)
{
	if (!bounds_name(name)) {
		bounds_refuse(call, service,
			      "a name is 1 to 255 octets without control characters");
		return false;
	}
	return runtime.state != NULL;
}

static int64_t service_counter_add(const struct gw_call *call, struct gw_str name, int64_t period,
				   int64_t add, int64_t limit)
{
	return !can_store(call, "counter_add", name)
		       ? -1
		       : state_counter_add(runtime.state, owner(call), name, period, add, limit);
}

static int64_t service_counter_get(const struct gw_call *call, struct gw_str name, int64_t period)
{
	return !can_store(call, "counter_get", name)
		       ? 0
		       : state_counter_get(runtime.state, owner(call), name, period);
}

static int service_record_put(const struct gw_call *call, struct gw_str key, struct gw_str value)
{
	return !can_store(call, "record_put", key)
		       ? -1
		       : state_record_put(runtime.state, owner(call), key, value);
}

static long service_record_get(const struct gw_call *call, struct gw_str key, void *out, size_t len)
{
	return !can_store(call, "record_get", key)
		       ? -1
		       : state_record_get(runtime.state, owner(call), key, out, len);
}

static int service_record_drop(const struct gw_call *call, struct gw_str key)
{
	return !can_store(call, "record_drop", key)
		       ? -1
		       : state_record_drop(runtime.state, owner(call), key);
}

static int service_record_each(const struct gw_call *call, struct gw_str prefix,
			       int (*each)(void *arg, struct gw_str key, struct gw_str value),
			       void *arg)
{
	return !runtime.state ? -1
			      : state_record_each(runtime.state, owner(call), prefix, each, arg);
}

/* --- telling --- */

static void service_status_line(struct gw_call *call, const char *key, const char *format, ...)
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

static void service_answer(struct gw_call *call, struct gw_str json)
{
	struct service_output *output = call->answer_to;
	if (call->hook == GW_HOOK_control && output)
		output->answer(output, json);
}

static void service_problem(struct gw_call *call, bool fatal, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (call->problems)
		problem_vadd(call->problems, fatal, call->instance->fragment->path,
			     call->instance->fragment->line, format, args);
	va_end(args);
}

static void service_answer_json(struct gw_call *call, struct gw_json *json)
{
	struct gw_str text = json_writer_text(json);
	if (text.ptr)
		service_answer(call, text);
	else
		service_problem(call, true, "the answer cannot be written: %s",
				json_writer_fault(json));
	json_writer_destroy(json);
}

static void service_emit(struct gw_call *call, const struct gw_event *event)
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

static int service_submit(struct gw_call *call, const struct gw_submission *submission)
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

const struct gw_services services = {
	.size = sizeof(services),
	.minor = GW_ABI_MINOR,
	.release = GATEWAY_RELEASE,
	.log = service_log,
	.now = service_now,
	.instance = service_instance,
	.hostname = service_hostname,
	.conf = service_conf,
	.instance_data = service_instance_data,
	.instance_data_set = service_instance_data_set,
	.alloc = service_alloc,
	.session_data = service_session_data,
	.message_data = service_message_data,
	.delivery_data = service_delivery_data,
	.session_fact = services_session_fact,
	.session_number = services_session_number,
	.message_fact = services_message_fact,
	.message_number = services_message_number,
	.rcpt_fact = services_rcpt_fact,
	.rcpt_number = services_rcpt_number,
	.delivery_fact = services_delivery_fact,
	.delivery_number = services_delivery_number,
	.relay_fact = services_relay_fact,
	.relay_number = services_relay_number,
	.delivery_message = service_delivery_message,
	.message_rcpt = service_message_rcpt,
	.delivery_rcpt = service_delivery_rcpt,
	.relay_at = service_relay_at,
	.relay_named = service_relay_named,
	.relay_conf = service_relay_conf,
	.note = service_note,
	.note_set = service_note_set,
	.offload = call_offload,
	.hold = call_hold,
	.wake = call_wake,
	.event_base = service_event_base,
	.reply = service_reply,
	.wait_until = service_wait_until,
	.reason = service_reason,
	.capability = service_capability,
	.identify = service_identify,
	.type_set = service_type_set,
	.header = services_header,
	.header_named = services_header_named,
	.body_offset = services_body_offset,
	.read = services_read,
	.route_add = services_route_add,
	.delivery_header = services_delivery_header,
	.delivery_body = services_delivery_body,
	.header_add = services_header_add,
	.header_replace = services_header_replace,
	.header_drop = services_header_drop,
	.body_replace = services_body_replace,
	.return_path_set = services_return_path_set,
	.login_set = services_login_set,
	.delivery_read = services_delivery_read,
	.outcome = services_outcome,
	.counter_add = service_counter_add,
	.counter_get = service_counter_get,
	.record_put = service_record_put,
	.record_get = service_record_get,
	.record_drop = service_record_drop,
	.record_each = service_record_each,
	.count = services_count,
	.status_line = service_status_line,
	.answer = service_answer,
	.problem = service_problem,
	.emit = service_emit,
	.submit = service_submit,
	.day = services_day,
	.accept_then_bounce = services_accept_then_bounce,
	.problem_at = services_problem_at,
	.cause = services_cause,
	.split = services_split,
	.split_by = services_split_by,
	.wait_on = services_wait_on,
	.notify = services_notify,
	.fault = services_fault,
	.hold_message = services_hold_message,
	.relay_close = services_relay_close,
	.relay_open = services_relay_open,
	.relay_closed = services_relay_closed,
	.relay_connections = services_relay_connections,
	.skipped = services_skipped,
	.domain_ascii = services_domain_ascii,
	.worker_data = on_worker_data,
	.worker_data_set = on_worker_data_set,
	.timer_set = on_worker_timer_set,
	.timer_clear = on_worker_timer_clear,
	.lookup = call_lookup,
	.http_request = on_worker_http_request,
	.http_cancel = on_worker_http_cancel,
	.dns_ask = on_worker_dns_ask,
	.dns_cancel = on_worker_dns_cancel,
	.verb_run = services_verb_run,
	.dns_wait = services_dns_wait,
	.publication = services_publication,
	.publication_each = services_publication_each,
	.await_next_hop = services_await_next_hop,
	.json_create = json_writer_create,
	.json_destroy = json_writer_destroy,
	.json_begin = json_writer_begin,
	.json_end = json_writer_end,
	.json_string = json_writer_string,
	.json_format = json_writer_format,
	.json_number = json_writer_number,
	.json_bool = json_writer_bool,
	.json_time = json_writer_time,
	.json_text = json_writer_text,
	.table_create = json_writer_table,
	.table_row = json_writer_row,
	.answer_json = service_answer_json,
	.json_read = json_reader_read,
	.json_free = json_reader_free,
	.json_kind = json_reader_kind,
	.json_member = json_reader_member,
	.json_item = json_reader_item,
	.json_count = json_reader_count,
	.json_value_string = json_reader_string,
	.json_value_number = json_reader_number,
	.json_value_bool = json_reader_bool,
	.offload_ranked = call_offload_ranked,
	.mechanism = services_mechanism,
	.proof_keys = services_proof_keys,
	.client_known = services_client_known,
	.edit_known = services_edit_known,
	.edit_each = services_edit_each,
	.client_each = services_client_each,
	.login = services_login,
	.login_refused = services_login_refused,
	.body_splice = services_body_splice,
	.message_file = services_message_file,
	.delivery_file = services_delivery_file,
	.token_refused = services_token_refused,
	.secret_again = service_secret_again,
};
